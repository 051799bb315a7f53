"""The results of `06_evaluate`: `evaluation.json` in the run, read by report, model card and command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from goldenpath.evaluation.champion import Champion
from goldenpath.evaluation.gate import Rule, Verdict
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.metrics import Bools
from goldenpath.evaluation.slices import Slice
from goldenpath.records import Frozen
from goldenpath.registry.manifest import Manifest, TrainingRecord


class Threshold(Frozen):
    "A row is called positive if its probability is at least `value`."

    value: float
    rule: str
    recall: float | None  # on the validation rows; None if they do not define it
    precision: float | None


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


@dataclass(frozen=True)
class Judgment:
    "Results of `06_evaluate` on one candidate."

    manifest: Manifest
    verdict: Verdict
    evaluation: Evaluation


def verdict_of(record: TrainingRecord, champion: Champion, rules: Sequence[Rule]) -> Verdict:
    "Put together what the gate says of a candidate."
    return Verdict(
        version=record.version,
        synthetic=record.synthetic,
        champion=champion.version,
        roles_number=champion.number,
        rules=tuple(rules),
    )


def evaluation_of(
    record: TrainingRecord,
    champion: Champion,
    outcome: Mapping[str, Bools],  # of validation and test rows
    threshold: Threshold,
    metrics: Mapping[str, dict[str, Interval]],  # by name of the model, the candidate first
    slices: Sequence[Slice],
    rounds: int,  # of the bootstrap
) -> Evaluation:
    "Put together what was measured on the held-out rows."
    origin = {
        "candidate": (record.version, threshold.value),
        "champion": (champion.version, champion.threshold),
    }
    models = [(name, *origin.get(name, ("", None)), measured) for name, measured in metrics.items()]
    return Evaluation(
        version=record.version,
        synthetic=record.synthetic,
        rows={split: len(rows) for split, rows in outcome.items()},
        positives={split: int(rows.sum()) for split, rows in outcome.items()},
        threshold=threshold,
        models=tuple(Compared(name=n, version=v or "", threshold=t, metrics=m) for n, v, t, m in models),
        not_comparable=champion.why_not,
        slices=tuple(slices),
        bootstrap=rounds,
    )
