"""What an estimate is on the version's own data: the figure that the estimate of a window is compared with.

Not with the promise, which was measured on other rows: the calibration of a version errs a little, and it
errs alike on its own data and on a window, so that the difference of the two estimates is free of it.
"""

import numpy as np

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.figures import binary_figures
from goldenpath.feedback.profile import Profile
from goldenpath.feedback.ranking import cut
from goldenpath.feedback.spread import DEVIATIONS, drawn_window, validated_groups


def expected_estimates(profile: Profile, answers: int) -> dict[str, Interval]:
    """Return the estimate on the version's own data, and how far that of so many answers may be from it.

    The ends are three standard deviations away: of a window, and of the validation rows, a sample too.
    """
    means, window = estimate_spread(profile, answers)
    rows = estimate_spread(profile, max(profile.rows.get("validation", answers), 1))[1]
    return {
        name: around(means[name], DEVIATIONS * float(np.hypot(window[name], rows.get(name, 0.0))))
        for name in window
    }


def around(value: float, reach: float) -> Interval:
    "Return an interval that reaches as far to either side."
    return Interval(value=value, low=value - reach, high=value + reach)


def estimate_spread(profile: Profile, answers: int) -> tuple[dict[str, float], dict[str, float]]:
    "Return the mean of each metric, and its standard deviation in windows of so many answers."
    if profile.task == "binary":
        return drawn_estimates(profile, answers)
    size = max(profile.spread, default=0)
    spread = {name: one for name, one in profile.spread.get(size, {}).items() if ":" not in name}
    shrink = float(np.sqrt(size / answers))  # with the outcomes' own chance in it: more than needed
    means = {name: one.mean for name, one in spread.items()}
    return means, {name: one.deviation * shrink for name, one in spread.items()}


def drawn_estimates(profile: Profile, answers: int) -> tuple[dict[str, float], dict[str, float]]:
    "Estimate the metrics of drawn windows; the outcomes are the expected ones, so only the scores vary."
    score = profile.scores[0]
    called = profile.labels.get(score.name, 0), profile.label_p.get(score.name, 0.0)
    ranked = cut(validated_groups(score), *called)
    share = np.divide(ranked.p, ranked.n, out=np.zeros_like(ranked.p), where=ranked.n > 0)
    window = drawn_window(ranked, answers)
    drawn = binary_figures(window, window.n * share)
    defined = {name: values[np.isfinite(values)] for name, values in drawn.items()}
    samples = {name: values for name, values in defined.items() if len(values)}
    means = {name: float(values.mean()) for name, values in samples.items()}
    return means, {name: float(values.std()) for name, values in samples.items()}
