"""What was asked and answered, as counts alone: no record, no key and no value of a free text.

Each writer has a file of its own for each version, role and hour, which replaces its own older state. Readers
add the files up, so nothing is locked, and a file that is read late or twice does no harm.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import Field, ValidationError

from goldenpath.feedback.folder import FeedbackFolder, host_in_name
from goldenpath.records import Frozen
from goldenpath.volume import complete, explain, faults, read_file, replace_file

HOUR = "%Y-%m-%dT%H"  # of an answer, UTC
HOUR_LENGTH = len("2026-11-28T12")
LARGEST_COUNTS = 16_000_000  # bytes of a file that is read
NO_VERSION = "none"  # the folder of what was refused while no version answered

Natural: TypeAlias = Annotated[int, Field(ge=0)]
Sum: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Number = TypeVar("Number", int, float)


class FieldCounts(Frozen):
    "Values of one field, by cell of the version's profile."

    cells: tuple[Natural, ...] = ()
    missing: Natural = 0
    unseen: Natural = 0  # texts that the profile has no level for; the last cell counts them too
    outside: Natural = 0  # numbers beyond the profile's range; the first or last cell counts them too


class ScoreCounts(Frozen):
    "Answers by the cell of their score; cells without an answer are left out."

    n: dict[int, Natural] = Field(default_factory=dict)
    p: dict[int, Sum] = Field(default_factory=dict)  # sums of calibrated probabilities or of values


class Counts(Frozen):
    "What one writer counted of one version in one role within one hour, or a sum of such."

    format: Literal[1] = 1
    version: str  # "" in refusals while no version answered, and in sums over several
    role: str  # champion, challenger, shadow, batch; "" in sums over several
    hour: str  # UTC, as in 2026-11-28T12
    writer: str  # host, process and time of its start
    answers: Natural = 0
    fields: dict[str, FieldCounts] = Field(default_factory=dict)  # empty without a profile
    scores: dict[str, ScoreCounts] = Field(default_factory=dict)
    labels: dict[str, Natural] = Field(default_factory=dict)
    label_p: dict[str, Sum] = Field(default_factory=dict)  # sum of calibrated p of the positive outcome
    refused: Natural = 0  # requests
    refusals: dict[str, Natural] = Field(default_factory=dict)  # requests by each wrong field or (kind)

    @property
    def total(self) -> int:
        "Answers and refused requests."
        return self.answers + self.refused


@dataclass(frozen=True)
class CountsRead:
    "The counts of a folder, and why some of its files were skipped."

    counts: tuple[Counts, ...]
    problems: tuple[str, ...]


def writer_name() -> str:
    "Name this process: host, process id and time, so that none has the name of another."
    return f"{host_in_name()}-{os.getpid()}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def hour_of(moment: datetime) -> str:
    "Name the hour of a moment, in UTC."
    return moment.astimezone(UTC).strftime(HOUR)


def write_counts(folder: FeedbackFolder, counts: Counts) -> Path:
    "Write a file, in place of what this writer counted earlier of the same. Raises VolumeFault."
    name = f"{counts.hour}-{counts.writer}-{counts.role}.json"
    file = folder.counts / (counts.version or NO_VERSION) / name
    replace_file(file, counts.model_dump_json(exclude_defaults=True).encode())
    return file


def read_counts(
    folder: FeedbackFolder,
    since: datetime | None = None,  # with a time zone; its whole hour is read
    until: datetime | None = None,  # exclusive
) -> CountsRead:
    """Read what all writers counted, sorted by hour; a file that was copied counts once.

    A file that is half-written, too large or foreign is skipped and named. Raises VolumeFault if the folder
    cannot be read.
    """
    kept: dict[tuple[str, ...], Counts] = {}
    problems: list[str] = []
    for file in files_between(folder, since, until):
        try:
            counts = Counts.model_validate_json(read_file(file, LARGEST_COUNTS))
        except FileNotFoundError:  # cleaned away meanwhile
            continue
        except OSError as fault:
            problems.append(explain(fault, file))
        except ValidationError as fault:
            problems.append(
                f"{file}: {why_no_counts(fault)}; it is skipped; remove it if no server writes it"
            )
        else:
            identity = (counts.hour, counts.version, counts.role, counts.writer)
            kept[identity] = max(kept.get(identity, counts), counts, key=lambda one: one.total)
    return CountsRead(tuple(kept[identity] for identity in sorted(kept)), tuple(problems))


def files_between(folder: FeedbackFolder, since: datetime | None, until: datetime | None) -> list[Path]:
    "List the files of these hours: their names begin with the hour."
    first = hour_of(since) if since else ""
    last = hour_of(until - timedelta(microseconds=1)) if until else "~"
    with faults(folder.counts):
        return [
            folder.counts / version / name
            for version in complete(folder.counts)
            if (folder.counts / version).is_dir()
            for name in complete(folder.counts / version)
            if first <= name[:HOUR_LENGTH] <= last
        ]


def why_no_counts(fault: ValidationError) -> str:
    "Say in one line why a file holds no counts."
    first = fault.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return f"{where or 'it'}: {first['msg']}"


def add_up(counts: Iterable[Counts]) -> Counts:
    "Add counts up. What differs among them (version, role, hour, writer) is empty in the sum."
    parts = list(counts)
    return Counts(
        version=common(part.version for part in parts),
        role=common(part.role for part in parts),
        hour=common(part.hour for part in parts),
        writer=common(part.writer for part in parts),
        answers=sum(part.answers for part in parts),
        fields={name: add_fields(each) for name, each in by_name(part.fields for part in parts).items()},
        scores={name: add_scores(each) for name, each in by_name(part.scores for part in parts).items()},
        labels=add_all([part.labels for part in parts]),
        label_p=add_all([part.label_p for part in parts]),
        refused=sum(part.refused for part in parts),
        refusals=add_all([part.refusals for part in parts]),
    )


def common(values: Iterable[str]) -> str:
    "Return the one value that all have; empty if they differ."
    different = set(values)
    return different.pop() if len(different) == 1 else ""


Held = TypeVar("Held")


def by_name(parts: Iterable[dict[str, Held]]) -> dict[str, list[Held]]:
    "Collect what several dictionaries hold under each name, in order of appearance."
    collected: dict[str, list[Held]] = {}
    for part in parts:
        for name, value in part.items():
            collected.setdefault(name, []).append(value)
    return collected


def add_fields(parts: Sequence[FieldCounts]) -> FieldCounts:
    "Add up what was counted of one field."
    cells = zip_longest(*(part.cells for part in parts), fillvalue=0)
    return FieldCounts(
        cells=tuple(map(sum, cells)),
        missing=sum(part.missing for part in parts),
        unseen=sum(part.unseen for part in parts),
        outside=sum(part.outside for part in parts),
    )


def add_scores(parts: Sequence[ScoreCounts]) -> ScoreCounts:
    "Add up what was counted of one score."
    return ScoreCounts(n=add_all([part.n for part in parts]), p=add_all([part.p for part in parts]))


Named = TypeVar("Named", int, str)


def add_all(parts: Sequence[dict[Named, Number]]) -> dict[Named, Number]:
    "Add up dictionaries of numbers by key."
    total: Counter[Named] = Counter()
    for part in parts:
        total.update(part)  # floats as well
    return dict(total)
