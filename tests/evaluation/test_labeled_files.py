"""A version on a labeled file: which rows count, how they are grouped, and what a small group says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from goldenpath.cli import cli
from goldenpath.cli.evaluate import evaluation_of_file, evaluation_on, write_evaluation
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.evaluation.group_metrics import evaluation_table, measured_group
from goldenpath.evaluation.grouping import MOST_GROUPS, OTHER_LEVELS, Grouping, grouping_of, groups_in
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.labeled import read_labeled
from goldenpath.evaluation.metrics import Answers, measure_metrics, unweighted
from goldenpath.evaluation.slices import MISSING
from goldenpath.evaluation.tasks import metrics_of
from goldenpath.predict import Predictor, open_predictor
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract, columns_of_json
from goldenpath.settings import Settings
from goldenpath.settings.table import load_settings
from goldenpath.tables.reader import read_source
from tests.helpers import trained_run
from tests.helpers.contracts import VISIT, VISITS
from tests.helpers.serving_fixtures import MODEL, outcomes, records
from tests.helpers.task_versions import TASKS, publish_task, task_predictor, task_records
from tests.helpers.trained_run import judged

FEW = 20  # resamples: how narrow an interval is does not matter here
TARGET = CONTRACT.target


@pytest.fixture(scope="module")
def predictor(published: Path) -> Predictor:
    return open_predictor(Registry(published, MODEL))


@pytest.fixture
def settings() -> Settings:
    return load_settings().changed(bootstrap=FEW)


@pytest.fixture
def rows() -> pd.DataFrame:
    "400 rows of four months with outcomes."
    drawn = records(400, seed=5)
    frame = pd.DataFrame(drawn, dtype=object)
    frame[TARGET.column] = np.where(outcomes(drawn, 5), TARGET.positive, TARGET.negative)
    frame["day"] = pd.date_range("2026-01-01", periods=400, freq="7h").strftime("%Y-%m-%d")
    return frame


def written(rows: pd.DataFrame, folder: Path) -> str:
    file = folder / "rows.csv"
    rows.to_csv(file, index=False)
    return str(file)


def test_metrics_are_those_of_the_answers_to_the_same_rows(predictor, settings, rows, tmp_path):
    evaluation = evaluation_of_file(predictor, None, settings, written(rows, tmp_path))
    scores = predictor.scores(columns_of_json(CONTRACT.spec, rows[list(records(1, 1)[0])].to_dict("records")))
    auc = evaluation.overall.metrics["roc_auc"]
    expected = roc_auc_score(rows[TARGET.column] == TARGET.positive, scores)
    assert auc.value == pytest.approx(expected, abs=1e-9)
    assert auc.low < auc.value < auc.high
    assert evaluation.counts.judged == evaluation.counts.read == 400
    assert evaluation.promised.keys() == set(predictor.manifest.metrics)


def test_periods_come_in_order_of_time_and_hold_each_row_once(predictor, settings, rows, tmp_path):
    dated = settings.changed(split="day 2026-02-01 2026-03-01")
    rows.loc[:2, "day"] = ""
    source = written(rows, tmp_path)
    months = evaluation_of_file(predictor, None, dated, source, "month")
    assert [group.name for group in months.groups] == ["2026-01", "2026-02", "2026-03", "2026-04", MISSING]
    assert sum(group.rows for group in months.groups) == 400
    assert months.by == "month of day"
    weeks = evaluation_of_file(predictor, None, dated, source, "week").groups
    assert [group.name for group in weeks[:2]] == ["2025-12-29", "2026-01-05"]
    assert {pd.Timestamp(group.name).day_name() for group in weeks[:-1]} == {"Monday"}


def test_a_column_of_the_file_that_is_called_month_is_meant_first(rows):
    contract, settings = CONTRACT, load_settings()
    assert grouping_of("month", (*rows, "month"), contract, settings).words == "month"
    with pytest.raises(BadInput, match="no column holds the date of a row"):
        grouping_of("month", tuple(rows), contract, settings)


def test_unlabeled_and_rejected_rows_are_counted_with_their_reasons(predictor, settings, rows, tmp_path):
    field = next(field for field in CONTRACT.fields if field.kind == "level")
    rows.loc[0:4, TARGET.column] = ""
    rows.loc[5:7, field.name] = "nonsense"
    evaluation = evaluation_of_file(predictor, None, settings, written(rows, tmp_path))
    counts = evaluation.counts
    assert (counts.read, counts.unlabeled, counts.rejected, counts.judged) == (400, 5, 3, 392)
    assert counts.reasons == {f"{field.name} must be {field.rule}": 3}
    assert "nonsense" not in evaluation.model_dump_json()
    text = str(evaluation_table(evaluation).caption)
    assert "5 rows have no known outcome" in text
    assert "3 rows break the contract" in text


def test_a_group_says_that_it_is_too_small_or_has_one_outcome(predictor, settings, rows, tmp_path):
    rows["branch"] = "north"
    rows.loc[:3, "branch"] = "east"
    no = rows.index[rows[TARGET.column] == TARGET.negative]
    rows.loc[no[no > 20][:30], "branch"] = "south"
    evaluation = evaluation_of_file(predictor, None, settings, written(rows, tmp_path), "branch")
    groups = {group.name: group for group in evaluation.groups}
    assert groups["east"].remark == "fewer than 10 rows, too few to tell"
    assert "always" in groups["south"].remark
    assert f"'{TARGET.negative}'" in groups["south"].remark
    assert groups["south"].metrics["roc_auc"].value is None
    assert groups["south"].metrics["specificity"].value is not None
    assert groups["north"].remark == ""
    assert "* fewer than 10 rows, too few to tell: east" in str(evaluation_table(evaluation).caption)


def test_rare_values_are_put_together_and_many_numbers_become_quartiles():
    values = np.array([f"shop {number}" for number in range(100)] + ["shop 7"] * 5, dtype=object)
    names = [name for name, _ in groups_in(values, Grouping("shop", "text"))]
    assert len(names) == MOST_GROUPS + 1
    assert names[-1] == OTHER_LEVELS
    assert "shop 7" in names
    prices = np.array([*map(str, range(100)), ""], dtype=object)
    ranges = dict(groups_in(prices, Grouping("price", "text")))
    assert len(ranges) == 5
    assert ranges[MISSING].sum() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.assign(**{TARGET.column: ""}), "none of 400 rows has a known outcome"),
        (lambda rows: rows.drop(columns=TARGET.column), f"column '{TARGET.column}' is missing"),
        (lambda rows: rows.iloc[:0], "has a header but no rows"),
        (lambda rows: rows.assign(**{TARGET.column: "perhaps"}), "no row can be judged: 400 of 400 break"),
    ],
    ids=["unlabeled", "no target", "empty", "another outcome"],
)
def test_a_file_that_cannot_be_judged_says_why(change, message, predictor, settings, rows, tmp_path):
    with pytest.raises(BadInput, match=message):
        evaluation_of_file(predictor, None, settings, written(change(rows), tmp_path))


def labeled_task(task: str, contract: Contract, n: int = 120) -> pd.DataFrame:
    drawn = task_records(task, n)
    frame = pd.DataFrame(drawn, dtype=object)
    outcome = TASKS[task].outcome(columns_of_json(contract.spec, drawn), np.random.default_rng(3))
    levels = contract.target.outcomes
    frame[contract.target.column] = [levels[code] for code in outcome] if levels else np.abs(outcome)
    if contract.spec.weight:
        frame[contract.spec.weight] = np.random.default_rng(4).uniform(0.5, 2, n).round(3)
    return frame


@pytest.mark.parametrize("task", TASKS)
def test_classes_and_amounts_are_measured_by_their_own_metrics(task, settings, tmp_path):
    contract = TASKS[task].contract
    predictor = task_predictor(tmp_path, task, publish_task(tmp_path, task))
    rows, plain = labeled_task(task, contract), settings.changed(gate_floors={}, slices=())
    evaluation = evaluation_of_file(predictor, None, plain, written(rows, tmp_path))
    assert evaluation.counts.judged == 120
    assert all(evaluation.overall.metrics[name].value is not None for name in evaluation.shown)
    if task == "quantity":
        weight = rows[contract.spec.weight] if contract.spec.weight else None
        value = predictor.many(columns_of_json(contract.spec, task_records(task, 120)))["value"]
        error = np.abs(value - rows[contract.target.column].astype(float))
        assert evaluation.overall.metrics["mae"].value == pytest.approx(np.average(error, weights=weight))
        assert evaluation.overall.metrics["coverage"].value is not None


def test_weights_count_in_metrics_and_in_the_rate(tmp_path):
    contract = VISITS
    lines = [VISIT | {"visits": weight, "stay": stay} for weight, stay in ((1, 2.0), (3, 6.0), ("", 6.0))]
    source = written(pd.DataFrame(lines, dtype=object), tmp_path)
    rows = read_labeled(read_source(source, ("visits",)), contract, Grouping(), source)
    assert rows.weight.tolist() == [1.0, 3.0]  # the third has none, which breaks the contract
    assert rows.counts.rejected == 1
    answers = Answers(
        rows.outcome, np.array([4.0, 7.0]), np.empty(0), rows.weight, metrics=metrics_of(contract.target)
    )
    group = measured_group("all", answers, contract.target, measured_plainly, {})
    assert group.rate == pytest.approx((1 * 2 + 3 * 6) / 4)
    assert group.metrics["mae"].value == pytest.approx((1 * 2 + 3 * 1) / 4)


def measured_plainly(answers: Answers) -> dict[str, Interval]:
    "Measure without an interval."
    values = measure_metrics(unweighted(answers))
    names = answers.metrics or {}
    return {
        name: Interval(value=value, low=None, high=None) for name, value in zip(names, values, strict=True)
    }


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, pd.DataFrame]:
    "Return a project whose champion has a profile, and the rows that it was tested on."
    home = tmp_path_factory.mktemp("profiled")
    run, _ = judged(home)
    trained_run.published(home, run)
    test = pd.read_parquet(run.folder / "data" / "test.parquet")
    return Project(trained_run.settings_for(home, slices=""), CONTRACT), test


def test_a_versions_own_test_rows_have_the_promised_metrics_and_inputs(profiled, tmp_path):
    project, test = profiled
    evaluation = evaluation_on(project, "champion", written(test, tmp_path))
    for name in ("roc_auc", "average_precision", "recall", "brier"):
        promised, measured = evaluation.promised[name], evaluation.overall.metrics[name]
        assert measured.value == pytest.approx(promised.value, abs=1e-6)
        assert promised.low < promised.value < promised.high
    assert evaluation.overall.moved == ()
    assert {field.name for field in CONTRACT.spec.inputs} <= evaluation.overall.inputs.keys()
    assert "inputs beyond the limit: none" in str(evaluation_table(evaluation).caption)


def test_a_field_that_moved_is_named_in_the_group_that_it_moved_in(profiled, tmp_path):
    project, test = profiled
    field = next(field for field in CONTRACT.spec.inputs if field.kind == "level")
    test = test.assign(branch=np.where(np.arange(len(test)) % 2, "north", "south"))
    test[field.name] = test[field.name].astype(object)
    test.loc[test["branch"] == "south", field.name] = field.levels[0]
    evaluation = evaluation_on(project, "champion", written(test, tmp_path), "branch")
    groups = {group.name: group for group in evaluation.groups}
    assert groups["south"].moved[0] == field.name
    assert field.name not in groups["north"].moved
    assert field.name in evaluation.overall.moved
    assert f"  south: {field.name}" in str(evaluation_table(evaluation).caption)
    write_evaluation(evaluation, tmp_path / "out")  # draws the inputs as well
    by_itself = evaluation_on(project, "champion", written(test, tmp_path), field.name)
    assert all(field.name not in group.inputs for group in by_itself.groups)
    assert field.name in by_itself.overall.inputs


def test_an_older_version_says_that_inputs_are_not_compared(predictor, settings, rows, tmp_path):
    evaluation = evaluation_of_file(predictor, None, settings, written(rows, tmp_path))
    assert evaluation.overall.inputs == {}
    assert "an older release made the version" in str(evaluation_table(evaluation).caption)


def test_json_and_plots_are_written_and_the_table_is_shown(
    predictor, settings, rows, tmp_path, monkeypatch, published
):
    monkeypatch.setenv("GOLDENPATH_HOME", str(published))
    monkeypatch.setenv("GOLDENPATH_BOOTSTRAP", str(FEW))
    source, output = written(rows, tmp_path), tmp_path / "new" / "evaluation"
    done = CliRunner().invoke(cli, ["evaluate", "champion", source, "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert "ROC AUC" in done.output
    assert json.loads((output / "evaluation.json").read_text())["counts"]["judged"] == 400
    assert (output / "metrics.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (output / "metrics.svg").read_text()
    wrong = CliRunner().invoke(cli, ["evaluate", "champio", source])
    assert (wrong.exit_code, "did you mean champion?" in wrong.output) == (1, True)
    with pytest.raises(BadInput, match="is a file; name a folder"):
        write_evaluation(evaluation_of_file(predictor, None, settings, source), Path(source))
