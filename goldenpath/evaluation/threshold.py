"""The decision threshold, chosen by a named rule: best_f1, recall>=0.8, precision>=0.5, or a number."""

import numpy as np

from goldenpath.errors import BadInput
from goldenpath.evaluation.metrics import Answers, Bools, Floats, curve
from goldenpath.records import Frozen
from goldenpath.settings.rules import ThresholdRule

_GAP = 2e-5  # twice what the two prediction paths may differ by


class Threshold(Frozen):
    "A row is called positive where its probability is at least `value`."

    value: float
    rule: str
    recall: float | None  # on the validation rows; None where they do not define it
    precision: float | None


def choose(rule: ThresholdRule, outcome: Bools, probability: Floats) -> Threshold:
    """Choose the threshold by `rule` on these (validation) rows; label and probability have shape (n,).

    `recall>=x` takes the highest threshold that still finds that share, `precision>=x` the lowest that
    still is that precise. Raises BadInput where no threshold can keep the rule.
    """
    if rule.kind == "fixed":
        return _at(rule.value, rule, outcome, probability)
    values, recall, precision = _candidates(outcome, probability)
    if rule.kind == "best_f1":
        total = recall + precision
        f1 = np.divide(2 * recall * precision, total, out=np.zeros_like(total), where=total > 0)
        return _at(float(values[np.argmax(f1)]), rule, outcome, probability)
    return _bounded(rule, values, recall, precision)


def _bounded(rule: ThresholdRule, values: Floats, recall: Floats, precision: Floats) -> Threshold:
    "Highest threshold for a floor on recall, lowest for one on precision (`values` fall)."
    measured = recall if rule.kind == "recall" else precision
    kept = np.flatnonzero(measured >= rule.value)
    if not len(kept):
        raise BadInput(
            f"threshold = '{rule}' cannot be kept: the highest {rule.kind} on the validation rows is "
            f"{measured.max():.3f}; set a lower one in settings.ini"
        )
    at = kept[0] if rule.kind == "recall" else kept[-1]
    return Threshold(
        value=float(values[at]), rule=rule.text, recall=float(recall[at]), precision=float(precision[at])
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
    wide = distinct - below > _GAP
    keep = wide if wide.any() else np.ones_like(wide)
    return ((distinct + below) / 2)[keep], (hits / hits[-1])[keep], (hits / (hits + alarms))[keep]


def _at(value: float, rule: ThresholdRule, outcome: Bools, probability: Floats) -> Threshold:
    called = probability >= value
    hit = float((called & outcome).sum())
    return Threshold(
        value=value,
        rule=rule.text,
        recall=hit / float(outcome.sum()) if outcome.any() else None,
        precision=hit / float(called.sum()) if called.any() else None,
    )
