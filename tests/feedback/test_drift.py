"""How far answers are from the training rows, and how far chance takes them."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from goldenpath.feedback.counts import Counts, FieldCounts
from goldenpath.feedback.distances import jensen_shannon, normalized, transport
from goldenpath.feedback.drift import drift_of, spread_of
from tests.helpers.profiles import small_profile


def window(colour: tuple[int, ...], age: tuple[int, ...], **age_counts: int) -> Counts:
    fields = {"colour": FieldCounts(cells=colour), "age": FieldCounts(cells=age, **age_counts)}
    return Counts(
        version="1", role="champion", hour="2026-11-28T12", writer="w", answers=sum(colour), fields=fields
    )


def test_the_distance_is_that_of_scipy():
    random = np.random.default_rng(1)
    one, other = normalized(random.integers(0, 9, (50, 7))), normalized(random.integers(0, 9, (50, 7)))
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(one, other, base=2, axis=1))
    assert jensen_shannon(one, one) == pytest.approx(np.zeros(50))


def test_the_transport_of_cells_is_that_of_rows_at_their_means():
    at, one, other = np.array([1.0, 2, 5]), np.array([3, 4, 1]), np.array([1, 1, 4])
    rows = wasserstein_distance(np.repeat(at, one), np.repeat(at, other))
    assert transport(normalized(one), normalized(other), at) == pytest.approx(rows)


def test_the_same_shares_are_no_drift():
    drift = drift_of(small_profile(), window((600, 300, 100), (400, 350, 200), missing=50))
    assert {name: one.jensen_shannon for name, one in drift.items()} == pytest.approx(
        {"drift:colour": 0, "drift:age": 0}, abs=1e-9
    )
    assert not any(one.beyond for one in drift.values())


@pytest.mark.parametrize(
    ("fault", "counts"),
    [
        ("drift:colour", window((600, 0, 400), (400, 350, 200), missing=50)),  # a level is gone
        ("drift:age", window((600, 300, 100), (50, 300, 600), missing=50)),  # a number has moved
        ("drift:age", window((600, 300, 100), (400, 350, 0), missing=250)),  # more are missing
        ("drift:age", window((600, 300, 100), (400, 350, 200), missing=50, outside=300)),
    ],
)
def test_a_fault_is_beyond_the_limit_in_its_own_field_alone(fault: str, counts: Counts):
    assert [name for name, one in drift_of(small_profile(), counts).items() if one.beyond] == [fault]


def test_limits_fall_with_the_size_of_a_window_down_to_what_the_reference_allows():
    limits = [spread_of((500, 300, 200), 0, n, 0.001).limit for n in (100, 1_000, 10_000, 1_000_000)]
    assert limits == sorted(limits, reverse=True)
    assert limits[2] - limits[3] < 0.01  # the reference has 1,000 rows


def test_counts_in_other_cells_than_those_of_the_profile_are_left_out():
    assert drift_of(small_profile(), window((600, 400), (1, 2, 3))).keys() == {"drift:age"}
