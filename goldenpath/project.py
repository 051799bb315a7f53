"""A project, and one step of it at work: settings, contract, registry and runs in one object."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from goldenpath.errors import BadInput
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.registry.registry import Registry, open_registry
from goldenpath.runs.executed import in_one_line
from goldenpath.runs.notebook import check_fresh
from goldenpath.runs.run import Run, open_run
from goldenpath.runs.spec import find_spec
from goldenpath.runs.taken_over import files_made
from goldenpath.settings import Settings, load_settings
from goldenpath.tracking.within import mirror_within
from goldenpath.volume import faults

if TYPE_CHECKING:
    import pandas as pd

    from goldenpath.schema.contract import Contract
    from goldenpath.tables.batch_plan import BatchPlan
    from goldenpath.tables.counted import CountedRows

Saved = TypeVar("Saved", bound=BaseModel)


class Project:
    "What everything in one project shares."

    def __init__(
        self,
        settings: Settings | None = None,  # None: those of the project's settings.ini and the environment
        contract: "Contract | None" = None,  # None: the one that 01_contract exports, once it is asked for
    ) -> None:
        self.settings = settings or load_settings()
        if contract is not None:
            self.contract = contract

    @property
    def home(self) -> Path:
        "The folder under which everything shared lives."
        return self.settings.home_folder()

    @property
    def runs(self) -> Path:
        "The folder of all runs."
        return self.home / "runs"

    @property
    def feedback(self) -> FeedbackFolder:
        "The folder of what servers keep of requests to the project's model."
        return FeedbackFolder(self.home, self.settings.model)

    @cached_property
    def contract(self) -> "Contract":
        "The data contract."
        from goldenpath.contract import CONTRACT

        return CONTRACT

    @cached_property
    def registry(self) -> Registry:
        "Versions and roles of the project's model, with the reader's keys that the settings name."
        return open_registry(self.settings)

    def path_of(self, path: str) -> str:
        "Make a path absolute: from the working folder; in a pipeline, which loses that folder, from home."
        if "://" in path:
            return path
        start = self.home if os.environ.get("ELYRA_RUNTIME_ENV") else Path.cwd()
        return str(start / Path(path).expanduser())

    def batch_plan(self, input_path: str, output_path: str) -> "BatchPlan":
        "Pair the inputs of a batch with its outputs. Raises BadInput if one cannot be used."
        from goldenpath.tables.batch_plan import plan_batch  # here, because it loads pyarrow

        for name, path in (("input_path", input_path), ("output_path", output_path)):
            if not path:
                raise BadInput(f"{name} is empty: name a file, with -p {name} FILE or {name.upper()}=FILE")
        if "://" in output_path:
            raise BadInput(f"output_path {output_path} is a URL: write to a file and upload that")
        output = self.path_of(output_path) + "/" * output_path.endswith("/")
        return plan_batch(self.path_of(input_path), output, self.settings.data_places())


@dataclass(frozen=True)
class Step:
    "One execution of a step: its project, the run that it works in, and what it loads and saves there."

    project: Project
    run: Run

    @property
    def settings(self) -> Settings:
        "The settings of the project."
        return self.project.settings

    @property
    def contract(self) -> "Contract":
        "The data contract of the project."
        return self.project.contract

    @property
    def registry(self) -> Registry:
        "The registry of the project."
        return self.project.registry

    def load(self, name: str, kind: type[Saved]) -> Saved:
        "Read a record of this run, else of those that it reads from. Raises BadInput, VolumeFault."
        return self.run.record(name, kind)

    def table(self, name: str, columns: list[str] | None = None) -> "pd.DataFrame":
        "Read a Parquet file of this run, else of those that it reads from. Raises BadInput, VolumeFault."
        import pandas as pd
        import pyarrow as pa

        file = self.run.input(name)
        with faults(file):
            table = pd.read_parquet(file, columns=columns)
        pa.default_memory_pool().release_unused()  # Arrow keeps what it read: three times the table
        return table

    def counted(self, name: str, whole: bool = False) -> "CountedRows":
        """Read clean rows, equal ones put together.

        Where they are many and differ, each column is read when asked for, unless they are held `whole`.
        """
        from goldenpath.tables.by_column import read_clean  # here, because they load pyarrow
        from goldenpath.tables.some_rows import number_of_rows

        rows = 0 if whole else number_of_rows(self.run.input(name))
        return read_clean(partial(self.table, name), rows, self.contract.spec)

    def save(self, name: str, record: BaseModel) -> Path:
        "Write a record into this run, as JSON that a person can read."
        file = self.run.output(name)
        file.write_text(record.model_dump_json(indent=2) + "\n", "utf-8")
        return file


@contextmanager
def open_step(
    name: str,  # of the notebook, such as 05_train
    run: str = "",  # id of the run to read from; empty: the pipeline's own, else the newest that fits
    project: Project | None = None,
    **parameters: Any,  # of the step, for the record
) -> Iterator[Step]:
    """Open the run that a step works in, and note how the step ended and how long it took.

    Raises BadInput if a notebook is newer than its module or `run` is unknown, VolumeFault if home cannot be
    written.
    """
    check_fresh(name)
    project = project or Project()
    opened = open_run(project.settings, name, run, {"run": run, **parameters} if run else parameters)
    try:
        yield Step(project, opened)
    except BaseException as fault:
        with suppress(OSError):  # the error of the step is the one to report
            opened.note("failed", reason=in_one_line(f"{type(fault).__name__}: {fault}"))
        mirror_within(project.settings, opened.id)
        raise
    opened.note("done", made=files_made(opened.folder, find_spec(name).makes))
    mirror_within(project.settings, opened.id)
