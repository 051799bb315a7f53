"""The counts of a batch job: in the same form as a server's, with the role `batch`."""

from datetime import UTC, datetime
from typing import Protocol

from goldenpath.errors import GoldenpathError
from goldenpath.feedback.counts import Counts, hour_of, write_counts, writer_name
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.profile import read_profile
from goldenpath.feedback.tally import AnswerTally
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract
from goldenpath.settings.table import Settings
from goldenpath.text.plain import say

ROLE = "batch"


class CountedVersion(Protocol):
    "A loaded version."

    contract: Contract
    manifest: Manifest | None


def file_tally(settings: Settings, registry: Registry, loaded: CountedVersion) -> AnswerTally | None:
    "Return what counts the answers to one file; None if they are not counted."
    manifest = loaded.manifest
    if settings.feedback == "off" or manifest is None:
        return None
    profile = read_profile(registry.folder(manifest.version), manifest)
    return AnswerTally(loaded.contract.target, profile)


def counts_of_file(tally: AnswerTally, version: str, writer: str = "") -> Counts:
    "Return the counts of a file that is complete, in this hour; without a writer's name, of this process."
    return tally.counts(version, ROLE, hour_of(datetime.now(UTC)), writer or writer_name())


def keep_counts(folder: FeedbackFolder, counts: Counts) -> bool:
    "Write counts, in place of the same ones. That they cannot be written is said, and fails no job."
    try:
        if counts.total:
            write_counts(folder, counts)
    except GoldenpathError as fault:
        say(f"the answers of this job are not counted: {fault}")
        return False
    return True
