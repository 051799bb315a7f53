"""A Ray cluster of one machine, to try things on: `python -m goldenpath.compute.ray_nodes 2`.

Each node is a process with one core; the head works on nothing, as on OpenShift. Prints the address, and ends
with the end of its input or with Ctrl-C.
"""

import os
import sys
import time
from contextlib import suppress
from typing import Any

from goldenpath.compute.ray_cluster import RAY_VARIABLES
from goldenpath.errors import GoldenpathError
from goldenpath.text.plain import put

START_WITHIN = 300.0  # seconds for each node


def start_nodes(count: int) -> Any:  # ray.cluster_utils.Cluster
    "Start a head and so many nodes. Raises GoldenpathError if they do not start."
    from ray.cluster_utils import Cluster

    _be_patient()
    cluster = Cluster()
    try:
        for cpus in (0, *[1] * count):
            cluster.add_node(num_cpus=cpus, include_dashboard=False, include_log_monitor=False)
    except Exception as fault:  # Ray has no class of its own for this
        cluster.shutdown()
        raise GoldenpathError(f"a node of Ray did not start: {fault}") from None
    return cluster


def _be_patient() -> None:
    "Give a node more than the 30 seconds that Ray waits for it: it needs them on a machine that is busy."
    from ray._private import services

    ask = services.get_node

    def ask_patiently(*words: Any) -> Any:
        end = time.monotonic() + START_WITHIN
        while True:
            try:
                return ask(*words)
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    services.get_node = ask_patiently


if __name__ == "__main__":
    os.environ |= RAY_VARIABLES
    started = start_nodes(int(sys.argv[1]))
    put(started.address)
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    started.shutdown()
