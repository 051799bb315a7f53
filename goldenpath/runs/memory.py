"""How much memory the fits take, said before they begin: a process that asks for too much is killed.

Measured (docs/explanation/scale.md). A table of many numbers is in a file that all processes map, as float32;
a fit holds its matrix, and some estimators copy it (`runs.wide`, `runs.sparing`). Other tables are held as
they are read and as frames, and a fit takes 3.5 times its matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenpath.errors import BadInput
from goldenpath.measure.machine import memory
from goldenpath.records import Layout
from goldenpath.runs.sparing import can_be_spared, holds_out, is_boosting, takes_rows_to_judge
from goldenpath.runs.wide import is_wide
from goldenpath.schema.spec import ContractSpec
from goldenpath.settings import Settings
from goldenpath.tables.counted import few_levels

BYTES = 8  # of a number, and of the reference to a text
MAPPED = 4  # of a number of a wide table
HELD = 3  # copies of the rows that the step itself holds: as read, as the contract reads them, as a frame
FITTED = 3.5  # copies of the matrix that a fit holds
SPARED = 1.15  # copies of the matrix of a wide table: with what boosting makes of it, a byte each
COPIED_BY = {
    "LogisticRegression": 0.0,
    "RandomForestClassifier": 0.5,
    "RandomForestRegressor": 0.5,
}  # measured
EACH_ROW = 100  # bytes that a fit of a wide table takes besides: outcome, fold, place, gradients
COUNTING = 7  # numbers of eight bytes that a row takes, besides one for each column, until equal ones are one
USABLE = 0.9  # share of the memory that may be planned with
LEVELS_OF_TEXT = 50  # of free text: columns of the matrix
PACKAGE_BYTES = 350_000_000  # of Python and the packages: 150 to 174 MB of a process, and what is shared
LITTLE = 200_000_000  # bytes of rows that are never refused: packages alone take more


@dataclass(frozen=True)
class MemoryPlan:
    "What fits into memory."

    pipelines: dict[str, Any]  # of the candidates that do
    too_large: dict[str, str]  # why the others do not
    processes: int  # that may fit at a time; 0: as many as there are cores


def room_of(settings: Settings) -> int | None:
    "Return the bytes of this machine; None if others train, whose memory this one does not know."
    return None if settings.compute == "ray" else memory()


def refuse_too_many_rows(
    rows: int,
    spec: ContractSpec,
    layout: Layout,  # what the model takes
    room: int | None,  # bytes; None: unknown
) -> None:
    "Raise BadInput, with what would help, if the training rows alone do not fit. Nothing is read before."
    columns = len(spec.inputs)
    if few_levels(spec):
        each = float(BYTES * (COUNTING + columns))
    elif is_wide(rows, layout):
        each = bytes_held(rows, layout) / rows + SPARED * BYTES * len(layout.number) + EACH_ROW
    else:
        each = BYTES * columns * (HELD + 1 + FITTED)
    if room is not None and rows * each > LITTLE and rows * each + PACKAGE_BYTES > USABLE * room:
        what = f"training on {rows:,} rows of {columns} columns"
        raise BadInput(f"{what} {_what_helps(rows, rows * each + PACKAGE_BYTES, room)}")


def plan_memory(
    pipelines: Mapping[str, Any],  # unfitted, by candidate
    rows: int,  # that are fitted, after equal ones were put together
    spec: ContractSpec,
    layout: Layout,
    room: int | None,  # bytes; None: unknown
    cores: int,
) -> MemoryPlan:
    "Leave out candidates whose matrix does not fit, and let no more processes fit at a time than do."
    too_large: dict[str, str] = {}
    processes = cores
    held = bytes_held(rows, layout)
    for name, pipeline in pipelines.items():
        each = bytes_of_fit(pipeline, rows, spec, layout)
        little = room is None or held + cores * each <= LITTLE
        at_a_time = (
            cores if little else int((USABLE * (room or 0) - held - PACKAGE_BYTES) // (each + PACKAGE_BYTES))
        )
        if at_a_time < 1:
            helps = _what_helps(rows, held + each + 2 * PACKAGE_BYTES, room or 0)
            too_large[name] = f"not fitted: it {helps}, or other candidates"
        else:
            processes = min(processes, at_a_time)
    fitting = {name: pipeline for name, pipeline in pipelines.items() if name not in too_large}
    return MemoryPlan(fitting, too_large, 0 if processes == cores else processes)


def bytes_held(rows: int, layout: Layout) -> float:
    "Return what the step holds while others fit, without Python and the packages."
    texts, numbers = len(layout.text), len(layout.number)
    if is_wide(rows, layout):
        return rows * (MAPPED * numbers + BYTES * texts + EACH_ROW)
    return rows * BYTES * (texts + numbers) * HELD


def bytes_of_fit(pipeline: Any, rows: int, spec: ContractSpec, layout: Layout) -> float:
    "Return what one fit takes, without Python and the packages."
    width = BYTES * matrix_width(pipeline, spec, layout)
    if is_wide(rows, layout) and can_be_spared(pipeline):
        return rows * (width * (SPARED + _copies(pipeline[-1], rows)) + EACH_ROW)
    return rows * (BYTES * len(layout.text + layout.number) + FITTED * width)


def _copies(estimator: Any, rows: int) -> float:
    "Return how often an estimator copies the matrix; boosting does only to hold out rows by itself."
    if is_boosting(estimator):
        return float(holds_out(estimator, rows) and not takes_rows_to_judge(estimator, rows))
    return COPIED_BY.get(type(estimator).__name__, 1.0)


def matrix_width(pipeline: Any, spec: ContractSpec, layout: Layout) -> int:
    "Return the columns of the matrix that an estimator takes; text is sparse where it may be."
    from sklearn.utils import get_tags

    numbers, levels = len(layout.number), {field.name: field.levels for field in spec.inputs}
    if get_tags(pipeline[-1]).input_tags.sparse:
        return numbers + len(layout.text)
    return numbers + sum(len(levels.get(name) or ()) or LEVELS_OF_TEXT for name in layout.text)


def _what_helps(rows: int, needed: float, room: int) -> str:
    fewer = int(rows * max(USABLE * room - PACKAGE_BYTES, 0) / needed)
    kept = max(int(float(f"{fewer:.1e}") * 0.9), 1)
    return (
        f"would take about {in_gigabytes(needed)} of memory, of {in_gigabytes(room)}: set train_rows to "
        f"{kept:,} or fewer, or take a pod with {in_gigabytes(needed / USABLE * 1.1)}"
    )


def in_gigabytes(size: float) -> str:
    "Format bytes: `8.0 GB`."
    return f"{size / 1e9:.1f} GB"
