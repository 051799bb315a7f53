"""The benchmark of a batch compares it with reading the same rows."""

import pytest

from benchmarks.batch import FILE, FOLDER, READ, ratios
from benchmarks.scale import Cost


def test_a_folder_is_compared_with_reading_each_of_its_files() -> None:
    costs = {READ: Cost(1.0, 0.5, 100), FILE: Cost(2.0, 1.5, 100), FOLDER: Cost(12.0, 8.0, 100)}
    assert ratios(costs, files=8) == pytest.approx(
        {
            f"{FILE} / read_table": 2,
            f"{FILE} / read_table, processor": 3,
            f"{FOLDER} / read_table": 1.5,
            f"{FOLDER} / read_table, processor": 2,
        }
    )
