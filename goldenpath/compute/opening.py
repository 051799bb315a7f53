"""The engine that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager

from goldenpath.compute.engine import Compute
from goldenpath.compute.local import LocalCompute
from goldenpath.settings import Settings


@contextmanager
def open_compute(settings: Settings) -> Iterator[Compute]:
    """Open the engine of the setting `compute`; the end of the block (Ctrl-C too) ends all work.

    Raises BadInput if Ray is not installed, its cluster cannot be reached, or its workers are not this one's
    match.
    """
    yield LocalCompute()
