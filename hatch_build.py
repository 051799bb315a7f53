"""Build hook of the wheel: it carries the whole project, for `goldenpath new` and `upgrade`."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CarriedProject(BuildHookInterface[Any]):
    "Packs what git knows of this checkout; without git the wheel carries the library alone."

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        "Add the packed project to the wheel's files."
        if version == "editable" or not (Path(self.root) / ".git").exists():
            return
        sys.path.insert(0, self.root)  # what is imported here needs the standard library alone
        from goldenpath.origin.shipment import CARRIED, pack

        Path(self.directory).mkdir(parents=True, exist_ok=True)
        pack(Path(self.root), self._archive)
        build_data["force_include"][str(self._archive)] = f"goldenpath/origin/{CARRIED.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        "Leave nothing beside the wheel."
        self._archive.unlink(missing_ok=True)

    @property
    def _archive(self) -> Path:
        return Path(self.directory) / "carried.tar.gz"
