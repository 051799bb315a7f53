"""The verdict of the gate: every rule that a candidate was held against, as `verdict.json` and as a table.

`fail` refuses publication. `hold` lets the candidate be published, but no machine makes it champion: the
rows cannot tell, or the two models cannot be compared, and that is for a person to decide. `info` judges
nothing: a value worth seeing that has no floor, or a floor of 0, which every value reaches.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import computed_field, model_validator

from goldenpath.records import Frozen
from goldenpath.text.plain import one_line

if TYPE_CHECKING:
    from goldenpath.text.text_table import TextTable

Result = Literal["pass", "fail", "hold", "info"]


class Rule(Frozen):
    "One rule of the gate: what was measured, what was asked for, and what follows."

    name: str
    value: float | None = None
    low: float | None = None  # the 95% interval of the value, if it has one
    high: float | None = None
    threshold: float | None = None
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


def verdict_table(verdict: Verdict) -> "TextTable":
    "Render the verdict for the terminal: every rule, with the details of those that failed."
    from goldenpath.text.text_table import TextTable, styled

    judged = [one_line(f"{rule.result}: {rule.name}: {rule.detail}") for rule in verdict.broken()]
    title = f"Gate {'passed' if verdict.passed else 'refused'}: {verdict.version}"
    table = TextTable(title, caption="\n".join(judged), caption_justify="left")
    for heading in ("rule", "value", "95% interval", "threshold", "result"):
        table.add_column(heading, justify="right" if heading in ("value", "threshold") else "left")
    styles = {"pass": "green", "fail": "bold red", "hold": "yellow", "info": "dim"}
    for rule in verdict.rules:
        table.add_row(*_cells(rule), styled(rule.result, styles[rule.result]))
    return table


def _cells(rule: Rule) -> tuple[str, str, str, str]:
    span = f"{rule.low:.4f} to {rule.high:.4f}" if rule.low is not None and rule.high is not None else ""
    return rule.name, four_digits(rule.value), span, four_digits(rule.threshold)


def four_digits(value: float | None) -> str:
    "Format a value of a rule; a dash if there is none."
    return "-" if value is None else f"{value:.4f}"
