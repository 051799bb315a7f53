"""Fill the templates of this package: values in, text out."""

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenpath.evaluation.calibration import CalibrationCheck
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.tasks import label, metric_words
from goldenpath.measure.stopwatch import in_words, three_figures

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    "Fill a template. In HTML every value is escaped; in Markdown the filter `cell` protects a table."
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> "Environment":
    "Return the templates' environment; a name that a template lacks is an error."
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and ".html" in name),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "base64": lambda data: base64.b64encode(data).decode(),
        "cell": cell,
        "count": lambda number: f"{number:,}",
        "figure": three_decimals,
        "honesty": before_and_after,
        "interval": with_interval,
        "label": label,
        "moment": moment,
        "percent": lambda share: f"{100 * share:.1f}%",
        "prefixed": lambda text, prefix: f"{prefix}{text}",
        "rule_words": rule_words,
        "seconds": in_words,
        "spread": lambda loss: three_with_ends(loss.mean, loss.low, loss.high),
        "three": three_figures,
        "words": metric_words,
    }
    return made


def moment(time: str) -> str:
    "Shorten a time in ISO 8601 to the minute: `2026-11-28 12:00`."
    return time[:16].replace("T", " ")


def three_decimals(value: float | None) -> str:
    "Format a share or score with three decimals; a dash if there is none."
    return "-" if value is None else f"{value:.3f}"


def with_interval(interval: Interval) -> str:
    "Format a value with its interval: `0.956 [0.941, 0.968]`."
    if interval.low is None or interval.high is None:
        return three_decimals(interval.value)
    return three_with_ends(interval.value, interval.low, interval.high)


def before_and_after(check: CalibrationCheck) -> str:
    "Format the calibration error, before and after a map if there is one."
    before = with_interval(check.before.error)
    return f"{before} before calibration, {with_interval(check.after.error)} after" if check.after else before


def three_with_ends(value: float | None, low: float, high: float) -> str:
    "Format a value and the ends of its range."
    return f"{three_decimals(value)} [{three_decimals(low)}, {three_decimals(high)}]"


def cell(text: str) -> str:
    "Protect a text in a cell of a Markdown table."
    return text.replace("|", "\\|").replace("\n", " ")


def rule_words(
    name: str,  # of a rule of the gate, such as `roc_auc at least`
) -> str:
    "Name a rule of the gate with its metric in words."
    return " ".join(map(metric_words, name.split(" ")))
