"""What moved: bursts of missing, unseen and out-of-range values, and the change in words."""

import pytest

from goldenpath.feedback.counts import FieldCounts
from goldenpath.feedback.movement import bursts, cell_name, largest_change
from goldenpath.feedback.profile import FieldProfile

WARD = FieldProfile(name="ward", levels=("north", "south"), counts=(600, 400, 0))
AGE = FieldProfile(
    name="age", edges=(20.0, 40.0), lowest=0.0, highest=90.0, counts=(300, 400, 290), missing=10
)


def test_the_cell_that_changed_most_is_named() -> None:
    counts = FieldCounts(cells=(100, 900, 0))
    assert largest_change(WARD, counts) == "north 60.0% -> 10.0%"


@pytest.mark.parametrize(
    ("field", "cell", "name"),
    [
        (WARD, 1, "south"),
        (WARD, 2, "other levels"),
        (WARD, 3, "missing"),
        (AGE, 0, "up to 20"),
        (AGE, 1, "20 to 40"),
        (AGE, 2, "above 40"),
        (AGE, 3, "missing"),
    ],
)
def test_cells_have_names_that_people_use(field: FieldProfile, cell: int, name: str) -> None:
    assert cell_name(field, cell) == name


@pytest.mark.parametrize(
    ("field", "counts", "burst"),
    [
        (WARD, FieldCounts(cells=(600, 400, 0)), ()),
        (WARD, FieldCounts(cells=(550, 350, 0), missing=100), ("missing",)),
        (WARD, FieldCounts(cells=(550, 350, 100), unseen=100), ("unseen",)),
        (AGE, FieldCounts(cells=(300, 400, 290), missing=10), ()),
        (AGE, FieldCounts(cells=(300, 400, 300), outside=100), ("outside",)),
        (WARD, FieldCounts(cells=(59, 40, 0), missing=1), ()),  # of a hundred, that is chance
    ],
)
def test_a_burst_is_more_than_the_training_rows_and_chance_explain(
    field: FieldProfile, counts: FieldCounts, burst: tuple[str, ...]
) -> None:
    assert bursts(field, counts) == burst


def test_counts_of_other_cells_have_no_change_in_words() -> None:
    assert largest_change(WARD, FieldCounts(cells=(1, 2))) == ""
