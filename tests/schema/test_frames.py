"""A whole frame against the contract: clean rows, rejected values, and how fast."""

import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.schema.contract import Contract, Record, Target
from goldenpath.schema.golden import pool
from tests.helpers.contracts import EVERYTHING, GOOD, text_frame


def cases(n: int) -> pd.DataFrame:
    "n made-up rows of the example's columns, with outcomes."
    frame = pd.DataFrame(pool(CONTRACT.spec, n, seed=3).records[:n])
    frame["death_yn"] = np.resize(["No", "No", "Yes", "Unknown", "Missing"], n)
    return frame


def rejected(frame: pd.DataFrame, contract: Contract = EVERYTHING) -> list[tuple[object, str, str]]:
    "Row, column and value of everything that breaks the contract."
    table = contract.check(frame).rejected
    return list(zip(table["row"], table["column"], table["value"], strict=True))


def test_clean_rows_have_the_dtypes_of_the_contract() -> None:
    clean = EVERYTHING.check(text_frame(GOOD)).clean
    assert {name: str(dtype) for name, dtype in clean.dtypes.items()} == {
        "level": "category",
        "level_or_nothing": "category",
        "number": "float64",
        "any_number": "float64",
        "integer": "Int64",
        "any_integer": "Int64",
        "boolean": "boolean",
        "boolean_or_nothing": "boolean",
        "day": "datetime64[s]",
        "any day": "datetime64[s]",
        "text": "category",
        "any text": "category",
    }
    assert list(clean["level"].cat.categories) == ["a", "b, c", "ü"]


def test_rejected_rows_say_which_value_broke_which_rule() -> None:
    frame = text_frame(GOOD, {**GOOD, "level": "OTH", "number": -2}, {**GOOD, "text": None})
    checked = EVERYTHING.check(frame)
    assert list(checked.clean.index) == [0]
    assert checked.rejected.to_dict("records") == [
        {"row": 1, "column": "level", "value": "OTH", "reason": "must be one of a, 'b, c', ü"},
        {"row": 1, "column": "number", "value": "-2", "reason": "must be a number from -1 to below 1000000"},
        {
            "row": 2,
            "column": "text",
            "value": "",
            "reason": "is required: must be text of at most 5 characters",
        },
    ]


def test_the_index_of_the_frame_names_the_rows() -> None:
    frame = text_frame(GOOD, {**GOOD, "level": "A"}, GOOD).set_index(pd.Index([70, 80, 90]))
    assert rejected(frame) == [(80, "level", "A")]
    assert list(EVERYTHING.check(frame).clean.index) == [70, 90]


def test_a_clean_frame_has_an_empty_table_of_rejects_with_its_columns() -> None:
    table = EVERYTHING.check(text_frame(GOOD)).rejected
    assert list(table.columns) == ["row", "column", "value", "reason"]
    assert table.empty


def test_the_callers_frame_is_left_as_it_was() -> None:
    frame = text_frame(GOOD, {**GOOD, "level": "A"})
    before = frame.copy(deep=True)
    EVERYTHING.check(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_an_empty_frame_is_clean() -> None:
    checked = EVERYTHING.check(text_frame(GOOD).iloc[:0])
    assert checked.clean.empty
    assert checked.rejected.empty


def test_columns_beyond_the_contract_are_left_out() -> None:
    assert "zip" not in EVERYTHING.check(text_frame({**GOOD, "zip": "12345"})).clean


def test_an_absent_optional_column_is_empty_and_a_required_one_is_an_error() -> None:
    frame = text_frame(GOOD)
    clean = EVERYTHING.check(frame.drop(columns=["any_number", "any text"])).clean
    assert clean["any_number"].isna().all()
    assert clean["any text"].isna().all()
    with pytest.raises(BadInput, match=r"missing column 'level', 'day' \(found level_or_nothing, "):
        EVERYTHING.check(frame.drop(columns=["level", "day"]))


def test_a_wrong_delimiter_is_recognisable_by_the_columns_found() -> None:
    with pytest.raises(BadInput, match=r"found current_status;sex;age_group"):
        CONTRACT.check(pd.DataFrame({"current_status;sex;age_group": ["Probable Case;Male;80+ Years"]}))


def test_a_column_that_stands_twice_is_an_error_only_if_it_is_needed() -> None:
    frame = text_frame({**GOOD, "zip": "1"})
    with pytest.raises(BadInput, match="column 'level' is twice"):
        EVERYTHING.check(pd.concat([frame, frame[["level"]]], axis=1))
    assert len(EVERYTHING.check(pd.concat([frame, frame[["zip"]]], axis=1)).clean) == 1


@pytest.mark.parametrize("text", ["2020-02-29", "2020/02/29", "0001-01-01", "9999-12-31"])
def test_both_date_styles_and_every_year_are_read(text: str) -> None:
    clean = EVERYTHING.check(text_frame({**GOOD, "any day": text})).clean
    assert str(clean["any day"].to_numpy()[0]) == text.replace("/", "-") + "T00:00:00"


NO_DATES = [
    "2021-02-29",
    "2020-13-01",
    "2020-00-01",
    "2020-01-00",
    "0000-01-01",
    "2020-01/01",
    "20200101",
    "2020-1-1",
    "2020-01-01 00:00:00",
    "01.02.2020",
    "1577836800",
    " 2020-01-01",
    "2020-01-01\n",
    "٢٠٢٠-01-01",
]


@pytest.mark.parametrize("text", NO_DATES)
def test_no_other_date_is_read(text: str) -> None:
    assert rejected(text_frame({**GOOD, "any day": text})) == [(0, "any day", text)]


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-Infinity", "1e999", "1,5", "1_000", "0x10", "True", "--1", "1 000"]
)
def test_what_is_no_finite_number_is_rejected(text: str) -> None:
    assert rejected(text_frame({**GOOD, "any_number": text})) == [(0, "any_number", text)]


