"""What a table is read into: kinds, limits, target, roles, and what is left out."""

import ast
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenpath.adopt.draft import Adoption, make_draft
from goldenpath.adopt.notebook import contract_notebook
from goldenpath.adopt.source import quoted
from goldenpath.adopt.survey import TableSample, take_sample
from goldenpath.errors import BadInput
from goldenpath.schema.contract import Contract
from tests.helpers.project import PROJECT

ROWS = 400
random = np.random.default_rng(1)
OUTCOME = np.where(random.random(ROWS) < 0.3, "stays", "churned")

COLUMNS = {
    "level": [f"town {place % 7}" for place in range(ROWS)],
    "amount": random.normal(50, 10, ROWS).round(2).astype(str),
    "count": [str(value) for value in random.integers(0, 1000, ROWS)],
    "joined": [f"2020-{place % 12 + 1:02d}-01" for place in range(ROWS)],
    "member": [str(place % 3 == 0) for place in range(ROWS)],
    "postcode": ["01234" if place % 2 else "10115" for place in range(ROWS)],
    "job": [f"job {value}" for value in random.integers(0, 80, ROWS)],
    "note": [f"said {place}" for place in range(ROWS)],
    "row": [str(place) for place in range(ROWS)],
    "same": ["x"] * ROWS,
    "empty": [""] * ROWS,
    "left on": ["2021" if outcome == "churned" else "" for outcome in OUTCOME],
    "gaps": ["" if place % 10 == 0 else "y" if place % 3 else "n" for place in range(ROWS)],
    "customer": [f"C{place // 4}" for place in range(ROWS)],
    "churn": OUTCOME,
}


@pytest.fixture(scope="module")
def adoption() -> Adoption:
    return make_draft(TableSample("data/customers.csv", pd.DataFrame(COLUMNS), True), "churn", key="customer")


def field_of(adoption: Adoption, column: str):
    return next(proposal.field for proposal in adoption.proposals if proposal.column == column)


def reason_of(adoption: Adoption, column: str) -> str:
    return next(proposal.reason for proposal in adoption.proposals if proposal.column == column)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("level", "level"),
        ("amount", "number"),
        ("count", "integer"),
        ("joined", "date"),
        ("member", "boolean"),
        ("postcode", "level"),
        ("job", "text"),
        ("customer", "text"),
    ],
)
def test_a_column_is_read_as_what_its_values_are(adoption, column, kind):
    assert field_of(adoption, column).kind == kind


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("note", "names the row"),
        ("row", "numbers the rows"),
        ("same", "same value"),
        ("empty", "is empty"),
    ],
)
def test_what_teaches_nothing_is_left_out_with_its_reason(adoption, column, reason):
    assert field_of(adoption, column) is None
    assert reason in reason_of(adoption, column)


def test_a_column_that_tells_every_outcome_apart_is_named_as_a_leak():
    table = pd.DataFrame({**COLUMNS, "left on": np.where(OUTCOME == "churned", "yes", "no")})
    adoption = make_draft(TableSample("x.csv", table, True), "churn")
    assert field_of(adoption, "left on") is None
    assert any("left on: leaks" in doubt for doubt in adoption.doubts)
    assert field_of(adoption, "level")


def test_a_number_that_splits_the_outcomes_at_one_place_is_a_leak():
    amount = random.normal(0, 1, ROWS)
    table = pd.DataFrame(
        {"a": amount.astype(str), "b": COLUMNS["amount"], "y": np.where(amount > 0.2, "1", "0")}
    )
    adoption = make_draft(TableSample("x.csv", table, True), "y")
    assert field_of(adoption, "a") is None
    assert field_of(adoption, "b")


def test_a_column_in_the_order_of_a_quantity_is_a_leak_and_one_of_different_numbers_is_not():
    price = np.round(random.normal(50, 10, ROWS), 6)
    table = pd.DataFrame({"log": np.log(price), "debt": -price, "size": random.normal(size=ROWS), "y": price})
    adoption = make_draft(TableSample("x.csv", table.astype(str), True), "y")
    assert [field_of(adoption, name) is None for name in ("log", "debt", "size")] == [True, True, False]


def test_gaps_make_a_field_optional_and_ranges_are_widened_but_never_below_zero(adoption):
    assert field_of(adoption, "gaps").optional
    assert not field_of(adoption, "level").optional
    count = field_of(adoption, "count")
    assert count.lower == 0
    assert count.upper >= 1.4 * max(map(int, COLUMNS["count"]))


