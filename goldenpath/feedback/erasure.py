"""What is kept about one person, taken out of every file of feedback.

Open files belong to workers that keep writing. One that holds the person is renamed first, so that its
worker begins another; what a worker had not written yet is in that one, and found in the next round. It ends
with a round that finds nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from time import sleep, time
from typing import TYPE_CHECKING

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.feedback.answer_tables import (
    JsonLine,
    flat_rows,
    is_answer,
    lines_in,
    parquet_bytes,
    read_parquet,
    table_of,
)
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import OPEN_LINES, close_lines
from goldenpath.feedback.outcome_tables import is_outcome, outcome_files, read_outcome_file
from goldenpath.feedback.outcomes import key_as_json
from goldenpath.feedback.retention import files_below
from goldenpath.schema.contract import Contract
from goldenpath.volume import STAGING, complete, explain, replace_file

if TYPE_CHECKING:
    import pyarrow as pa

WRITTEN_SECONDS = 3.0  # in which a worker has written what it answered, or noticed that its file has gone
MOST_ROUNDS = 5
LEFT_BEHIND = 600.0  # seconds after which a staged file has no writer any more


@dataclass
class Erasure:
    "Whom to erase, and what was erased so far."

    key: str = ""  # as JSON
    ids: frozenset[str] = frozenset()  # of answers, if there is no key
    answered: set[str] = field(default_factory=set)  # ids of erased answers, whose outcomes go as well
    answers: int = 0
    outcomes: int = 0
    files: int = 0  # rewritten or removed
    finished: bool = False  # did the last round find nothing?
    problems: list[str] = field(default_factory=list)  # files that could not be searched or rewritten

    def is_answer_of(self, row: JsonLine) -> bool:
        "Is this row of the person?"
        return bool(self.key and row.get("key") == self.key) or self._is_named(row["id"])

    def is_outcome_of(self, name: str, key: str) -> bool:
        "Is this outcome of the person?"
        return bool(self.key and key == self.key) or name in self.answered or self._is_named(name)

    def _is_named(self, name: str) -> bool:
        "Is this an id to erase, or that of one record of its request: `q/3` of `q`?"
        return name in self.ids or name.partition("/")[0] in self.ids


def person_of(contract: Contract, key: str = "", name: str = "") -> Erasure:
    "Return whom to erase, by key or by the id of an answer. Raises BadInput if the contract has no such key."
    if bool(key) == bool(name):
        raise BadInput("give either a key or the id of an answer")
    if name:
        return Erasure(ids=frozenset({name}))
    field_of_key = next((one for one in contract.fields if one.name == contract.spec.key), None)
    if field_of_key is None:
        raise BadInput("the contract has no key, so nothing here names a person: give the ids of the answers")
    return Erasure(key=key_as_json(field_of_key, key))


def erase_person(folder: FeedbackFolder, person: Erasure, wait: float = WRITTEN_SECONDS) -> Erasure:
    """Rewrite every file of feedback without the person's rows, each as a whole.

    Half-written lines go as well. Files that cannot be read or replaced are named in `problems`.
    """
    for _ in range(MOST_ROUNDS):
        before = person.files
        person.problems.clear()
        renamed = [path for path in _open_files(folder) if _closed(path, person)]
        if renamed:
            sleep(wait)  # a worker may have opened the file just before it was renamed
        for path in _answer_files(folder):
            _attempt(path, person, _erase_answers)
        for path in outcome_files(folder.outcomes):
            _attempt(path, person, _erase_outcomes)
        _sweep_staged(folder)
        sleep(wait)
        person.finished = person.files == before and not any(
            _holds(path, person) for path in _open_files(folder)
        )
        if person.finished:
            break
    return person


def _open_files(folder: FeedbackFolder) -> list[Path]:
    paths = chain(_answer_files(folder), outcome_files(folder.outcomes))
    return [path for path in paths if path.name.endswith(OPEN_LINES)]


def _answer_files(folder: FeedbackFolder) -> Iterator[Path]:
    "Yield all files of answers, a file in two forms twice."
    days = (folder.answers / day for day in complete(folder.answers))
    return (day / name for day in days if day.is_dir() for name in complete(day))


def _closed(path: Path, person: Erasure) -> bool:
    "Rename an open file that holds the person; True if it does."
    if not _holds(path, person):
        return False
    try:
        close_lines(path)
    except OSError as fault:
        person.problems.append(explain(fault, path))
    return True


def _holds(path: Path, person: Erasure) -> bool:
    "Look for the person, or for a line that cannot be read, in an open file."
    with suppress(OSError):
        lines, problem = lines_in(path, lambda line: is_answer(line) or is_outcome(line))
        rows = chain.from_iterable(flat_rows(line) for line in lines if is_answer(line))
        outcomes = (line for line in lines if is_outcome(line))
        if problem or any(map(person.is_answer_of, rows)):
            return True
        return any(person.is_outcome_of(line["id"], line["key"]) for line in outcomes)
    return False


def _attempt(path: Path, person: Erasure, job: Callable[[Path, Erasure], None]) -> None:
    if path.name.endswith(OPEN_LINES):
        return
    try:
        job(path, person)
    except FileNotFoundError:  # it became Parquet meanwhile, which is seen in the next round
        person.files += 1
    except OSError as fault:
        person.problems.append(explain(fault, path))
    except VolumeFault as fault:
        person.problems.append(str(fault))
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as fault:
        person.problems.append(f"{path} cannot be searched ({type(fault).__name__}): remove it")


def _erase_answers(path: Path, person: Erasure) -> None:
    is_parquet = path.suffix == ".parquet"
    lines, problem = ([], "") if is_parquet else lines_in(path, is_answer)
    table = read_parquet(path) if is_parquet else table_of([*chain.from_iterable(map(flat_rows, lines))])
    names, keys = table["id"].to_pylist(), table["key"].to_pylist()
    theirs = [person.is_answer_of({"id": name, "key": key}) for name, key in zip(names, keys, strict=True)]
    if not problem and not any(theirs):
        return
    person.answered |= {name for name, is_theirs in zip(names, theirs, strict=True) if is_theirs}
    _replace(path.with_suffix(".parquet"), _without(table, theirs))
    if not is_parquet:
        path.unlink(missing_ok=True)
    person.answers += sum(theirs)
    person.files += 1


def _erase_outcomes(path: Path, person: Erasure) -> None:
    table, problem = read_outcome_file(path)
    pairs = zip(table["id"].to_pylist(), table["key"].to_pylist(), strict=True)
    theirs = [person.is_outcome_of(name, key) for name, key in pairs]
    if not problem and not any(theirs):
        return
    # Also if no row is left: the name says that these rows were taken in, so they are not taken in again.
    replace_file(path.with_suffix(".parquet"), parquet_bytes(_without(table, theirs)))
    if path.suffix != ".parquet":
        path.unlink(missing_ok=True)
    person.outcomes += sum(theirs)
    person.files += 1


def _without(table: "pa.Table", theirs: list[bool]) -> "pa.Table":
    import pyarrow as pa

    return table.filter(pa.array([not is_theirs for is_theirs in theirs], pa.bool_()))


def _replace(path: Path, table: "pa.Table") -> None:
    if table.num_rows:
        replace_file(path, parquet_bytes(table))
    else:
        path.unlink(missing_ok=True)


def _sweep_staged(folder: FeedbackFolder) -> None:
    "Remove what writers left behind that were killed while they replaced a file."
    old = time() - LEFT_BEHIND
    for file in (*files_below(folder.answers), *files_below(folder.outcomes)):
        if file.path.name.startswith(STAGING) and file.begun < old:
            file.path.unlink(missing_ok=True)
