"""Fits of several candidates on folds and on all rows, which end when the time is over."""

import ctypes
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.compute.engine import Compute
from goldenpath.inference.engines import ROUNDED
from goldenpath.runs.sparing import can_be_spared, fit_sparingly, rows_at, scores_in_parts
from goldenpath.runs.wide import NumbersFile
from goldenpath.schema.targets import Scores, TargetSpec

THREAD_ENDS_WITHIN = 1.0  # seconds
FEW_ROWS = 10_000  # rows up to which no process is started: that would take longer than the fits
SOME_ROWS = 100_000  # rows up to which the first fits are made here, in case all of them are quick
SOON = 4.0  # seconds of fitting after which starting processes is worth it
NO_FOLD = -1  # in place of a fold: the fit on all rows


@dataclass(frozen=True)
class TrainingRows:
    "The rows that every fit takes its own from."

    frame: Any  # pandas.DataFrame, (n, columns)
    outcome: NDArray[Any]  # (n,)
    weight: NDArray[np.float64]  # (n,) how many each row stands for
    folds: NDArray[np.intp]  # (n,) in which each row is held out
    target: TargetSpec
    counted: int = 0  # how many rows these stand for, where equal ones were put together
    numbers: NumbersFile | None = None  # where the frame's numbers are, if they are many

    def __getstate__(self) -> dict[str, Any]:
        "Leave mapped numbers where they are: another process maps them, too."
        if self.numbers is None or not self.numbers.stays:
            return self.__dict__
        return {**self.__dict__, "frame": self.frame.drop(columns=list(self.numbers.names))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        numbers = state["numbers"]
        mapped = {"frame": numbers.frame(state["frame"])} if numbers and numbers.stays else {}
        self.__dict__.update(state | mapped)

    @property
    def number(self) -> int:
        "How many rows were read."
        return self.counted or len(self.frame)


@dataclass(frozen=True)
class CandidateFit:
    "One fit of one candidate."

    candidate: str
    fold: int  # which is held out; NO_FOLD: none
    pipeline: Any  # unfitted


@dataclass(frozen=True)
class FitResult:
    "The result of a fit."

    seconds: float
    pipeline: Any = None  # of a fit on all rows
    scores: Scores | None = None  # of the rows of the fold, (m,) or (m, k)
    error: str = ""  # one line; "" if it worked


FitResults = dict[tuple[str, int], FitResult]  # by candidate and fold


def fits_of(
    pipelines: Mapping[str, Any],  # unfitted, by name
    folds: int,
) -> Iterator[CandidateFit]:
    "List every fit, candidate by candidate, so that a short time leaves whole candidates."
    for name, pipeline in pipelines.items():
        for fold in (*range(folds), NO_FOLD):
            yield CandidateFit(name, fold, pipeline)


def run_fit(fit: CandidateFit, rows: TrainingRows) -> FitResult:
    "Fit once, in one thread; an error of the estimator becomes a line of the leaderboard."
    from threadpoolctl import threadpool_limits

    train, held_out = np.flatnonzero(rows.folds != fit.fold), np.flatnonzero(rows.folds == fit.fold)
    weight = rows.weight[train] if (rows.weight != 1).any() else None
    started = time.perf_counter()
    try:
        with threadpool_limits(1):
            pipeline = _fitted(fit.pipeline, rows, train, weight)
            seconds = time.perf_counter() - started
            if fit.fold == NO_FOLD:
                return FitResult(seconds, searched(pipeline))
            return FitResult(seconds, scores=scores_in_parts(rows.target, pipeline, rows.frame, held_out))
    except Exception as error:  # an estimator of one's own may fail in any way
        first = (str(error).splitlines() or [""])[0]
        return FitResult(time.perf_counter() - started, error=f"{type(error).__name__}: {first}"[:200])


def _fitted(pipeline: Any, rows: TrainingRows, train: NDArray[np.intp], weight: Any) -> Any:
    from sklearn.base import clone

    if rows.numbers and can_be_spared(pipeline):
        fitted = fit_sparingly(pipeline, rows.frame, train, rows.outcome[train], weight)
    else:
        weights = {} if weight is None else {f"{pipeline.steps[-1][0]}__sample_weight": weight}
        fitted = clone(pipeline).fit(rows_at(rows.frame, train), rows.outcome[train], **weights)
    if rows.numbers and rows.numbers.kind == "float32":
        setattr(fitted, ROUNDED, True)
    return fitted


def searched(pipeline: Any) -> Any:
    "Put the estimator that a search found in the place of the search."
    name, last = pipeline.steps[-1]
    pipeline.steps[-1] = (name, getattr(last, "best_estimator_", last))
    return pipeline


def run_fits(
    fits: list[CandidateFit],
    rows: TrainingRows,
    within: float,  # seconds for all of them
    progress: Callable[[str], None],
    compute: Compute,
) -> FitResults:  # without those that were not done in time
    """Fit, on the workers of an engine if there are many rows.

    When the time is over, no fit begins, and those that run end.
    A process is killed. A thread ends at its next line of Python: one that stays in compiled code runs on,
    unused, until that code returns.
    """
    end = time.monotonic() + within
    alone = SOON if compute.is_elsewhere else within
    soon = {len(rows.frame) <= SOME_ROWS: SOON, len(rows.frame) <= FEW_ROWS: alone}.get(True, 0.0)
    results = _one_by_one(fits, rows, end, min(end, time.monotonic() + soon))
    left = fits[len(results) :]
    if left and time.monotonic() < end:
        results |= _on_workers(left, rows, end, progress, compute)
    return results


def _one_by_one(fits: list[CandidateFit], rows: TrainingRows, end: float, soon: float) -> FitResults:
    "Fit here, until it is `soon`."
    results: FitResults = {}
    for fit in fits:
        if time.monotonic() >= soon or not (result := _in_thread(fit, rows, end)):
            break
        results[fit.candidate, fit.fold] = result
    return results


class OutOfTime(BaseException):
    "The end of a fit whose time is over; no `except Exception` of an estimator catches it."


def _in_thread(fit: CandidateFit, rows: TrainingRows, end: float) -> FitResult | None:  # None: not in time
    from sklearn import config_context, get_config

    results: list[FitResult] = []
    config = get_config()  # each thread has its own

    def run() -> None:
        with suppress(OutOfTime), config_context(**config):
            results.append(run_fit(fit, rows))

    thread = Thread(target=run, daemon=True)
    with _quiet():  # for all threads: they share the filters
        thread.start()
        try:
            thread.join(max(0.0, end - time.monotonic()))
        finally:
            if thread.is_alive():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident or 0), ctypes.py_object(OutOfTime)
                )
                thread.join(THREAD_ENDS_WITHIN)
    return results[0] if results else None


@contextmanager
def _quiet() -> Iterator[None]:
    "Hide warnings of convergence and of rare levels: the folds show what a candidate is worth."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _on_workers(
    fits: list[CandidateFit],
    rows: TrainingRows,
    end: float,
    progress: Callable[[str], None],
    compute: Compute,
) -> FitResults:
    "Give every worker the rows once, and one thread, so that they do not get in each other's way."
    work = partial(_fit_quietly, rows=rows)
    results: FitResults = {}
    for place, result in compute.as_done(work, fits, until=end, name=_name, tell=progress):
        results[fits[place].candidate, fits[place].fold] = result
        left = end - time.monotonic()
        progress(f"{len(results)} of {len(fits)} fits, at most {left:.0f} s more")
    return results


def _name(fit: CandidateFit) -> str:
    return f"{fit.candidate} on {'all rows' if fit.fold == NO_FOLD else f'fold {fit.fold}'}"


def _fit_quietly(fit: CandidateFit, rows: TrainingRows) -> FitResult:
    with _quiet():
        return run_fit(fit, rows)
