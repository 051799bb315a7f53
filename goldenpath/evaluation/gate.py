"""The gate: which rules a candidate is held against, and the verdict that lists every one of them.

`fail` refuses publication. `hold` lets the candidate be published, but no machine makes it champion: the
rows cannot tell, or the two models cannot be compared, and that is for a person to decide. `info` judges
nothing: a value worth seeing that has no floor, or a floor of 0, which every value reaches.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import computed_field, model_validator

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.slices import ENOUGH, Slice, lowest_recall
from goldenpath.records import Frozen
from goldenpath.text.plain import one_line

if TYPE_CHECKING:
    from goldenpath.text.text_table import TextTable

JUDGED = ("roc_auc", "average_precision")  # not accuracy: the majority class alone scores high
Result = Literal["pass", "fail", "hold", "info"]


class Rule(Frozen):
    "One rule of the gate: what was measured, what was asked for, and what follows."

    name: str
    value: float | None
    low: float | None = None  # the 95 % interval of the value, where it has one
    high: float | None = None
    threshold: float | None
    result: Result
    detail: str  # how it was judged, or why it could not be


class Verdict(Frozen):
    "Every rule, and the role entry that the candidate was judged against."

    version: str
    synthetic: bool
    champion: str | None  # the version that it was compared with; None where there is none
    roles_number: int  # number of the role entry that named this champion: promotion is made from it
    rules: tuple[Rule, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_rules_alone(cls, values: Any) -> Any:
        "Drop the result that verdict.json repeats for its readers: it is computed from the rules."
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if key not in ("passed", "promotable")}

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property
    @property
    def passed(self) -> bool:
        "It may be published: a rule was judged, and none failed."
        results = {rule.result for rule in self.rules}
        return "fail" not in results and bool(results & {"pass", "hold"})

    @computed_field  # type: ignore[prop-decorator]
    @property
    def promotable(self) -> bool:
        "It may also become champion without a person's decision."
        return self.passed and not self.broken()

    def broken(self) -> tuple[Rule, ...]:
        "Return the rules that failed, then those that hold."
        return tuple(sorted((r for r in self.rules if r.result in ("fail", "hold")), key=lambda r: r.result))


def beats_baseline(difference: Mapping[str, Interval], margin: float) -> tuple[Rule, ...]:
    "Better than the majority class by a margin: the lower end of the paired difference is judged."
    return tuple(_beats(metric, difference[metric], margin) for metric in JUDGED)


def _beats(metric: str, gain: Interval, margin: float) -> Rule:
    return Rule(
        name=f"{metric} above the baseline",
        value=gain.value,
        low=gain.low,
        high=gain.high,
        threshold=margin,
        result="pass" if gain.low is not None and gain.low >= margin else "fail",
        detail="the lower end of the interval must reach the margin",
    )


def keeps_up(difference: Mapping[str, Interval], worse: float) -> tuple[Rule, ...]:
    "Not worse than the champion beyond a margin, on the same rows."
    return tuple(_keeps_up(metric, difference[metric], worse) for metric in JUDGED)


def _keeps_up(metric: str, gain: Interval, worse: float) -> Rule:
    result, detail = _against_champion(gain, worse)
    return Rule(
        name=f"{metric} against the champion",
        value=gain.value,
        low=gain.low,
        high=gain.high,
        threshold=-worse,
        result=result,
        detail=detail,
    )


def _against_champion(gain: Interval, worse: float) -> tuple[Result, str]:
    """Within the margin passes; beyond it fails, unless the interval reaches zero.

    There the rows are too few to tell a worse model from chance, which is a reason to ask a person and
    none to refuse.
    """
    if gain.value is None or gain.high is None:
        return "hold", "the rows do not define the difference"
    if gain.value >= -worse:
        return "pass", "not worse beyond the margin"
    if gain.high >= 0:
        return "hold", "worse beyond the margin, but the interval reaches zero: too few rows to tell"
    return "fail", "worse beyond the margin, and the interval lies below zero"


def not_comparable(champion: str, why: str) -> Rule:
    "Report that the champion cannot be measured on these rows."
    return Rule(
        name="comparable with the champion",
        value=None,
        threshold=None,
        result="hold",
        detail=f"{champion} is not comparable ({why}): promotion is by hand",
    )


def real_before_stand_in(synthetic: bool, champion_synthetic: bool) -> Rule:
    "Keep a version trained on synthetic rows from replacing one that was trained on real rows."
    clash = synthetic and not champion_synthetic
    return Rule(
        name="no stand-in over real rows",
        value=None,
        threshold=None,
        result="hold" if clash else "pass",
        detail="trained on the synthetic stand-in, the champion on real rows: it never replaces it"
        if clash
        else "champion and candidate allow it",
    )


def above_floors(
    floors: Mapping[str, float], metrics: Mapping[str, Interval], slices: Sequence[Slice]
) -> tuple[Rule, ...]:
    """Hold each metric against its floor, and the slice with the lowest recall against `slice_recall`.

    That slice is always shown where there are slices; without a floor, or with a floor of 0, as `info`.
    """
    named = {**({"slice_recall": 0.0} if slices else {}), **floors}
    return tuple(
        _slice_floor(floor, slices) if name == "slice_recall" else _floor(name, floor, metrics[name])
        for name, floor in sorted(named.items(), key=lambda pair: pair[0] == "slice_recall")
    )


def _floor(metric: str, floor: float, measured: Interval) -> Rule:
    reached = measured.value is not None and measured.value >= floor
    return Rule(
        name=f"{metric} at least" if floor else metric,
        value=measured.value,
        low=measured.low,
        high=measured.high,
        threshold=floor or None,
        result=("pass" if reached else "fail") if floor else "info",
        detail="the value must reach the floor" if floor else "a floor of 0 judges nothing",
    )


def _slice_floor(floor: float, slices: Sequence[Slice]) -> Rule:
    lowest = lowest_recall(slices)
    if lowest is None or lowest.recall is None:
        value, reached, detail = None, None, f"no slice has {ENOUGH} positive rows to be judged by"
    else:
        value, reached = lowest.recall, lowest.recall >= floor
        detail = f"lowest: {lowest.column} = {lowest.level}, {lowest.positives} positive rows"
    results: dict[bool | None, Result] = {True: "pass", False: "fail", None: "hold"}
    return Rule(
        name="recall of every slice at least" if floor else "lowest recall of a slice",
        value=value,
        threshold=floor or None,
        result=results[reached] if floor else "info",
        detail=detail,
    )


def verdict_table(verdict: Verdict) -> "TextTable":
    "Render the verdict for the terminal: every rule, with the details of those that failed."
    from goldenpath.text.text_table import TextTable, styled

    judged = [one_line(f"{rule.result}: {rule.name}: {rule.detail}") for rule in verdict.broken()]
    title = f"Gate {'passed' if verdict.passed else 'refused'}: {verdict.version}"
    table = TextTable(title, caption="\n".join(judged), caption_justify="left")
    for heading in ("rule", "value", "95 % interval", "threshold", "result"):
        table.add_column(heading, justify="right" if heading in ("value", "threshold") else "left")
    styles = {"pass": "green", "fail": "bold red", "hold": "yellow", "info": "dim"}
    for rule in verdict.rules:
        table.add_row(*_cells(rule), styled(rule.result, styles[rule.result]))
    return table


def _cells(rule: Rule) -> tuple[str, str, str, str]:
    span = f"{rule.low:.4f} to {rule.high:.4f}" if rule.low is not None and rule.high is not None else ""
    return rule.name, _figure(rule.value), span, _figure(rule.threshold)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
