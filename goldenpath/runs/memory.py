"""How much memory the fits take, said before they begin: a process that asks for too much is killed.

Measured on 500,000 rows (docs/explanation/scale.md): a fit holds its rows, the filled numbers and the matrix
that the estimator takes, about 3.5 times what the columns of that matrix take as float64.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenpath.errors import BadInput
from goldenpath.measure.machine import memory
from goldenpath.schema.spec import ContractSpec
from goldenpath.settings import Settings
from goldenpath.tables.counted import few_levels

BYTES = 8  # of a number, and of the reference to a text
HELD = 3  # copies of the rows that the step itself holds: as read, as the contract reads them, as a frame
FITTED = 3.5  # copies of the matrix that a fit holds
COUNTING = 7  # numbers of eight bytes that a row takes, besides one for each column, until equal ones are one
USABLE = 0.9  # share of the memory that may be planned with
LEVELS_OF_TEXT = 50  # of free text: columns of the matrix
PACKAGE_BYTES = 500_000_000  # bytes that Python and the packages take
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
    room: int | None,  # bytes; None: unknown
) -> None:
    "Raise BadInput, with what would help, if the training rows alone do not fit. Nothing is read before."
    columns = len(spec.inputs)
    counted = few_levels(spec)
    each = BYTES * (COUNTING + columns) if counted else BYTES * columns * (HELD + 1 + FITTED)
    if room is not None and rows * each > LITTLE and rows * each + PACKAGE_BYTES > USABLE * room:
        what = f"training on {rows:,} rows of {columns} columns"
        raise BadInput(f"{what} {_what_helps(rows, rows * each + PACKAGE_BYTES, room)}")


def plan_memory(
    pipelines: Mapping[str, Any],  # unfitted, by candidate
    rows: int,  # that are fitted, after equal ones were put together
    spec: ContractSpec,
    room: int | None,  # bytes; None: unknown
    cores: int,
) -> MemoryPlan:
    "Leave out candidates whose matrix does not fit, and let no more processes fit at a time than do."
    too_large: dict[str, str] = {}
    processes = cores
    held = rows * BYTES * len(spec.inputs) * HELD
    for name, pipeline in pipelines.items():
        each = rows * BYTES * (len(spec.inputs) + FITTED * matrix_width(pipeline, spec))
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


def matrix_width(pipeline: Any, spec: ContractSpec) -> int:
    "Return the columns of the matrix that an estimator takes; text is sparse where it may be."
    from sklearn.utils import get_tags

    numbers, texts = len(spec.number_columns), [field for field in spec.inputs if field.is_text]
    if get_tags(pipeline[-1]).input_tags.sparse:
        return numbers + len(texts)
    return numbers + sum(len(field.levels) or LEVELS_OF_TEXT for field in texts)


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
