"""Load and prove a version in a process of its own, with limits of memory and time, before this process does.

A version that crashes, hangs or fills the memory ends that process and nothing else. What was tried is named
by its manifest, whose hashes are checked again as the files are read: what is loaded later is what was tried.
"""

import fcntl
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Protocol

import goldenpath
from goldenpath.errors import GoldenpathError, NotTrusted, VolumeFault
from goldenpath.records import Frozen
from goldenpath.registry.manifest import Manifest

STARTING = 60  # seconds that a new interpreter gets on top, to start and import
ROOM = 512 << 20  # bytes that any version may take, most of them for scikit-learn itself
GROWTH = 8  # times the size of its files, on top
LEAST = 256 << 20  # bytes: what scikit-learn takes, however little the container has left
CONTAINER = Path("/sys/fs/cgroup")
REASON = 500  # characters
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread takes memory of its own
_START = "from {} import {} as load; from goldenpath.registry.trial import answer_job; answer_job(load)"


class Loaded(Protocol):
    "A version that can answer."

    path: str  # "onnx" or "sklearn"
    why: str  # why scikit-learn answers; empty on the fast path


class Load(Protocol):
    "A function of a module, such as `goldenpath.predict.load_predictor`."

    __name__: str

    def __call__(self, folder: Path, *, fast: bool, manifest: Manifest) -> Loaded: ...


class Job(Frozen):
    "What is to be tried, and for how long."

    folder: Path
    manifest: Manifest  # of a verified folder
    fast: bool = True  # may the ONNX model answer?
    seconds: int = 60


class Outcome(Frozen):
    "What came of it: a path, or the reason why there is none."

    path: str = ""
    why: str = ""
    refused: str = ""  # the version cannot be loaded
    fault: str = ""  # the volume could not be read, which says nothing about the version

    def checked(self) -> "Outcome":
        "Return the outcome of a version that can be loaded. Raises NotTrusted, VolumeFault."
        if self.fault:
            raise VolumeFault(self.fault)
        if self.refused:
            raise NotTrusted(self.refused)
        return self


def try_version(load: Load, job: Job) -> Outcome:
    "Try a version in a new interpreter, which any process may start, also one with threads."
    python = [sys.executable, "-W", "ignore", "-c", _START.format(load.__module__, load.__name__)]
    library = str(Path(goldenpath.__file__).parent.parent)
    path = os.pathsep.join([library, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            python,
            input=job.model_dump_json().encode(),
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=job.seconds + STARTING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _died(job, -signal.SIGALRM)
    return _outcome(job, done.stdout, done.returncode)


def answer_job(load: Load) -> None:
    "Do a job that comes by standard input, in an interpreter that `try_version` started."
    reply = os.dup(1)
    job = Job.model_validate_json(sys.stdin.buffer.read())
    _do(load, job, reply)


class Forked:
    "A trial in a copy of this process: ready at once, but only safe as long as this process has one thread."

    def __init__(self, load: Load, job: Job) -> None:
        self._job = job
        self._reply, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the threads that numpy keeps for itself
            self._pid = os.fork()
        if self._pid == 0:
            _do(load, job, write)
        os.close(write)

    def outcome(self) -> Outcome:
        "Wait for the outcome; once."
        with os.fdopen(self._reply, "rb") as reply:
            content = reply.read()
        _, status = os.waitpid(self._pid, 0)
        return _outcome(self._job, content, os.waitstatus_to_exitcode(status))


def _do(load: Load, job: Job, reply: int) -> None:
    "Try, write the outcome, and end this process in any case."
    try:
        reply = fcntl.fcntl(reply, fcntl.F_DUPFD, 3)  # not among the streams that are closed
        _limit(job)
        os.write(reply, _tried(load, job).model_dump_json().encode())
        os._exit(0)
    finally:
        os._exit(1)


def _limit(job: Job) -> None:
    "Limits of time and memory, and no way to print."
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(job.seconds)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.environ.update(ONE_THREAD)
    limit_memory(allowance(job.manifest))


def _tried(load: Load, job: Job) -> Outcome:
    try:
        loaded = load(job.folder, fast=job.fast, manifest=job.manifest)
    except VolumeFault as fault:
        return Outcome(fault=str(fault)[:REASON])
    except GoldenpathError as error:
        return Outcome(refused=str(error)[:REASON])
    except MemoryError:
        room = allowance(job.manifest) >> 20
        return _refused(job, f"needs more than {room} MB of memory; give it more, or train a smaller model")
    except Exception as error:
        return _refused(job, f"cannot be loaded ({type(error).__name__}: {str(error)[:120]}); train it again")
    return Outcome(path=loaded.path, why=loaded.why[:REASON])


def _outcome(job: Job, content: bytes, code: int) -> Outcome:
    try:
        return Outcome.model_validate_json(content) if code == 0 else _died(job, code)
    except ValueError:
        return _died(job, code)


def _died(job: Job, code: int) -> Outcome:
    "Why a trial ended without an outcome, by its exit code; negative: a signal."
    if code == -signal.SIGALRM:
        slow = f"was not loaded and proven within {job.seconds} s"
        return _refused(job, f"{slow}; if it is only large, raise the setting `trial_seconds`")
    if code == -signal.SIGKILL:
        return _refused(job, "was killed while it was loaded, probably for its memory; give the server more")
    how = signal.strsignal(-code) if code < 0 else f"exit code {code}"
    return _refused(job, f"ended the process that loaded it ({how}); train it again")


def _refused(job: Job, reason: str) -> Outcome:
    return Outcome(refused=f"version {job.manifest.version} {reason}")


def allowance(manifest: Manifest) -> int:  # bytes
    "Return the memory that a trial of this version may take."
    wanted = ROOM + GROWTH * sum(entry.size for entry in manifest.files.values())
    left = _left_in_container()
    return wanted if left is None else max(LEAST, min(wanted, left))


def _left_in_container() -> int | None:  # bytes; None where there is no limit
    "Return the memory left: a trial that took more would end all processes of the container."
    try:
        limit = int((CONTAINER / "memory.max").read_text())
        words = (CONTAINER / "memory.stat").read_text().split()
        return limit - int(words[words.index("anon") + 1])
    except (OSError, ValueError):
        return None


def can_limit_memory() -> bool:
    "Check whether this system can count and limit what a process writes."
    return sys.platform == "linux"


def limit_memory(more: int) -> None:
    "Let this process take no more than so many bytes from now on, if the system can."
    if not can_limit_memory():
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[5])  # what it has written, without its libraries
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = pages * resource.getpagesize() + more
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
