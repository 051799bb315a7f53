"""Files scored by versions of classes and of an amount: a column for each part, and the key of each row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenpath.schema.contract import columns_of_json
from goldenpath.steps.batch import score_file
from tests.helpers.task_versions import TASKS, publish_task, task_predictor, task_records

PARTS = {
    "classes": ["label", "probability_one", "probability_two, or so", "probability_drei"],
    "quantity": ["value", "low", "high"],
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_each_part_has_a_column_and_the_key_is_carried(task: str, ending: str, tmp_path: Path) -> None:
    contract, records = TASKS[task].contract, task_records(task, 60)
    predictor = task_predictor(tmp_path, task, publish_task(tmp_path, task))
    pd.DataFrame(records, dtype=object).to_csv(tmp_path / "rows.csv", index=False)
    output = tmp_path / f"scores.{ending}"
    summary = score_file(str(tmp_path / "rows.csv"), output, contract, predictor)
    scores = pd.read_csv(output) if ending == "csv" else pd.read_parquet(output)
    assert summary.scored == 60
    assert scores.columns.tolist() == ["row", *records[0], *PARTS[task], "version"]
    key = contract.spec.key
    expected_keys = ["" if record[key] is None else str(record[key]) for record in records]
    assert scores[key].fillna("").astype(str).tolist() == expected_keys
    expected = predictor.many(columns_of_json(contract.spec, records))
    for name in PARTS[task]:
        if name == "label":
            assert scores[name].tolist() == expected[name].tolist()
        else:
            assert np.allclose(scores[name], expected[name], rtol=0, atol=1e-9)


def test_without_an_interval_its_ends_are_empty(tmp_path: Path) -> None:
    contract, records = TASKS["quantity"].contract, task_records("quantity", 20)
    version = publish_task(tmp_path, "quantity", half_width=None)
    pd.DataFrame(records, dtype=object).to_csv(tmp_path / "rows.csv", index=False)
    predictor = task_predictor(tmp_path, "quantity", version)
    score_file(str(tmp_path / "rows.csv"), tmp_path / "scores.csv", contract, predictor)
    scores = pd.read_csv(tmp_path / "scores.csv", dtype=str, keep_default_na=False)
    assert set(scores["low"]) | set(scores["high"]) <= {"", "nan"}
    assert (scores["value"] != "").all()