@pytest.mark.parametrize(
    "form", ["{0:%d.%m.%Y}", "{0:%-m/%-d/%Y}", "{0:%Y-%m-%d} 10:30:00", "{0:%Y-%m-%d}T10:30:00Z"]
)
@pytest.mark.parametrize("days", [90, 5 * ROWS])  # as text, and left out because each row has its own
def test_dates_in_another_form_are_named(form: str, days: int):
    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS) % days, "D")
    table = pd.DataFrame({**COLUMNS, "left on": [form.format(moment) for moment in moments]})
    doubts = make_draft(TableSample("x.csv", table, True), "churn").doubts
    assert [doubt for doubt in doubts if "write them as YYYY-MM-DD" in doubt]


def test_other_texts_are_not_taken_for_dates(adoption):
    assert not [doubt for doubt in adoption.doubts if "YYYY" in doubt]


@pytest.mark.parametrize("name", ["date", "int", "Literal", "Field"])
def test_a_column_that_is_called_like_a_type_gives_a_contract(name):
    table = pd.DataFrame({name: COLUMNS["joined"], "y": COLUMNS["churn"], "member": COLUMNS["member"]})
    contract = drafted(make_draft(TableSample("x.csv", table, True), "y"))
    assert [field.name for field in contract.spec.fields] == [name, "member"]


def test_a_key_is_announced_as_unseen(adoption):
    assert reason_of(adoption, "customer") == "key: 100 different ones in 400 rows, never seen by the model"


def test_settings_follow_from_the_roles(adoption):
    assert adoption.settings["model"] == "customers"
    assert adoption.settings["split"] == "hash 0.70 0.15 0.15 by key"
    assert adoption.settings["slices"] == "level, postcode, gaps"
    by_time = make_draft(TableSample("x.csv", pd.DataFrame(COLUMNS), True), "churn", time="joined")
    assert by_time.settings["split"].startswith("joined 2020-")


def test_the_floor_lies_halfway_between_a_dummy_and_a_linear_model():
    noise = np.random.default_rng(2).normal(size=ROWS)
    table = pd.DataFrame({"x": COLUMNS["amount"], "z": np.arange(ROWS) % 7, "kind": COLUMNS["level"]})
    table["y"] = table["x"].astype(float) + 5 * noise
    floor = make_draft(TableSample("x.csv", table.astype(str), True), "y").floor
    metric, value = floor.setting.split(">=")
    assert metric == "r2"
    assert 0.3 < float(value) < 0.5  # the columns explain four fifths
    table["y"] = np.where(table["y"] > 50, "high", "low")
    adoption = make_draft(TableSample("x.csv", table.astype(str), True), "y")
    assert adoption.settings["gate_floors"].startswith("roc_auc>=0.7")
    assert adoption.floor.reason.startswith("in 400 rows, a linear model reaches roc_auc 0.9")


def test_where_a_linear_model_learns_nothing_there_is_no_floor_and_the_reason(adoption):
    assert adoption.settings["gate_floors"] == ""
    assert adoption.floor.reason.endswith("so no floor would tell them apart")


def test_a_class_with_fewer_rows_than_folds_leaves_the_floor_to_a_person():
    outcome = np.array(["a", "b"] * 199 + ["rare"] * 2)
    adoption = make_draft(TableSample("x.csv", pd.DataFrame({**COLUMNS, "y": outcome}), True), "y")
    assert adoption.settings["gate_floors"] == ""
    assert "an outcome has fewer than 3 rows" in adoption.floor.reason


@pytest.mark.parametrize(
    ("outcomes", "positive"),
    [(("yes", "no"), "yes"), (("0", "1"), "1"), (("a", "b"), "b"), (("Lived", "Died"), "Died")],
)
def test_the_positive_outcome_is_the_one_with_a_telling_name_or_the_rarer_one(outcomes, positive):
    often, rarely = outcomes if positive != outcomes[0] else outcomes[::-1]
    table = pd.DataFrame({"x": COLUMNS["level"], "y": [rarely] * 40 + [often] * (ROWS - 40)})
    assert make_draft(TableSample("x.csv", table, True), "y").target.target.positive == positive


