"""Training against rows: what is timed, within which time, and what is said of the rest."""

from collections.abc import Callable

import pytest

from goldenpath.errors import BadInput
from goldenpath.measure.contrast import growth_notes, growth_sentence
from goldenpath.measure.growth import (
    CALLS,
    Growth,
    GrowthPoint,
    LeftOut,
    growth_of,
    row_numbers,
    ticks_of,
    time_growth,
)
from tests.steps.test_contrast import SlowClock, made_up


def grown_by_rows(*rows: int, left_out: tuple[LeftOut, ...] = (), within: float = 5) -> Growth:
    "Return a growth of round figures: ten microseconds for each row."
    points = [GrowthPoint(rows=number, seconds=1e-5 * number, calls=CALLS) for number in rows]
    return growth_of("linear", points, left_out, within)


def test_rows_grow_by_tens_up_to_all_of_them() -> None:
    assert row_numbers(25_000_000) == [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
    assert row_numbers(12_000) == [1_000]  # 10,000 would be too near
    assert row_numbers(1_000) == [100]
    assert row_numbers(199) == []


def test_below_a_drawing_are_powers_of_ten_or_what_was_timed() -> None:
    assert ticks_of(grown_by_rows(1_000, 7_278, 100_000).points) == [1_000, 10_000, 100_000]
    assert ticks_of(grown_by_rows(100, 242).points) == [100, 242]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SlowClock:
    clock = SlowClock()
    monkeypatch.setattr("goldenpath.measure.growth.time.perf_counter", clock)
    return clock


def slow(clock: SlowClock, thousand: float) -> Callable[[int], Callable[[], None]]:
    "Return what takes so many seconds of the clock for 1,000 rows to provide, and as many to fit."

    def work(rows: int) -> None:
        clock.now += thousand * rows / 1_000

    def prepared(rows: int) -> Callable[[], None]:
        work(rows)
        return lambda: work(rows)

    return prepared


def test_quick_fits_are_repeated_and_slow_ones_are_not(clock: SlowClock) -> None:
    points, left_out = time_growth([1_000, 10_000, 100_000], slow(clock, 0.01), within=60)
    assert [(point.rows, point.calls) for point in points] == [(1_000, 7), (10_000, 5), (100_000, 1)]
    assert [point.seconds for point in points] == pytest.approx([0.01, 0.1, 1.0])
    assert left_out == []


def test_what_would_take_longer_than_the_time_left_is_left_out(clock: SlowClock) -> None:
    numbers = [1_000, 10_000, 100_000, 1_000_000]
    points, left_out = time_growth(numbers, slow(clock, 0.1), within=5)
    assert [point.rows for point in points] == [1_000, 10_000]
    assert left_out == [LeftOut(rows=100_000), LeftOut(rows=1_000_000)]
    assert clock.now <= 5


def test_a_fit_that_is_known_to_be_slow_is_not_begun(clock: SlowClock) -> None:
    points, left_out = time_growth([1_000], slow(clock, 10), within=5, a_row=0.01)
    assert (points, left_out) == ([], [LeftOut(rows=1_000)])
    assert clock.now == 0


def test_rows_that_cannot_be_fitted_are_left_out_with_the_reason() -> None:
    def prepared(rows: int) -> Callable[[], None]:
        if rows == 1_000:
            raise BadInput("all 1000 training rows have died = 'no'")
        return lambda: None

    points, left_out = time_growth([1_000, 10_000], prepared, within=5)
    assert [point.rows for point in points] == [10_000]
    assert left_out == [LeftOut(rows=1_000, why="all 1000 training rows have died = 'no'")]


def test_what_was_measured_is_said_with_its_figures() -> None:
    told = made_up(growth=grown_by_rows(14_000, 1_000, 10_000))
    assert growth_sentence(told) == (
        "Train, then predict: 10.0 ms with 1,000 rows, 100 ms with 10,000 rows, 140 ms with 14,000 rows; "
        "a running server answers in 200 µs."
    )
    [what] = growth_notes(told)
    assert "reads the checked rows, fits linear as 05_train does" in what
    assert "predicts one record" in what


def test_what_was_left_out_or_drawn_is_said_too() -> None:
    late = [LeftOut(rows=rows) for rows in (500_000, 1_000_000, 10_000_000)]
    left_out = LeftOut(rows=100, why="one outcome only"), *late
    growth = grown_by_rows(1_000, 100_000, left_out=left_out)
    _, *told = growth_notes(made_up(growth=growth, synthetic=True))
    assert told == [
        "more rows than the 14,000 of the run are drawn from the same stand-in",
        "left out, because growth_seconds = 5 was over: 500,000, 1,000,000 and 10,000,000 rows",
        "100 rows left out: one outcome only",
    ]


def test_one_number_of_rows_is_nothing_to_compare() -> None:
    for growth in (None, grown_by_rows(14_000)):
        told = made_up(growth=growth)
        assert told.grown is None
        assert growth_sentence(told) == ""
        assert list(growth_notes(told)) == []


def test_without_a_server_the_sentence_names_the_loaded_model() -> None:
    told = made_up(http_s=None, growth=grown_by_rows(1_000, 10_000))
    assert growth_sentence(told).endswith("a loaded model answers in process in 20.0 µs.")
