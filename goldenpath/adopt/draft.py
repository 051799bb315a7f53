"""The draft of a contract and of settings, from the rows of a table."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goldenpath.adopt.fields import Proposal, distinct_attributes, propose
from goldenpath.adopt.floor import Floor, propose_floor
from goldenpath.adopt.notebook import Draft
from goldenpath.adopt.survey import Column, TableSample, survey
from goldenpath.adopt.target import TargetProposal, gives_away, propose_target
from goldenpath.errors import BadInput
from goldenpath.origin.beginning import model_name
from goldenpath.schema.fields import FieldSpec, day
from goldenpath.text.spelling import nearest

SLICES, SLICE_LEVELS = 3, 12  # columns whose groups are looked at, and the most groups of one
LONGEST_KEY = 256  # characters


@dataclass(frozen=True)
class Adoption:
    "What was read into each column, the draft of the contract, and the settings that go with it."

    draft: Draft
    target: TargetProposal
    proposals: list[Proposal]  # in the order of the columns, without the target
    floor: Floor
    settings: dict[str, str] = field(default_factory=dict)  # by key of settings.ini

    @property
    def doubts(self) -> list[str]:
        "What to look at first."
        doubts = [f"{proposal.column}: {proposal.doubt}" for proposal in self.proposals if proposal.doubt]
        return [*([f"{self.draft.target.column}: {self.target.doubt}"] if self.target.doubt else []), *doubts]


def make_draft(sample: TableSample, target: str, name: str = "", key: str = "", time: str = "") -> Adoption:
    """Read a sample into a contract and settings.

    Raises BadInput for a column that is not there, a target that nothing can be learned from, or if no
    field is left.
    """
    columns = survey(sample)
    for role in filter(None, (target, key, time)):
        if role not in columns:
            raise BadInput(f"{sample.file} has no column '{role}'{nearest(role, columns)}")
    outcome = propose_target(columns[target])
    codes = _outcome_codes(columns[target])
    rest = {header: column for header, column in columns.items() if header != target}
    quantity = outcome.target.task == "quantity"
    proposals = [_proposal(column, codes, quantity, key, time) for column in rest.values()]
    kept = distinct_attributes([proposal for proposal in proposals if proposal.field])
    if not set(kept) - {key, time}:
        raise BadInput(f"{sample.file}: no column but '{target}' can be used by a model")
    roles = {"key": key, "event_time": time}
    draft = Draft(sample.file, sample.extent, outcome.target, kept, roles)
    fields = [p.field for p in kept.values() if p.field and p.column not in roles.values()]
    floor = propose_floor(columns, fields, outcome.target)
    settings = _settings(draft, columns, name or slug(sample.file), codes)
    return Adoption(draft, outcome, proposals, floor, {**settings, "gate_floors": floor.setting})


def _proposal(column: Column, codes: NDArray[np.int64], quantity: bool, key: str, time: str) -> Proposal:
    if column.name == key:
        return _key(column)
    proposal = propose(column)
    if column.name == time:
        if not (proposal.field and proposal.field.kind == "date"):
            raise BadInput(f"column '{time}' does not hold dates such as 2020-03-01, so it cannot be --time")
        return Proposal(
            column.name, proposal.field, f"{proposal.reason}; event time, never seen by the model"
        )
    if proposal.field and gives_away(column, codes, quantity):
        return Proposal(
            column.name, None, "it tells every outcome apart", "leaks the outcome? add it if callers know it"
        )
    return proposal


def _key(column: Column) -> Proposal:
    "Keep the column that names whom a record is about."
    if column.is_integer:
        spec = FieldSpec(name=column.name, kind="integer", optional=column.missing > 0)
    else:
        longest = max(map(len, column.texts), default=1)
        spec = FieldSpec(
            name=column.name,
            kind="text",
            optional=column.missing > 0,
            max_length=min(LONGEST_KEY, 2 * longest),
        )
    spec = spec.model_copy(update={"description": "Whom the record is about; never seen by the model"})
    keys = f"key: {len(column.counts):,} different ones in {column.filled:,} rows"
    return Proposal(column.name, spec, f"{keys}, never seen by the model")


def _outcome_codes(column: Column) -> NDArray[np.int64]:
    "(n,) a code for each row, in the order of the outcomes if they are numbers; -1 where there is none."
    codes = column.distinct.codes.astype(np.int64)
    if not column.is_numeric:
        return codes
    ranks = np.argsort(np.argsort(column.numbers, kind="stable"), kind="stable")
    return np.where(codes < 0, -1, np.append(ranks, -1)[codes])


def slug(file: str) -> str:
    "Make a name for the model of a file's name: small letters, digits and hyphens."
    return model_name(Path(file.partition("?")[0]).name.partition(".")[0])


def _settings(
    draft: Draft, columns: dict[str, Column], name: str, codes: NDArray[np.int64]
) -> dict[str, str]:
    time, key = draft.roles["event_time"], draft.roles["key"]
    return {
        "model": name,
        "source": draft.file,
        "split": _split_by_day(columns[time], codes)
        if time
        else f"hash 0.70 0.15 0.15{' by key' * bool(key)}",
        "threshold": "best_f1",
        "slices": ", ".join(_slices(draft)),
    }


def _slices(draft: Draft) -> list[str]:
    "Choose the first columns of few levels."
    fields = [proposal.field for proposal in draft.kept.values() if proposal.field]
    few = [field.name for field in fields if 2 <= len(field.levels) <= SLICE_LEVELS and "," not in field.name]
    return few[:SLICES]


def _split_by_day(column: Column, codes: NDArray[np.int64]) -> str:
    "Days that 70 and 85 of 100 rows with an outcome lie before."
    days = column.days[column.distinct.codes[(codes >= 0) & (column.distinct.codes >= 0)]]
    validation, test = (float(np.quantile(days, share, method="higher")) for share in (0.70, 0.85))
    if len(set(days.tolist())) < 3 or not days.min() < validation < test:
        raise BadInput(f"column '{column.name}' has too few different days to split by; leave --time out")
    return f"{column.name} {day(validation)} {day(test)}"
