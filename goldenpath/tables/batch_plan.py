"""Which files a batch scores, and where each of them goes: one output for each input."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import fsspec

from goldenpath.errors import BadInput
from goldenpath.tables.batch_files import refuse_training_rows, rejected_beside
from goldenpath.tables.endings import TABLES, is_other_table, is_parquet, is_table
from goldenpath.tables.sources import WILD, covers, find_files, is_remote, place_named, same_file
from goldenpath.text.plain import say

FEW_BYTES = 256_000_000  # of CSV, which one process has scored before others have started
PACKED_TIMES = 5  # how many bytes of CSV the rows of one byte of Parquet take, at least


class BatchFile(NamedTuple):
    "One input and its output."

    source: str  # a path or a URL
    output: Path


def input_of(file: BatchFile) -> str:
    "Name a file in messages."
    return file.source


@dataclass(frozen=True)
class BatchPlan:
    "The files of a batch."

    source: str
    files: tuple[BatchFile, ...]  # at least one
    is_folder: bool = False  # do the outputs go into a folder, each with a receipt?

    @property
    def outputs(self) -> Path:
        "The folder of the outputs."
        return self.files[0].output.parent


def plan_batch(
    source: str,  # a file, a folder, a glob or a URL
    output: str,  # a file, or a folder
    places: Sequence[str] = (),  # of training rows
) -> BatchPlan:
    "Pair inputs and outputs. Raises BadInput for an output that is in the way of another, or of an input."
    if not _is_folder(source, output):
        refuse_training_rows(places, Path(output))
        return BatchPlan(source, (BatchFile(source, Path(output)),))
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; {source} goes into a folder: name another output")
    files = tuple(BatchFile(file, folder / output_name(file)) for file in find_files(source))
    _refuse_folder_of_input(source, folder, files)
    _refuse_same_name(files)
    refuse_training_rows(places, files[0].output)
    return BatchPlan(source, files, is_folder=True)


def bare_name(source: str) -> str:
    "Return the name of a file without its folder."
    return source.partition("?")[0].rpartition("/")[2] if is_remote(source) else Path(source).name


def output_name(source: str) -> str:
    "Name an input's output: `cases.csv` for `cases.csv.gz`, `cases.parquet` for `cases.pq`."
    name = bare_name(source)
    ending = max((end for end in TABLES if name.lower().endswith(end)), key=len, default="")
    return name[: len(name) - len(ending)] + (".parquet" if is_parquet(source) else ".csv")


def bytes_to_read(files: Iterable[BatchFile]) -> list[int]:
    "Return about how many bytes of CSV the rows of each file are; 0 if that is unknown."
    return [_size(file.source) * (PACKED_TIMES if is_parquet(file.source) else 1) for file in files]


def are_few(sizes: Sequence[int]) -> bool:
    "Find out whether files of these sizes are scored sooner by one process; not if one is unknown."
    return all(sizes) and sum(sizes) < FEW_BYTES


def _size(source: str) -> int:
    with suppress(Exception):  # to read it says what is wrong
        filesystem, path = fsspec.core.url_to_fs(source)
        return int(filesystem.info(path)["size"] or 0)
    return 0


def refuse_problems(problems: Sequence[str], files: int) -> None:
    "Raise BadInput if files, of so many, were not scored; name each of them."
    for problem in problems[1:]:
        say(problem)
    if problems:
        raise BadInput(f"{len(problems)} of {files} files were not scored, the others were: {problems[0]}")


def _is_folder(source: str, output: str) -> bool:
    "Find out whether the output is a folder. Raises BadInput if that cannot be known."
    if output.endswith("/") or Path(output).is_dir():
        return True
    if is_table(output) or is_other_table(output):
        return False
    if _is_many(source):
        return True
    if Path(output).suffix:
        return False
    raise BadInput(f"{output} has no ending: write .csv or .parquet, or end it with / if it is a folder")


def _is_many(source: str) -> bool:
    if source.startswith(("http://", "https://")):
        return False
    with place_named(source):
        filesystem, path = fsspec.core.url_to_fs(source)
        return bool(filesystem.isdir(path) or (WILD.search(path) and not filesystem.exists(path)))


def _refuse_folder_of_input(source: str, folder: Path, files: Sequence[BatchFile]) -> None:
    local = [Path(file.source) for file in files if not is_remote(file.source)]
    for parent in dict.fromkeys(file.parent for file in local):
        if same_file(parent, folder):
            raise BadInput(f"{folder} is the folder of the input; name another folder as output")
    for path in (path for file in files for path in (file.output, rejected_beside(file.output))):
        if covers(source, path):
            raise BadInput(f"{path} would be read as input next time ({source}); name another folder")


def _refuse_same_name(files: Sequence[BatchFile]) -> None:
    taken: dict[str, str] = {}
    for file in files:
        for path in (file.output, rejected_beside(file.output)):
            other = taken.setdefault(path.name, file.source)
            if other != file.source:
                raise BadInput(
                    f"{other} and {file.source} would both be written as {path}; rename one of them, "
                    "or score them into two folders"
                )
