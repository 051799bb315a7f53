"""What becomes of each file in an upgrade: decided from what was ever shipped, before anything is written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from goldenpath.adopt.project import OWN_TEST
from goldenpath.errors import BadInput
from goldenpath.origin.content import VERSION_FILE, VERSION_LINE, file_mark
from goldenpath.origin.ownership import owned
from goldenpath.origin.record import OriginRecord, read_origin
from goldenpath.origin.shipment import Shipment
from goldenpath.runs.notebook import exported, exported_notebooks

MODEL_FILE = "notebooks/04_model.ipynb"
EXAMPLE_FILE = "goldenpath/adopt/files/example.json"
FEWEST_SHARE = 0.5  # of goldenpath's unchanged files; with fewer of them too little is known of a project

Action = Literal["add", "replace", "remove", "beside", "aside"]


@dataclass(frozen=True)
class Change:
    "What is done with one file."

    path: str
    action: Action
    reason: str = ""


@dataclass(frozen=True)
class Upgrade:
    "A project, and the shipment that it is brought to."

    project: Path
    shipment: Shipment

    @cached_property
    def changes(self) -> list[Change]:
        """What is done with each file that does not stay as it is, by path.

        Raises BadInput if it cannot be known what the owner changed.
        """
        self._require_knowledge()
        paths = sorted({*self.shipment.files, *self.shipment.history, *self._recorded})
        return [change for path in paths if (change := self._change(path))]

    def of(self, *actions: Action) -> list[Change]:
        "Return the changes of these kinds."
        return [change for change in self.changes if change.action in actions]

    @cached_property
    def record(self) -> OriginRecord | None:
        "What is written down of the project's beginning, or of its last upgrade."
        return read_origin(self.project)

    @cached_property
    def is_adopted(self) -> bool:
        "Has the example been removed?"
        there = sum((self.project / path).is_file() for path in self._alone_before)
        return (self.project / OWN_TEST).is_file() or there < len(self._alone_before) / 2

    @cached_property
    def model_version(self) -> str:
        "The MODEL_VERSION after the upgrade: the owner's, or the shipped one together with its 04_model."
        before, shipped = self._model_versions
        return max(before, shipped, key=_numbers) if self._brings_the_model else before

    @property
    def has_own_model_version(self) -> bool:
        "Does the owner's MODEL_VERSION, which is beyond the shipped one, get another 04_model?"
        return self._brings_the_model and self.model_version != self._model_versions[1]

    @property
    def _brings_a_model_version(self) -> bool:
        return self.model_version != self._model_versions[0]

    @cached_property
    def _brings_the_model(self) -> bool:
        change = self._change(MODEL_FILE)
        return change is not None and change.action in ("add", "replace")

    @cached_property
    def _model_versions(self) -> tuple[str, str]:
        "MODEL_VERSION in the project and in the shipment."
        files = [folder / VERSION_FILE for folder in (self.project, self.shipment.folder)]
        values = [VERSION_LINE.search(file.read_bytes()) if file.is_file() else None for file in files]
        before, shipped = (value[1].decode() if value else "" for value in values)
        return before or shipped, shipped

    def _change(self, path: str) -> Change | None:
        present, shipped = self._marks.get(path, ""), self._wanted.get(path, "")
        if present == shipped:
            return Change(path, "replace") if path == VERSION_FILE and self._brings_a_model_version else None
        if not present:
            return Change(path, "add") if self._is_new(path) else None
        if path in self.modules:
            return self._module(path)
        if not shipped:
            return self._no_longer_shipped(path, present)
        if self._was_shipped(path, present):
            return Change(path, "replace")
        entry = owned(path)
        if self._was_shipped_last(path, shipped) or (entry and entry.drafted):
            return None
        reason = "yours; the shipped one has changed" if entry else "goldenpath's; you changed it"
        return Change(path, "beside", reason)

    def _no_longer_shipped(self, path: str, present: str) -> Change | None:
        if owned(path):
            return None
        if self._was_shipped(path, present):
            return Change(path, "remove")
        return Change(path, "aside", "it is no longer part of goldenpath, and you changed it")

    def _module(self, path: str) -> Change | None:
        "Replace an exported module together with its notebook; of an owner's notebook it is exported anew."
        notebook = self.modules[path]
        if self._marks.get(notebook) and not self._was_shipped(notebook, self._marks[notebook]):
            return None
        return Change(path, "replace")

    def _is_new(self, path: str) -> bool:
        "Decide whether a file that is missing was never here, or was taken away by its owner."
        if path not in self._wanted:
            return False
        if self.is_adopted and path in self._alone_before:
            return True
        if self.record:
            return path not in self.record.files
        return min(self.shipment.history.get(path, {}).values(), default=self._age + 1) > self._age

    def _was_shipped(self, path: str, present: str) -> bool:
        return present in self.shipment.history.get(path, ()) or present == self._recorded.get(path)

    def _was_shipped_last(self, path: str, shipped: str) -> bool:
        "Check that the shipped file is the one that the project began with."
        if path in self._recorded:
            return self._recorded[path] == shipped
        return self.shipment.history.get(path, {}).get(shipped, self._age + 1) <= self._age

    @cached_property
    def _wanted(self) -> dict[str, str]:
        "The marks of the shipped files that this project gets: an adopted one, none of the example."
        gone = self._alone(self.shipment.folder) if self.is_adopted else set()
        return {path: mark for path, mark in self.shipment.files.items() if path not in gone}

    @cached_property
    def _recorded(self) -> dict[str, str]:
        return self.record.files if self.record else {}

    @cached_property
    def _marks(self) -> dict[str, str]:
        "The mark of each file of the project that was ever shipped."
        paths = {*self.shipment.files, *self.shipment.history, *self._recorded}
        return {path: mark for path in paths if (mark := file_mark(self.project, path))}

    @cached_property
    def _age(self) -> int:
        "The number of the last commit that the project is known to have something of."
        history = self.shipment.history
        numbers = (history[path].get(mark, 0) for path, mark in self._marks.items() if path in history)
        return max(numbers, default=0)

    @cached_property
    def _alone_before(self) -> set[str]:
        return self._alone(self.project)

    @staticmethod
    def _alone(folder: Path) -> set[str]:
        "Read which files belong to the example alone."
        file = folder / EXAMPLE_FILE
        return set(json.loads(file.read_text("utf-8"))["alone"]) if file.is_file() else set()

    @cached_property
    def modules(self) -> dict[str, str]:
        "The notebook of each exported module, by the module's path."
        return dict(_exports(self.shipment.folder))

    def _require_knowledge(self) -> None:
        "Raise BadInput if most of the library differs from all that was ever shipped, as far as is known."
        library = [path for path in self._marks if path.startswith("goldenpath/")]
        unchanged = [path for path in library if self._was_shipped(path, self._marks[path])]
        if len(unchanged) < FEWEST_SHARE * len(library) or not library:
            raise BadInput(
                f"{self.project}: {len(library) - len(unchanged)} of {len(library)} files of goldenpath/ are "
                "unknown to this source, so it cannot tell what you changed; use --from with a git clone "
                "that has its whole history"
            )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _exports(folder: Path) -> Iterator[tuple[str, str]]:
    for notebook in exported_notebooks(folder / "notebooks"):
        for module in exported(notebook):
            yield f"goldenpath/{module.replace('.', '/')}.py", f"notebooks/{notebook.name}"
