"""Partitions on the workers of a Ray cluster. This is the only module that knows Ray.

The library travels with the work: its folder is uploaded, so that no image has to be built. Other packages
are those of the workers, and must be the same as here.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from goldenpath.compute.engine import Compute, LostWorker, MemoryLost, WorkerPool
from goldenpath.errors import BadInput, WorkersLost

_LIBRARY = Path(__file__).resolve().parents[1]
COMPARED_PACKAGES = (
    "ray",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
)  # what partitions and models are made of
COUNT_EVERY = 2.0  # seconds between two looks at how many workers there are
FIRST_WORKER_WITHIN = 120.0  # seconds for which a new cluster is waited for
NO_WORKER_WITHIN = 300.0  # seconds without any worker after which the work is given up
RAY_VARIABLES = {  # unless they are set already
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_LOG_TO_DRIVER": "0",  # a worker's error comes with its result
    "RAY_LOGGER_LEVEL": "error",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning about devices that nothing here uses
}


@contextmanager
def ray_compute(address: str) -> Iterator["RayCompute"]:
    "Connect to a cluster, compare its workers with this process, and leave it. Raises BadInput."
    for name, value in RAY_VARIABLES.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise BadInput(
            f"compute = ray needs the extra `ray` ({error}); run `pip install -e '.[ray]'` in the project, "
            "or set compute = local"
        ) from None
    try:
        _connect(ray, address)
        compute = RayCompute(ray)
        compute.compare_workers()
        yield compute
    finally:
        with suppress(KeyboardInterrupt):  # a second one, while the first one is obeyed
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    if not address:
        raise BadInput(
            "compute = ray needs a cluster: set compute_address or RAY_ADDRESS (`auto` within a RayJob, "
            "`local` to try it on this machine)"
        )
    verbose = os.environ["RAY_LOG_TO_DRIVER"] != "0"
    if not verbose:  # else pages of a lost node's log come among our lines, even without `log_to_driver`
        ray._private.worker.listen_error_messages = lambda worker, stopped: None
    try:
        ray.init(
            address=address,
            runtime_env={"py_modules": [str(_LIBRARY)], "excludes": ["**/__pycache__/**"]},
            log_to_driver=verbose,
            logging_level=os.environ["RAY_LOGGER_LEVEL"],
            include_dashboard=False if address == "local" else None,
        )
    except Exception as fault:  # Ray has no class of its own for a node that does not start
        lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
        raise BadInput(f"the Ray cluster at '{address}' cannot be used: {' '.join(lines)[:400]}") from None


def versions_here() -> dict[str, str]:
    "Say what must be equal here and on the workers: Python, packages, and the source of the library."
    source = sha256()
    for file in sorted(_LIBRARY.rglob("*.py")):
        source.update(file.relative_to(_LIBRARY).as_posix().encode() + b"|" + file.read_bytes())
    packages = {name: _version(name) for name in COMPARED_PACKAGES}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **packages, "goldenpath": source.hexdigest()[:12]}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "nothing"


def require_same(ours: dict[str, str], theirs: dict[str, str], node: str) -> None:
    "Raise BadInput that names the first difference."
    for name, here in ours.items():
        if theirs.get(name) != here:
            raise BadInput(
                f"Ray node {node} has {name} {theirs.get(name, 'nothing')}, this process has {here}: "
                "start workers and driver from the same image"
            )


class RayCompute(Compute):
    "A cluster that this process is connected to."

    is_elsewhere = True
    way_out = "give the workers more memory or fewer CPUs each, or make the partitions smaller (partition_mb)"

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def compare_workers(self) -> None:
        "Ask each node for its versions before any work. Raises BadInput for a difference, or without nodes."
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ray, ours = self._ray, versions_here()
        nodes = self._first_workers()
        ask = ray.remote(num_cpus=0, max_retries=1)(versions_here)
        answers = {
            node["NodeManagerAddress"]: ask.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=True)
            ).remote()
            for node in nodes
        }
        for node, answer in answers.items():
            try:
                require_same(ours, ray.get(answer), node)
            except ray.exceptions.RayError as fault:
                raise BadInput(f"Ray node {node} cannot run goldenpath: {_first_line(fault)}") from None

    def _first_workers(self) -> list[dict[str, Any]]:
        "Return the nodes that work; those of a new cluster may still be on their way."
        end = time.monotonic() + FIRST_WORKER_WITHIN
        while True:
            if nodes := _workers(self._ray):
                return nodes
            if time.monotonic() > end:
                raise BadInput("the Ray cluster has no worker with a CPU: start one, or set compute = local")
            time.sleep(1.0)

    def pool(self, function: Callable[[Any], Any], tasks: int, timed: bool) -> WorkerPool:
        return RayPool(self._ray, function)


class RayPool(WorkerPool):
    "One function on the cluster; how many workers there are may change."

    def __init__(self, ray: Any, function: Callable[[Any], Any]) -> None:
        self._ray = ray
        self._function = ray.put((function, versions_here()))
        # A lost partition is said, and done again, by the flow: Ray alone would do that without a word.
        self._task = ray.remote(num_cpus=1, max_retries=0)(call_on_worker)
        self._counted, self._looked, self._last_worker = 0, 0.0, time.monotonic()

    def count(self) -> int:
        "Count the CPUs of the cluster now. Raises WorkersLost if there has been none for minutes."
        now = time.monotonic()
        if now - self._looked > COUNT_EVERY:
            self._looked = now
            self._counted = int(self._ray.cluster_resources().get("CPU", 0))
        if self._counted:
            self._last_worker = now
        elif now - self._last_worker > NO_WORKER_WITHIN:
            raise WorkersLost("the Ray cluster has had no worker for minutes: start workers and run again")
        return max(self._counted, 1)

    def submit(self, item: Any, alone: bool) -> Any:
        task = self._task.options(num_cpus=self._cpus_of_a_node()) if alone else self._task
        return task.remote([self._function], item)

    def _cpus_of_a_node(self) -> float:
        "Count the CPUs that a partition asks for to have a node, the smallest one at least, for itself."
        return min((float(node["Resources"]["CPU"]) for node in _workers(self._ray)), default=1.0)

    def wait(self, handles: Sequence[Any], seconds: float) -> Sequence[Any]:
        done, _ = self._ray.wait(list(handles), num_returns=1, timeout=seconds)
        return list(done)

    def result(self, handle: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(handle)
        except errors.RayTaskError as fault:
            raise (
                fault.cause if isinstance(fault.cause, Exception) else LostWorker(_first_line(fault))
            ) from None
        except errors.OutOfMemoryError:
            raise MemoryLost("Ray ended its process because the memory of its node ran out") from None
        except errors.RayError as fault:
            raise _ending(fault) from None

    def close(self, finished: bool) -> None:
        """Do nothing: what still runs ends when this process leaves the cluster.

        To cancel it ends this process as well, if a task is done at the same moment (seen with Ray 2.55.1).
        """


def _workers(ray: Any) -> list[dict[str, Any]]:
    "Return the nodes that work now."
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]


def _ending(fault: Exception) -> LostWorker:
    "Say how a worker was lost."
    kind = type(fault).__name__
    if kind == "WorkerCrashedError":
        return MemoryLost("its process was killed, as the system does when memory runs out")
    lost_node = "Node" in kind or "Raylet" in kind
    return LostWorker("its node was lost" if lost_node else f"its worker was lost ({kind})")


def _first_line(fault: Exception) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(fault).__name__


_functions: dict[Any, Callable[[Any], Any]] = {}  # of this worker


def call_on_worker(function: list[Any], item: Any) -> Any:
    "Apply the function to one partition, on a worker, whose node may have come after the others were asked."
    import ray

    if function[0] not in _functions:
        received, versions = ray.get(function[0])
        require_same(versions, versions_here(), ray.util.get_node_ip_address())
        _functions.clear()
        _functions[function[0]] = received
    return _functions[function[0]](item)
