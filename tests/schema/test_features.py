"""Parts of dates and marks of missing numbers: right on every day, and the same for one row and for many."""

import json
import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenpath.contract import CONTRACT
from goldenpath.records import Columns
from goldenpath.schema.contract import Contract, columns_of_json
from goldenpath.schema.features import date_parts, missing_marks
from goldenpath.schema.golden import pool
from tests.helpers.contracts import EVERYTHING, TARGET, VISIT, VISITS

DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.none()


def columns_of(*records: dict[str, object]) -> Columns:
    "Return records of visits as columns."
    return columns_of_json(VISITS.spec, records)


def test_a_date_gives_its_month_its_weekday_and_its_age() -> None:
    parts = date_parts(VISITS.spec, columns_of(VISIT, {**VISIT, "born": None}))
    assert {name: values.tolist() for name, values in parts.items() if name != "born age"} == {
        "day month": ["May", "May"],
        "day weekday": ["Monday", "Monday"],
        "born month": ["January", ""],
        "born weekday": ["Wednesday", ""],
    }
    np.testing.assert_array_equal(parts["born age"], [(date(2024, 5, 6) - date(1990, 1, 31)).days, np.nan])
    assert [values.dtype for values in parts.values()] == [object] * 4 + [np.float64]


def test_without_an_event_time_a_date_has_no_age() -> None:
    parts = date_parts(EVERYTHING.spec, columns_of_json(EVERYTHING.spec, pool(EVERYTHING.spec, 3).records))
    assert list(parts) == ["day month", "day weekday", "any day month", "any day weekday"]


def test_a_contract_without_dates_and_optional_numbers_gets_no_columns() -> None:
    columns = columns_of_json(CONTRACT.spec, pool(CONTRACT.spec, 3).records)
    assert date_parts(CONTRACT.spec, columns) == missing_marks(CONTRACT.spec, columns) == {}


def test_only_what_may_be_missing_is_marked() -> None:
    marks = missing_marks(VISITS.spec, columns_of(VISIT, {**VISIT, "pulse": None}, {**VISIT, "born": None}))
    assert {name: values.tolist() for name, values in marks.items()} == {
        "born missing": [0.0, 0.0, 1.0],
        "pulse missing": [0.0, 1.0, 0.0],
    }
    kinds = missing_marks(EVERYTHING.spec, columns_of_json(EVERYTHING.spec, [{}]))
    names = ["any_number", "any_integer", "boolean_or_nothing", "any day"]
    assert {name: values.tolist() for name, values in kinds.items()} == {
        f"{name} missing": [1.0] for name in names
    }


@pytest.mark.parametrize("target", [TARGET, VISITS.target])
def test_the_key_gives_the_model_nothing(target: object) -> None:
    contract = Contract(VISITS.record, target, key="patient", event_time="day")  # type: ignore[arg-type]
    columns = contract.columns_of([contract.parse(json.dumps(VISIT))])
    added = {**date_parts(contract.spec, columns), **missing_marks(contract.spec, columns)}
    assert not any("patient" in name for name in (*columns, *added))


@given(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_every_day_has_the_parts_that_the_calendar_gives_it(
    days: list[tuple[date | None, date | None]],
) -> None:
    rows = [
        {**VISIT, "day": event and event.isoformat(), "born": born and born.isoformat()}
        for event, born in days
    ]
    parts = date_parts(VISITS.spec, columns_of(*rows))
    for place, (event, born) in enumerate(days):
        for name, value in (("day", event), ("born", born)):
            assert parts[f"{name} month"][place] == (f"{value:%B}" if value else "")
            assert parts[f"{name} weekday"][place] == (f"{value:%A}" if value else "")
        age = parts["born age"][place]
        assert timedelta(days=age) == event - born if event and born else math.isnan(age)
        alone = date_parts(VISITS.spec, columns_of(rows[place]))
        assert [values[0] for values in alone.values() if values.dtype == object] == [
            values[place] for values in parts.values() if values.dtype == object
        ]
