"""Partitions in processes of this machine, one for each core; a single one, or on a single core, here."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from goldenpath.compute.engine import Compute, LostWorker, WorkerPool

_LOOK_SECONDS = 0.2  # between two looks at whether the parent is alive
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # they share the cores already


class LocalCompute(Compute):
    "This process, or as many as there are cores."

    def __init__(self, processes: int = 0) -> None:  # 0: as many as cores, limits of the pod included
        self._processes = processes

    def pool(self, function: Callable[[Any], Any], tasks: int, timed: bool) -> "WorkerPool | None":
        from joblib import cpu_count

        workers = min(self._processes or cpu_count(), tasks)
        return ProcessPool(function, workers) if workers > 1 or timed else None


class ProcessPool(WorkerPool):
    "Processes that end with this one."

    shared_fate = True

    def __init__(self, function: Callable[[Any], Any], workers: int) -> None:
        self._function, self._workers = function, workers
        self._executor = self._start()

    def _start(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        return ProcessPoolExecutor(
            self._workers, initializer=_receive, initargs=(self._function, os.getpid()), env=_ONE_THREAD
        )

    def count(self) -> int:
        return self._workers

    def submit(self, item: Any, alone: bool) -> Any:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return self._executor.submit(_call, item)
        except BrokenProcessPool:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = self._start()
            return self._executor.submit(_call, item)

    def wait(self, handles: Sequence[Any], seconds: float) -> Sequence[Any]:
        from concurrent.futures import FIRST_COMPLETED, wait

        done = wait(handles, timeout=seconds, return_when=FIRST_COMPLETED).done
        return [handle for handle in handles if handle in done]

    def result(self, handle: Any) -> Any:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return handle.result()
        except BrokenProcessPool as fault:
            killed = "SIGKILL" in str(fault)
            raise LostWorker(
                "its process was killed, as the system does when memory runs out"
                if killed
                else "its process ended"
            ) from None

    def close(self, finished: bool) -> None:
        self._executor.shutdown(wait=True, kill_workers=not finished)


_received: list[Callable[[Any], Any]] = []  # of this process


def _receive(function: Callable[[Any], Any], parent: int) -> None:
    _received[:] = [function]
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    "End this process soon after one that was killed, and could not end it: another may do its work by now."
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def _call(item: Any) -> Any:
    return _received[0](item)
