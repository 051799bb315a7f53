"""What `06_evaluate` found: `evaluation.json` in the run, read by report, model card and command line."""

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.slices import Slice
from goldenpath.evaluation.threshold import Threshold
from goldenpath.records import Frozen


class Compared(Frozen):
    "One of the models that were measured on the same test rows."

    name: str  # "candidate", "majority baseline", "champion"
    version: str  # "" for the baseline
    threshold: float | None  # the one it decides with; None for the baseline
    metrics: dict[str, Interval]


class Evaluation(Frozen):
    "Everything measured on the held-out rows of one run."

    version: str
    synthetic: bool
    rows: dict[str, int]  # validation, test
    positives: dict[str, int]
    threshold: Threshold
    models: tuple[Compared, ...]  # the candidate first
    not_comparable: str  # why the champion is not among them; "" where it is, or where there is none
    slices: tuple[Slice, ...]
    bootstrap: int  # resamples behind every interval
