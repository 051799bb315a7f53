"""Fits of several candidates on folds and on all rows, which end when the time is over."""

import ctypes
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from goldenpath.schema.targets import Scores, TargetSpec

LOOK_EVERY = 1.0  # seconds between two looks at fits that are running, and for a thread to end
FEW_ROWS = 5_000  # rows up to which no process is started: that would take longer than the fits
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
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    train, held_out = np.flatnonzero(rows.folds != fit.fold), np.flatnonzero(rows.folds == fit.fold)
    last = fit.pipeline.steps[-1][0]
    weighted = {f"{last}__sample_weight": rows.weight[train]} if (rows.weight != 1).any() else {}
    started = time.perf_counter()
    try:
        with threadpool_limits(1):
            pipeline = clone(fit.pipeline).fit(rows.frame.iloc[train], rows.outcome[train], **weighted)
        seconds = time.perf_counter() - started
        if fit.fold == NO_FOLD:
            return FitResult(seconds, searched(pipeline))
        return FitResult(seconds, scores=rows.target.scores(pipeline, rows.frame.iloc[held_out]))
    except Exception as error:  # an estimator of one's own may fail in any way
        first = (str(error).splitlines() or [""])[0]
        return FitResult(time.perf_counter() - started, error=f"{type(error).__name__}: {first}"[:200])


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
) -> FitResults:  # without those that were not done in time
    """Fit, in parallel if there are many rows; when the time is over, no fit begins, and those that run end.

    A process is killed. A thread ends at its next line of Python: one that stays in compiled code runs on,
    unused, until that code returns.
    """
    end = time.monotonic() + within
    soon = {len(rows.frame) <= SOME_ROWS: SOON, len(rows.frame) <= FEW_ROWS: within}.get(True, 0.0)
    results = _one_by_one(fits, rows, end, min(end, time.monotonic() + soon))
    left = fits[len(results) :]
    if left and time.monotonic() < end:
        results |= _in_processes(left, rows, end, progress)
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
                thread.join(LOOK_EVERY)
    return results[0] if results else None


@contextmanager
def _quiet() -> Iterator[None]:
    "Hide warnings of convergence and of rare levels: the folds show what a candidate is worth."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _in_processes(
    fits: list[CandidateFit], rows: TrainingRows, end: float, progress: Callable[[str], None]
) -> FitResults:
    "Give every process the rows once, and one thread, so that they do not get in each other's way."
    from concurrent.futures import wait

    from joblib.externals.loky import ProcessPoolExecutor

    executor = ProcessPoolExecutor(
        min(joblib.cpu_count(), len(fits)),
        initializer=_receive,
        initargs=(rows,),
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    waiting: set[Any] = set()
    try:
        futures = {executor.submit(_fit_received, fit): fit for fit in fits}
        waiting = set(futures)
        while waiting and (left := end - time.monotonic()) > 0:
            done, waiting = wait(waiting, timeout=min(LOOK_EVERY, left))
            if done:
                progress(f"{len(futures) - len(waiting)} of {len(futures)} fits, at most {left:.0f} s more")
        return {
            (fit.candidate, fit.fold): future.result()
            for future, fit in futures.items()
            if future not in waiting
        }
    finally:
        executor.shutdown(wait=True, kill_workers=bool(waiting))


_received: list[TrainingRows] = []  # of this process


def _receive(rows: TrainingRows) -> None:
    _received[:] = [rows]


def _fit_received(fit: CandidateFit) -> FitResult:
    with _quiet():
        return run_fit(fit, _received[0])
