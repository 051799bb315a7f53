"""The counts of a batch job: in the same form as a server's, with the role `batch`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from goldenpath.errors import GoldenpathError
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.ledger import Ledger
from goldenpath.feedback.profile import read_profile
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract
from goldenpath.settings.table import Settings
from goldenpath.text.plain import say


class CountedVersion(Protocol):
    "A loaded version."

    contract: Contract
    manifest: Manifest | None


@contextmanager
def batch_ledger(settings: Settings, registry: Registry, loaded: CountedVersion) -> Iterator[Ledger | None]:
    """Yield what counts the answers of a job, which is written when the job is done; None if it is off.

    That it cannot be written is said, and fails no job.
    """
    manifest = loaded.manifest
    if settings.feedback == "off" or manifest is None:
        yield None
        return
    profile = read_profile(registry.folder(manifest.version), manifest)
    folder = FeedbackFolder(settings.home_folder(), settings.model)
    ledger = Ledger(loaded.contract.spec, folder, lambda version: profile)
    yield ledger
    try:
        ledger.write()
    except GoldenpathError as fault:
        say(f"the answers of this job are not counted: {fault}")
