"""Times of single calls: measured one by one, reported as percentiles."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.records import Latency

Seconds = NDArray[np.float64]  # (n,) one call each


def time_calls(
    call: Callable[[Any], Any],
    arguments: Sequence[Any],  # one for each measured call
    warm_up: int = 0,  # calls before that, with the first arguments again and again; not measured
    within: float = math.inf,  # seconds after which no further call begins; a tenth of them for the warm-up
) -> Seconds:  # fewer than `arguments` where the time was over before, but never none
    "Seconds of each call, by a clock that never goes back; garbage collection stays on, as in production."
    clock, seconds = time.perf_counter, np.empty(len(arguments))
    end = clock() + within
    for i in range(warm_up):
        call(arguments[i % len(arguments)])
        if clock() >= end - 0.9 * within:
            break
    for i, argument in enumerate(arguments):
        start = clock()
        call(argument)
        now = clock()
        seconds[i] = now - start
        if now >= end:
            return seconds[: i + 1]
    return seconds


def cut_short(
    key: str,  # of what was measured
    seconds: Seconds,
    wanted: int,  # calls
) -> tuple[str, ...]:  # one note, or none
    "Say how few calls a measurement rests on where its time was over before it had made all."
    if len(seconds) >= wanted:
        return ()
    return (f"{key}: {len(seconds):,} calls instead of {wanted:,}, because one takes so long",)


def once(call: Callable[[], Any]) -> float:
    "Seconds of one call."
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def latency(seconds: Iterable[float]) -> Latency:
    "Median, 95th and 99th percentile."
    p50, p95, p99 = np.percentile(np.fromiter(seconds, dtype=float), [50, 95, 99])
    return Latency(p50=float(p50), p95=float(p95), p99=float(p99))


def in_words(seconds: float) -> str:
    "`1.94 s`, `2.73 ms`, `17.2 µs`: three figures, the unit that fits."
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size or unit == "µs":
            return f"{three_figures(seconds / size)} {unit}"
    raise AssertionError("the last unit takes everything")


def three_figures(value: float) -> str:
    "`1.94`, `17.2`, `273`, `12,300`, `0.0873`."
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    places = 2 - int(np.floor(np.log10(abs(rounded))))
    return f"{rounded:,.{max(places, 0)}f}"