@pytest.mark.parametrize(
    ("outcomes", "task"),
    [
        (["yes", "no", "Unknown", ""], "binary"),
        (["red", "green", "blue"], "classes"),
        (["1", "2", "3"], "classes"),
        ([f"{value / 7:.3f}" for value in range(90)], "quantity"),
        ([str(value) for value in range(50)], "quantity"),
    ],
)
def test_the_task_follows_from_the_outcomes(outcomes, task):
    table = pd.DataFrame(
        {"x": COLUMNS["level"], "y": [outcomes[place % len(outcomes)] for place in range(ROWS)]}
    )
    target = make_draft(TableSample("x.csv", table, True), "y").target.target
    assert target.task == task
    if task == "binary":
        assert target.unknown == ("Unknown",)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("churned", "has no column 'churned'; did you mean 'churn'?"),
        ("same", "is always 'x'"),
        ("note", "400 different texts"),
        ("empty", "has an outcome in fewer than 20 rows"),
    ],
)
def test_a_target_that_nothing_can_be_learned_from_is_refused(target, message):
    with pytest.raises(BadInput, match=message.replace("?", r"\?")):
        make_draft(TableSample("x.csv", pd.DataFrame(COLUMNS), True), target)


def test_a_time_that_holds_no_dates_is_refused():
    with pytest.raises(BadInput, match="column 'job' does not hold dates"):
        make_draft(TableSample("x.csv", pd.DataFrame(COLUMNS), True), "churn", time="job")


def drafted(adoption: Adoption) -> Contract:
    "Run the exported cells of a drafted notebook."
    cells = json.loads(contract_notebook(adoption.draft))["cells"]
    space: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code" and cell["source"][0] != "#| default_exp contract":
            exec("".join(cell["source"]), space)  # lessons too
    return space["CONTRACT"]


def test_the_notebook_defines_a_contract_that_accepts_the_rows(adoption):
    contract = drafted(adoption)
    checked = contract.check(pd.DataFrame(COLUMNS))
    assert checked.rejected.empty
    assert contract.spec.key == "customer"
    assert contract.target.positive == "churned"


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(NAMES.map(str.strip).filter(bool), min_size=1, max_size=5, unique=True),
    st.lists(NAMES, min_size=2, max_size=5, unique=True),
)
def test_any_names_and_levels_give_a_contract_that_accepts_the_rows(names, levels):
    names = [name for name in names if name != "y"]
    rows = [levels[place % len(levels)] for place in range(60)]
    table = pd.DataFrame(
        {**dict.fromkeys(names, rows), "x": ["a", "b", "a"] * 20, "y": ["0", "1", "1", "1"] * 15}
    )
    contract = drafted(make_draft(TableSample("x.csv", table, True), "y"))
    assert contract.check(table).rejected.empty


def test_what_is_drafted_is_as_the_formatter_would_write_it(adoption, tmp_path):
    wide = {f"a column with a rather long name, number {place}": COLUMNS["gaps"] for place in range(3)}
    levels = {"quotes \" and ' too": [f"a level number {place % 9}, which is long" for place in range(ROWS)]}
    table = pd.DataFrame({**COLUMNS, **wide, **levels})
    for number, target in enumerate(("churn", "level", "amount")):
        path = tmp_path / f"{number}.ipynb"
        path.write_text(contract_notebook(make_draft(TableSample("x.csv", table, True), target).draft))
    for command in ("format --check", "check"):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *command.split(),
            "--config",
            str(PROJECT / "pyproject.toml"),
            tmp_path,
        ]
        result = subprocess.run(ruff, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("literal", ["a", 'a"b', "it's", 'it\'s "x"', "back\\slash", "ü\n", "\\", "'", '"'])
def test_a_text_is_quoted_as_python_reads_it(literal):
    assert ast.literal_eval(quoted(literal)) == literal


def test_a_large_file_is_sampled_all_over(tmp_path):
    path = tmp_path / "rows.csv"
    rows = 600_000
    lines = (f"{place},{'early' if place < rows * 0.9 else 'late'},{place % 2}" for place in range(rows))
    path.write_text("number,when,y\n" + "\n".join([*lines, ""]))
    sample = take_sample(str(path))
    assert set(sample.frame["when"]) == {"early", "late"}
    assert sample.whole == (len(sample.frame) == rows)


def test_a_table_without_rows_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n")
    with pytest.raises(BadInput, match="has a header but no rows"):
        take_sample(str(path))
