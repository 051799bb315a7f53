"""What MLflow's flavour of a version answers."""

from pathlib import Path

import pandas as pd
import pytest

from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.predict import load_predictor
from goldenpath.pyfunc import _load_pyfunc
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import columns_of_json
from tests.helpers.serving_fixtures import MODEL, records


@pytest.fixture(scope="module")
def folder(published: Path) -> Path:
    registry = Registry(published, MODEL)
    return registry.folder(registry.versions()[0])


def test_it_answers_as_the_version_with_the_index_of_the_frame(folder: Path):
    rows = records(20, 5)
    frame = pd.DataFrame(rows, index=range(100, 120))
    answers = _load_pyfunc(str(folder)).predict(frame, {})
    expected = load_predictor(folder).many(columns_of_json(CONTRACT.spec, rows))
    assert answers.index.tolist() == frame.index.tolist()
    assert answers.reset_index(drop=True).equals(expected)


def test_rows_that_break_the_contract_are_refused_without_their_values(folder: Path):
    frame = pd.DataFrame(records(3, 5))
    name = CONTRACT.text_columns[0]
    frame.loc[1, name] = "somebody's secret"
    with pytest.raises(BadInput, match=f"1 of 3 rows break the contract, the first in {name}") as caught:
        _load_pyfunc(str(folder)).predict(frame)
    assert "somebody" not in str(caught.value)
