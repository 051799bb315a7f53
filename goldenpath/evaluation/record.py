"""The results of `06_evaluate`: `evaluation.json` in the run, read by report, model card and command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from goldenpath.evaluation.calibration import CalibrationCheck
from goldenpath.evaluation.champion import Champion
from goldenpath.evaluation.class_metrics import confusion
from goldenpath.evaluation.gate import Rule, Verdict
from goldenpath.evaluation.importance import Importance
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.metrics import Answers
from goldenpath.evaluation.resampling import Ints
from goldenpath.evaluation.slices import Slice
from goldenpath.records import Frozen
from goldenpath.registry.manifest import Manifest, TrainingRecord
from goldenpath.schema.targets import TWO_OUTCOMES, TargetSpec, TaskName


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
    positives: dict[str, int]  # of two outcomes; else empty
    threshold: Threshold | None  # of two outcomes
    models: tuple[Compared, ...]  # the candidate first
    not_comparable: str  # why the champion is not among them; "" where it is, or where there is none
    slices: tuple[Slice, ...]
    bootstrap: int  # resamples behind every interval
    task: TaskName = "binary"
    levels: tuple[str, ...] = ()  # classes of the confusion
    confusion: tuple[tuple[float, ...], ...] = ()  # weight of the candidate's test rows: outcome by label
    half_width: float | None = None  # of the interval around a quantity
    importance: Importance | None = None  # of each field; None in older records
    calibration: CalibrationCheck | None = None  # of probabilities; None in older records


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
        rules=(*rules, *choice_of(record)),
    )


def choice_of(record: TrainingRecord) -> tuple[Rule, ...]:
    "Say in the verdict which candidate this is, and why it was chosen; an older record does not know."
    if not record.candidate:
        return ()
    return (Rule(name="candidate", result="info", detail=f"{record.candidate}: {record.choice}"),)


def evaluation_of(
    record: TrainingRecord,
    champion: Champion,
    judged: Mapping[str, tuple[Ints, NDArray[Any]]],  # validation and test rows: how many of each outcome
    threshold: Threshold | None,
    metrics: Mapping[str, dict[str, Interval]],  # by name of the model, the candidate first
    slices: Sequence[Slice],
    rounds: int,  # of the bootstrap
    target: TargetSpec = TWO_OUTCOMES,
    candidate: Answers | None = None,  # on the test rows, for classes and quantities
    importance: Importance | None = None,
    calibration: CalibrationCheck | None = None,
) -> Evaluation:
    "Put together what was measured on the held-out rows."
    origin = {
        "candidate": (record.version, threshold.value if threshold else None),
        "champion": (champion.version, champion.threshold),
    }
    counts = confusion(candidate) if candidate and target.task == "classes" else ()
    models = [(name, *origin.get(name, ("", None)), measured) for name, measured in metrics.items()]
    return Evaluation(
        version=record.version,
        synthetic=record.synthetic,
        rows={split: int(count.sum()) for split, (count, _) in judged.items()},
        positives={
            split: int(count[outcome].sum())
            for split, (count, outcome) in judged.items()
            if target.task == "binary"
        },
        threshold=threshold,
        models=tuple(Compared(name=n, version=v or "", threshold=t, metrics=m) for n, v, t, m in models),
        not_comparable=champion.why_not,
        slices=tuple(slices),
        bootstrap=rounds,
        task=target.task,
        levels=target.outcomes if target.task == "classes" else (),
        confusion=counts,
        half_width=candidate.half_width if candidate else None,
        importance=importance,
        calibration=calibration,
    )