@pytest.mark.parametrize(
    "text", ["0.1", "1e-300", "123456789.123456789", "2.2250738585072011e-308", "+7", "-0.0"]
)
def test_numbers_are_read_to_the_last_bit(text: str) -> None:
    clean = EVERYTHING.check(text_frame({**GOOD, "any_number": text})).clean
    assert clean["any_number"].iloc[0] == float(text)


@pytest.mark.parametrize(
    ("text", "is_integer"), [("3", True), ("3.0", True), ("3.5", False), (str(2**53), False)]
)
def test_integers_may_look_like_whole_floats_and_are_exact(text: str, is_integer: bool) -> None:
    assert (rejected(text_frame({**GOOD, "any_integer": text})) == []) is is_integer


@pytest.mark.parametrize(
    ("text", "value"), [("TRUE", True), ("true", True), ("1", True), ("False", False), ("0", False)]
)
def test_booleans_are_read_as_spreadsheets_and_databases_write_them(text: str, value: bool) -> None:
    assert EVERYTHING.check(text_frame({**GOOD, "boolean": text})).clean["boolean"].tolist() == [value]


def test_typed_columns_are_checked_by_the_same_rules() -> None:
    typed = pd.DataFrame(
        {
            **{name: [GOOD[name]] * 3 for name in ("level", "level_or_nothing", "text", "any text")},
            "number": np.array([0, 1, 2**20], dtype=np.float32),
            "any_number": [1.5, None, np.inf],
            "integer": np.array([1, 2, 0], dtype=np.int8),
            "any_integer": [1.0, np.nan, 2.0],
            "boolean": [True, False, True],
            "boolean_or_nothing": pd.array([True, None, False], dtype="boolean"),
            "day": np.array(["2020-01-01", "2020-01-02", "2020-01-03T12:00"], dtype="datetime64[s]"),
            "any day": [date(2020, 1, 1), None, date(1500, 1, 1)],
        }
    )
    assert rejected(typed) == [
        (2, "number", "1048576"),
        (2, "any_number", "inf"),
        (2, "integer", "0"),
        (2, "day", "2020-01-03 12:00:00"),
    ]
    seen = EVERYTHING.columns(EVERYTHING.check(typed).clean)
    np.testing.assert_array_equal(seen["any_integer"], [1, np.nan])
    np.testing.assert_array_equal(seen["boolean_or_nothing"], [1, np.nan])
    np.testing.assert_array_equal(seen["day"], [18262, 18263])


def test_numbers_in_a_column_of_levels_are_the_text_that_a_file_would_hold() -> None:
    class Rated(Record):
        stars: str

    contract = Contract(Rated, Target(column="sold", positive="1", negative="0"))
    for sold in ([1, 0, 0], [1.0, 0.0, np.nan], ["1", "0", ""], pd.Categorical([1, 0, None])):
        clean = contract.check(pd.DataFrame({"stars": [5, 4, 5], "sold": sold})).clean
        assert contract.columns(clean)["stars"].tolist() == ["5", "4", "5"]
        assert clean["sold"].astype(object).tolist()[:2] == ["1", "0"]


def test_unknown_outcomes_are_no_errors_and_other_values_are() -> None:
    frame = text_frame(*[GOOD] * 6).assign(outcome=["Yes", "No", "Unknown", "", None, "maybe"])
    checked = EVERYTHING.check(frame)
    assert checked.rejected["reason"].tolist() == ["must be Yes or No (or unknown: Unknown)"]
    assert list(checked.clean["outcome"].cat.categories) == ["No", "Yes"]
    assert EVERYTHING.outcome_known(frame).tolist() == [True, True, False, False, False, True]
    assert EVERYTHING.outcome_known(checked.clean).tolist() == [True, True, False, False, False]


def test_a_frame_to_be_scored_may_have_any_outcome_or_none() -> None:
    frame = text_frame(GOOD).assign(outcome="maybe")
    assert len(EVERYTHING.check(frame, target=False).clean) == 1
    assert "outcome" not in EVERYTHING.check(frame, target=False).clean
    assert "outcome" not in EVERYTHING.check(text_frame(GOOD)).clean


def test_levels_that_no_row_has_do_not_change_what_the_model_sees() -> None:
    frame = cases(50)
    whole = CONTRACT.columns(CONTRACT.check(frame).clean)
    category = CONTRACT.columns(CONTRACT.check(frame.astype("category")).clean)
    one = CONTRACT.columns(CONTRACT.check(frame.iloc[[7]]).clean)
    for name in CONTRACT.text_columns:
        assert whole[name].tolist() == category[name].tolist()
        assert one[name].tolist() == [whole[name][7]]


def test_the_real_rows_break_the_contract_where_they_are_known_to(real_rows: Path) -> None:
    frame = pd.read_csv(real_rows, keep_default_na=False)
    checked = CONTRACT.check(frame)
    assert checked.rejected[["column", "value"]].to_numpy().tolist() == [["hosp_yn", "OTH"]] * 2
    assert len(checked.clean) == 19_998
    assert CONTRACT.outcome_known(frame).all()


def test_a_million_rows_are_checked_in_seconds() -> None:
    frame = pd.concat([cases(10_000)] * 100, ignore_index=True)
    for table in (frame, frame.astype("category")):
        start = time.process_time()  # which others on the machine do not lengthen
        assert len(CONTRACT.check(table).clean) == 1_000_000
        assert time.process_time() - start < 5  # 0.7 s as plain strings, 0.1 s as categoricals, where written
