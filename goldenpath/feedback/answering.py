"""The versions that answered: which are meant, and what the registry holds of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.metrics import Answers
from goldenpath.evaluation.tasks import metrics_of
from goldenpath.feedback.counts import Counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.profile import Profile, read_profile
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES
from goldenpath.schema.targets import TargetSpec
from goldenpath.text.spelling import nearest

if TYPE_CHECKING:
    import pandas as pd

VOLUME_ONLY = "so only requests and refusals are reported"


@dataclass(frozen=True)
class Reference:
    "What the registry holds of a version that answered."

    profile: Profile | None
    promised: dict[str, Interval]
    note: str = ""  # why there is no profile


def reference_of(registry: Registry, version: str) -> Reference:
    "Read the profile of a version and the promised metrics; say in `note` why there is no profile."
    try:
        manifest = registry.manifest(version)
        profile = read_profile(registry.folder(version), manifest)
    except GoldenpathError as fault:
        return Reference(None, {}, f"the version cannot be read ({fault}), {VOLUME_ONLY}")
    if profile is not None:
        return Reference(profile, dict(profile.metrics))
    values = manifest.metrics.items()
    promised = {name: Interval(value=value, low=None, high=None) for name, value in values}
    return Reference(None, promised, f"an older release made the version, without a profile, {VOLUME_ONLY}")


def require_feedback(folder: FeedbackFolder) -> FeedbackFolder:
    "Return the folder. Raises BadInput if no server and no batch job has made it."
    if not folder.path.is_dir():
        raise BadInput(
            f"there is no {folder.path}: nothing was counted yet; serve with `feedback = counts`, the "
            "default, from the same home, or score a file with `goldenpath batch`"
        )
    return folder


def require_counted(registry: Registry, name: str, counts: Sequence[Counts]) -> str:
    "Return the version that a name or role means. Raises BadInput, with the nearest, if there is none."
    if name in ROLES:
        return registry.resolve(name)
    versions = sorted({*registry.versions(), *(one.version for one in counts if one.version)})
    if name not in versions:
        raise BadInput(
            f"there is no version {name!r} of {registry.model}{nearest(name, versions)}; "
            "`goldenpath models list` shows them"
        )
    return name


def names_compared(registry: Registry, version: str, against: str) -> tuple[str, str] | None:
    "Return the versions to compare: those that are named, else champion and challenger; None without two."
    roles = registry.roles()
    pair = version or roles.champion or "", against or roles.challenger or ""
    return pair if all(pair) and pair[0] != pair[1] else None


def answers_in(
    rows: "pd.DataFrame",  # joined: answers with `outcome`
    target: TargetSpec,
) -> Answers:
    "Return answers with outcomes in the form that metrics take."
    import pandas as pd

    outcome, metrics = target.encode(rows["outcome"]), metrics_of(target)
    if target.task == "quantity":
        half = float((rows["high"] - rows["value"]).median())
        width = half if np.isfinite(half) else None
        values = rows["value"].to_numpy(float)
        return Answers(outcome, values, np.empty(0), half_width=width, metrics=metrics)
    codes = pd.Index(target.outcomes).get_indexer(pd.Index(rows["label"].astype(object)))
    if target.task == "binary":
        return Answers(outcome, rows["probability"].to_numpy(float), codes == 1, metrics=metrics)
    scores = rows[[f"probability_{level}" for level in target.outcomes]].to_numpy(float)
    return Answers(outcome, scores, codes, metrics=metrics)
