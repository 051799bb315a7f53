"""Each new version is tried once for the whole server, before a worker loads it: see `registry.trial`."""

import contextlib
import fcntl
import hashlib
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

from goldenpath.errors import GoldenpathError
from goldenpath.predict import load_predictor
from goldenpath.records import Frozen
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES
from goldenpath.registry.trial import Forked, Job, Outcome, try_version
from goldenpath.settings import Settings

SCIKIT_LEARN = ("pandas", "skops.io")  # what it takes to load a pipeline
AGAIN = 600.0  # seconds until a version that was refused is tried again
CAN_FORK = sys.platform == "linux"  # elsewhere system libraries do not survive it
FIRST_SECONDS = 20  # that the first trials get at most: nothing listens until they are over


class Tried(Frozen):
    "One line of the file that launcher and workers share."

    key: str
    when: float  # by the machine's monotonic clock
    outcome: Outcome


class Trials:
    "What came of every trial: known to the launcher and all workers, as they share one file without a name."

    def __init__(self) -> None:
        self._file = nameless_file()

    def __getstate__(self) -> Any:
        return DupFd(self._file)  # for workers that are started anew instead of forked

    def __setstate__(self, file: Any) -> None:
        self._file = file.detach()

    def of(self, job: Job) -> Outcome:
        "Return the result of a job, which runs if none is known; concurrent callers wait for it."
        if outcome := self.known(job):
            return outcome
        with self._turn(job):
            return self.known(job) or self.note(job, try_version(load_predictor, job))

    def known(self, job: Job) -> Outcome | None:
        "Return the earlier result of a job; None also if it was refused so long ago that it is tried again."
        *lines, _ = os.pread(self._file, os.fstat(self._file).st_size, 0).split(b"\n")
        for tried in reversed([Tried.model_validate_json(line) for line in lines]):
            if tried.key == key_of(job):
                lasts = tried.outcome.path or time.monotonic() - tried.when < AGAIN
                return tried.outcome if lasts else None
        return None

    def note(self, job: Job, outcome: Outcome) -> Outcome:
        "Keep an outcome, unless it says nothing about the version."
        if not outcome.fault:
            tried = Tried(key=key_of(job), when=time.monotonic(), outcome=outcome)
            os.write(self._file, tried.model_dump_json().encode() + b"\n")
        return outcome

    @contextlib.contextmanager
    def _turn(self, job: Job) -> Iterator[None]:
        "One process at a time for each job; the lock of one that dies is free."
        place = int(key_of(job)[:7], 16)
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)


def nameless_file() -> int:
    "Open a private file descriptor whose every write appends."
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("trials")
    else:
        with tempfile.TemporaryFile() as named:
            file = os.dup(named.fileno())
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file


def key_of(job: Job) -> str:
    "Return the hash of a manifest, which contains its files' hashes: nothing can be replaced after a trial."
    return hashlib.sha256(f"{job.fast} {job.manifest.model_dump_json()}".encode()).hexdigest()


@dataclass(frozen=True)
class First:
    "A trial that the launcher began before there was any worker."

    job: Job
    outcome: Callable[[], Outcome]


def job_of(settings: Settings, folder: Path, manifest: Manifest) -> Job:
    "Return the parts of a verified folder that are tried."
    fast, seconds = settings.fast_path, settings.trial_seconds
    return Job(folder=folder.absolute(), manifest=manifest, fast=fast, seconds=seconds)


def begin(settings: Settings, registry: Registry) -> list[First]:
    "Try what holds a role, or the pinned version, as long as the launcher has one thread."
    if not settings.trial_seconds or settings.backend != "local":
        return []
    names = [settings.version] if settings.version else ROLES
    return [first for name in names if (first := _begin(settings, registry, name))]


def _begin(settings: Settings, registry: Registry, name: str) -> First | None:
    try:
        version = registry.resolve(name)
        job = job_of(settings, registry.folder(version), registry.verify(version))
    except GoldenpathError:
        return None  # a worker meets it again, and says so
    job = job.model_copy(update={"seconds": min(job.seconds, FIRST_SECONDS)})
    if not fast_path_of(job):
        for package in SCIKIT_LEARN:  # once: a trial and all workers are copies of the launcher
            importlib.import_module(package)
    return First(job, begin_trial(job))


def begin_trial(job: Job) -> Callable[[], Outcome]:
    "Begin a trial, in a copy of this process if that is safe; return a function that waits for its outcome."
    return Forked(load_predictor, job).outcome if CAN_FORK else partial(try_version, load_predictor, job)


def finish(trials: Trials, begun: list[First]) -> list[tuple[Manifest, Outcome]]:
    "Wait for the first trials, and note which versions passed; a worker tries the others again."
    outcomes = [(first.job, first.outcome()) for first in begun]
    for job, outcome in outcomes:
        if outcome.path:
            trials.note(job, outcome)
    return [(job.manifest, outcome) for job, outcome in outcomes]


def fast_path_of(job: Job) -> bool:
    "Is there a chance that the ONNX model answers?"
    return job.fast and "model.onnx" in job.manifest.files and find_spec("onnxruntime") is not None
