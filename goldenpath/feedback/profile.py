"""What a version's own data look like: the content of its `profile.json`, which answers are compared with.

A profile holds counts by level, range and score, never a row. A cell with fewer than `FEWEST_IN_CELL` rows is
merged with another, and no border is the value of fewer rows than that.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from goldenpath.errors import NotTrusted
from goldenpath.evaluation.intervals import Interval
from goldenpath.records import Frozen
from goldenpath.registry.artifact import read_record
from goldenpath.registry.manifest import Manifest
from goldenpath.schema.contract import ContractSpec
from goldenpath.schema.targets import TaskName

PROFILE = "profile.json"  # not in versions of older releases
FEWEST_IN_CELL = 5  # rows
LEVELS_KEPT = 50  # of a text field; rows of all others are counted together
NUMBER_CELLS = 20  # of a number
SCORE_CELLS = 1_000  # of a probability
QUANTITY_CELLS = 100  # of a predicted quantity
WINDOWS = (100, 1_000, 10_000)  # answers for which the profile says how much each figure varies
QUANTITY = "value"  # name of the score of a quantity

Finite = Annotated[float, Field(allow_inf_nan=False)]
UnitInterval = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
LossName = Literal["absolute", "squared", "logarithmic"]  # the last: squared difference of log(1 + amount)


class FieldProfile(Frozen):
    """How often the values of one field occur among the training rows.

    Cell i of a number holds edges[i - 1] < value <= edges[i]; the last cell of a text field holds every value
    that is not one of the levels.
    """

    name: str
    levels: Annotated[tuple[str, ...], Field(max_length=LEVELS_KEPT)] | None = None  # None: a number
    edges: Annotated[tuple[Finite, ...], Field(max_length=NUMBER_CELLS - 1)] = ()
    lowest: Finite | None = None  # of a number: what lies below or above is outside
    highest: Finite | None = None
    counts: tuple[Count, ...]  # by cell
    missing: Count = 0  # 0 also for fewer than FEWEST_IN_CELL rows
    outside: Count = 0  # 0 also for fewer than FEWEST_IN_CELL rows
    means: tuple[Finite, ...] = ()  # of a number, by cell
    deviation: Size = 0.0  # of a number: standard deviation of all rows

    @property
    def is_text(self) -> bool:
        "Check that the field is profiled by its levels."
        return self.levels is not None

    @model_validator(mode="after")
    def _consistent(self) -> "FieldProfile":
        borders = self.edges if self.levels is None else self.levels
        require(len(self.counts) == len(borders) + 1, f"{self.name} needs one count for each cell")
        require(len(set(borders)) == len(borders) and "" not in borders, f"{self.name} repeats a cell")
        require(len(self.means) in (0, len(self.counts)), f"{self.name} needs one mean for each cell")
        require(list(self.edges) == sorted(self.edges), f"the edges of {self.name} must ascend")
        require(not (self.is_text and self.edges), f"{self.name} has levels and edges")
        require(
            self.is_text or self.lowest is None or self.highest is None or self.lowest <= self.highest,
            f"the lowest value of {self.name} is above its highest",
        )
        return self


class Loss(Frozen):
    "What answers of a group of predicted values are expected to be off by, from the validation rows."

    mean: tuple[Size, ...]  # by group
    deviation: tuple[Size, ...]  # standard deviation between the rows of a group


class ScoreProfile(Frozen):
    """How often the scores of one outcome occur among the validation rows, and what they are worth.

    A probability falls into one of SCORE_CELLS fine cells (see `cells`); `counts` puts neighbours together,
    so that a group holds enough rows: group i begins at the fine cell starts[i]. A quantity has cells between
    its own `edges`, and each cell is its own group.
    """

    name: str  # the outcome whose probability it is, or QUANTITY
    edges: Annotated[tuple[Finite, ...], Field(max_length=QUANTITY_CELLS - 1)] = ()  # of a quantity
    starts: Annotated[tuple[Count, ...], Field(max_length=SCORE_CELLS)]  # ascending, from 0
    counts: tuple[Count, ...]  # validation rows by group
    means: tuple[Finite, ...]  # by group: the calibrated probability or the predicted value
    knots: Annotated[
        tuple[tuple[UnitInterval, UnitInterval], ...], Field(max_length=10_000)
    ] = ()  # score -> probability
    losses: dict[LossName, Loss] = Field(default_factory=dict)  # of a quantity

    @model_validator(mode="after")
    def _consistent(self) -> "ScoreProfile":
        groups, named = len(self.starts), f"the score of {self.name}"
        require(groups > 0 and self.starts[0] == 0, f"{named} needs a group that begins at 0")
        require(ascend(self.starts) and ascend(self.edges), f"the groups of {named} must ascend")
        require(self.starts[-1] < SCORE_CELLS, f"a group of {named} begins beyond the last cell")
        require(len(self.counts) == len(self.means) == groups, f"{named} needs one count and mean by group")
        for loss in self.losses.values():
            require(len(loss.mean) == len(loss.deviation) == groups, f"{named} needs one loss by group")
        scores = [score for score, _ in self.knots]
        require(ascend(scores), f"the knots of {named} must ascend")
        return self


class Spread(Frozen):
    "How much a figure varies between windows of one size that differ by chance alone."

    mean: Finite
    deviation: Size  # standard deviation
    limit: Finite  # values beyond it are not chance: above it for drift, on the worse side for metrics


class Profile(Frozen):
    "What a version was trained and validated on, in counts."

    format: Literal[1] = 1
    task: TaskName
    rows: dict[str, Count]  # train, validation, test
    fields: tuple[FieldProfile, ...]
    scores: Annotated[tuple[ScoreProfile, ...], Field(min_length=1)]
    labels: dict[str, Count]  # decisions on the validation rows; empty for a quantity
    label_p: dict[str, Size] = Field(
        default_factory=dict
    )  # sums of the label's calibrated probability among them
    metrics: dict[str, Interval]  # promised: on the test rows
    spread: dict[
        int, dict[str, Spread]
    ]  # by window size and figure: "drift:<field>", "score:<name>", a metric

    def field(self, name: str) -> FieldProfile | None:
        "Return the profile of a field; None if it has none."
        return next((field for field in self.fields if field.name == name), None)

    def problem(self, spec: ContractSpec) -> str:
        "Explain what does not fit a contract; empty if everything does."
        fields = [(field.name, field.is_text) for field in self.fields]
        if fields != [(field.name, field.is_text) for field in spec.inputs]:
            return "its fields are not those of the contract"
        if self.task != spec.target.task or [score.name for score in self.scores] != score_names(spec):
            return "its scores are not those of the target"
        if not {*self.labels, *self.label_p} <= {*spec.target.outcomes}:
            return "its labels are not those of the target"
        return ""


def score_names(spec: ContractSpec) -> list[str]:
    "Name the scores of a target: the positive outcome, every class, or QUANTITY."
    return {"binary": [*spec.target.outcomes[1:]], "quantity": [QUANTITY]}.get(
        spec.target.task, [*spec.target.outcomes]
    )


def read_profile(folder: Path, manifest: Manifest) -> Profile | None:
    """Read the profile of a version; None for a version of an older release.

    Raises NotTrusted if it was altered, is not a profile, or does not fit the contract; VolumeFault.
    """
    if PROFILE not in manifest.files:
        return None
    profile = read_record(folder, manifest, PROFILE, Profile)
    if problem := profile.problem(read_record(folder, manifest, "contract.json", ContractSpec)):
        raise NotTrusted(f"{folder / PROFILE} does not fit: {problem}; publish the version again")
    return profile


def ascend(values: Sequence[float]) -> bool:
    "Check that each value is above the one before."
    return all(one < other for one, other in pairwise(values))


def require(holds: bool, rule: str) -> None:
    "Raise ValueError, which names the rule, unless it holds."
    if not holds:
        raise ValueError(rule)
