"""The decision threshold, chosen by a named rule: best_f1, recall>=0.8, precision>=0.5, or a number."""

import re

import numpy as np

from goldenpath.rails.errors import BadInput
from goldenpath.rails.evaluation.metrics import Answers, Bools, Floats, curve
from goldenpath.rails.manifest import Frozen

ALLOWED = "best_f1, recall>=0.8, precision>=0.5 or a number from 0 to 1"
GAP = 2e-5  # twice what the two prediction paths may differ by


class Threshold(Frozen):
    "A row is called positive where its probability is at least `value`."

    value: float
    rule: str
    recall: float | None  # on the validation rows; None where they do not define it
    precision: float | None


class Cuts(Frozen):
    "One rule of the form `metric>=floor`."

    metric: str
    floor: float


def parse_rule(rule: str) -> str | float | Cuts:
    "The rule in parts. Raises BadInput naming what is allowed."
    rule = rule.strip()
    if rule == "best_f1":
        return rule
    if bound := re.fullmatch(r"(recall|precision)\s*>=\s*(\S+)", rule):
        return Cuts(metric=bound[1], floor=_share(bound[2], rule))
    return _share(rule, rule)


def _share(text: str, rule: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise BadInput(f"threshold = {rule!r} in settings.ini is no rule: use {ALLOWED}")
    return value


def choose(rule: str, outcome: Bools, probability: Floats) -> Threshold:
    """The threshold that `rule` asks for on these (validation) rows, outcome and probability (n,).

    `recall>=x` takes the highest threshold that still finds that share, `precision>=x` the lowest that
    still is that precise. Raises BadInput where no threshold can keep the rule.
    """
    parsed = parse_rule(rule)
    if isinstance(parsed, float):
        return _at(parsed, rule, outcome, probability)
    values, recall, precision = _candidates(outcome, probability)
    if parsed == "best_f1":
        total = recall + precision
        best = int(
            np.argmax(np.divide(2 * recall * precision, total, out=np.zeros_like(total), where=total > 0))
        )
        return _at(float(values[best]), rule, outcome, probability)
    assert isinstance(parsed, Cuts)
    return _bounded(parsed, rule, values, recall, precision)


def _bounded(cuts: Cuts, rule: str, values: Floats, recall: Floats, precision: Floats) -> Threshold:
    "Highest threshold for a floor on recall, lowest for one on precision (`values` fall)."
    measured = recall if cuts.metric == "recall" else precision
    kept = np.flatnonzero(measured >= cuts.floor)
    if not len(kept):
        raise BadInput(
            f"threshold = {rule!r} cannot be kept: the highest {cuts.metric} on the validation rows is "
            f"{measured.max():.3f}; set a lower one in settings.ini"
        )
    at = kept[0] if cuts.metric == "recall" else kept[-1]
    return Threshold(
        value=float(values[at]), rule=rule, recall=float(recall[at]), precision=float(precision[at])
    )


def _candidates(outcome: Bools, probability: Floats) -> tuple[Floats, Floats, Floats]:
    """Thresholds (falling) with their recall and precision.

    Each lies half-way between two neighbouring probabilities, and where possible only between such as are
    further apart than the two prediction paths may differ: else rounding alone could turn a decision.
    """
    answers = Answers(outcome, probability, np.zeros(len(outcome), dtype=bool))
    hits, alarms = curve(answers)
    distinct = probability[answers.order][answers.ends]
    below = np.append(distinct[1:], 0.0)
    wide = distinct - below > GAP
    keep = wide if wide.any() else np.ones_like(wide)
    return ((distinct + below) / 2)[keep], (hits / hits[-1])[keep], (hits / (hits + alarms))[keep]


def _at(value: float, rule: str, outcome: Bools, probability: Floats) -> Threshold:
    called = probability >= value
    hit = float((called & outcome).sum())
    return Threshold(
        value=value,
        rule=rule,
        recall=hit / float(outcome.sum()) if outcome.any() else None,
        precision=hit / float(called.sum()) if called.any() else None,
    )
