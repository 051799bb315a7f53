"""The engine that the settings name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from goldenpath.compute.engine import Compute
from goldenpath.compute.local import LocalCompute
from goldenpath.settings import Settings


@contextmanager
def open_compute(
    settings: Settings,
    processes: int = 0,  # on this machine; 0: as many as cores
) -> Iterator[Compute]:
    """Open the engine of the setting `compute`; the end of the block (Ctrl-C too) ends all work.

    Raises BadInput if Ray is not installed, if its cluster cannot be reached, or if its workers have other
    versions than this process.
    """
    if settings.compute == "local":
        yield LocalCompute(processes)
        return
    from goldenpath.compute.ray_cluster import ray_compute

    with ray_compute(settings.compute_address or os.environ.get("RAY_ADDRESS", "")) as compute:
        yield compute
