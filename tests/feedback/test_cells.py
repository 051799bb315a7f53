"""In which cell a value falls."""

import numpy as np
import pytest

from goldenpath.feedback.cells import (
    Cells,
    lie_outside,
    place_numbers,
    place_probabilities,
    probability_borders,
)
from goldenpath.feedback.profile import SCORE_CELLS
from tests.helpers.profiles import small_profile


def test_a_text_falls_into_the_cell_of_its_level_or_the_last():
    cells = Cells(small_profile())
    assert cells.text("colour", ["red", "blue", "never seen", ""]).tolist() == [0, 1, 2, -1]


def test_a_number_on_an_edge_falls_into_the_cell_that_ends_there():
    age = Cells(small_profile()).fields["age"]
    values = np.array([-1e300, 30, 30.1, 60, 1e300, np.nan])
    assert place_numbers(np.array(age.edges), values).tolist() == [0, 0, 1, 1, 2, -1]
    outside = lie_outside(age, np.array([17.9, 18, 90, 90.1, np.nan]))
    assert outside.tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("missing", [0, 7])
def test_sorted_numbers_are_counted_by_the_same_cells(missing: int):
    cells = Cells(small_profile())
    age = cells.fields["age"]
    values = np.random.default_rng(5).choice([-np.inf, 17.9, 18, 30, 30.1, 59, 60, 90, 90.1, np.inf], 500)
    values[:missing] = np.nan
    counts, outside = cells.of_sorted("age", np.sort(values))
    places = place_numbers(np.array(age.edges), values)
    assert counts.tolist() == np.bincount(places + 1, minlength=cells.size("age") + 1).tolist()
    assert outside == lie_outside(age, values).sum()


def test_every_probability_falls_between_the_borders_of_its_cell():
    scores = np.concatenate([[0, 1], np.random.default_rng(1).beta(0.1, 3, 10_000)])
    cells, borders = place_probabilities(scores), probability_borders()
    assert cells.min() == 0
    assert cells.max() == SCORE_CELLS - 1
    assert (borders[cells] <= scores + 1e-12).all()
    assert (scores <= borders[cells + 1] + 1e-12).all()


def test_scores_of_a_rare_outcome_fall_into_many_cells():
    assert len(np.unique(place_probabilities(np.linspace(0, 0.01, 1_000)))) > 60  # of equal ones: 11


def test_scores_of_classes_keep_their_shape():
    profile = small_profile()
    scores = np.array([[0.1, 0.9], [0.5, 0.5]])
    assert Cells(profile).scores(scores).shape == (2, 2)


def test_knots_say_what_a_score_is_worth():
    score = small_profile().scores[0].model_copy(update={"knots": ((0.2, 0.1), (0.6, 0.5))})
    cells = Cells(small_profile().model_copy(update={"scores": (score,)}))
    assert cells.probabilities(np.array([0.0, 0.2, 0.4, 1.0])) == pytest.approx([0.1, 0.1, 0.3, 0.5])
