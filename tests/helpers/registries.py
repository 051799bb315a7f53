"""Look at a registry as a whole: its history, and what dead writers left in it."""

from datetime import timedelta
from pathlib import Path

from goldenpath.registry.litter import LITTER, litter_below, remove_all
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import Roles


def sweep(root: Path, older_than: timedelta = LITTER) -> list[Path]:
    "Delete what dead writers left below a model's folder; the paths that are gone."
    litter = litter_below(root, older_than)
    remove_all(litter)
    return litter


def history_of(registry: Registry) -> list[Roles]:
    "Return every assignment of roles, oldest first."
    return [registry.log.read(number) for number in range(1, registry.log.newest() + 1)]
