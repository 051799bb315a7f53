"""The changes between two contracts: does a record of the old one stay valid under the new one?"""

from typing import Literal

from goldenpath.records import Frozen
from goldenpath.schema.fields import FieldSpec, some
from goldenpath.schema.spec import COLUMN_ROLES, ContractSpec
from goldenpath.schema.targets import TargetSpec

ChangeKind = Literal["none", "compatible", "breaking"]


class Difference(Frozen):
    "What changed between two contracts, and how bad that is for a caller of the old one."

    kind: ChangeKind
    changes: tuple[str, ...]  # one line each, the breaking ones first and marked


def diff(old: ContractSpec, new: ContractSpec) -> Difference:
    """Compare two contracts from the point of view of a caller of the old one.

    All that the old contract accepted the new one must accept with the same meaning; otherwise it breaks.
    Descriptions do not count; the order of fields counts as compatible.
    """
    meaning, bounds = target_changes(old.target, new.target)
    breaking = [*meaning, *removed(old, new), *added(old, new, optional=False)]
    compatible = [*bounds, *added(old, new, optional=True), *role_changes(old, new)]
    before = {field.name: field for field in old.fields}
    for field in new.fields:
        if field.name in before:
            worse, wider = field_changes(before[field.name], field)
            breaking += worse
            compatible += wider
    if not breaking and not compatible and old.hash != new.hash:
        compatible.append("the order of fields or levels changed")
    kind: ChangeKind = "breaking" if breaking else "compatible" if compatible else "none"
    return Difference(kind=kind, changes=(*(f"breaking: {change}" for change in breaking), *compatible))


def target_changes(old: TargetSpec, new: TargetSpec) -> tuple[list[str], list[str]]:
    "List the changes to the meaning of an answer, and the others."
    if old.task != new.task:
        return [f"target was of task {old.task}, is of task {new.task}"], []
    before, after = old.model_dump(), new.model_dump()
    changes = {
        key: f"target {key} was {before[key]!r}, is {after[key]!r}"
        for key in before
        if before[key] != after[key]
    }
    return (
        [change for key, change in changes.items() if key not in new.free],
        [change for key, change in changes.items() if key in new.free],
    )


def role_changes(old: ContractSpec, new: ContractSpec) -> list[str]:
    "List the roles that other columns have: a caller sends the same record as before."
    roles = [(role, getattr(old, role), getattr(new, role)) for role in COLUMN_ROLES]
    return [f"{role} was {before!r}, is {after!r}" for role, before, after in roles if before != after]


def removed(old: ContractSpec, new: ContractSpec) -> list[str]:
    "Fields that are gone: a caller who still sends them is refused."
    names = {field.name for field in new.fields}
    return [f"field {field.name!r} was removed" for field in old.fields if field.name not in names]


def added(old: ContractSpec, new: ContractSpec, optional: bool) -> list[str]:
    "Report new fields; only a required one is missing from an old caller's record."
    names = {field.name for field in old.fields}
    kind = "optional" if optional else "required"
    fields = [field for field in new.fields if field.name not in names and field.optional == optional]
    return [f"new {kind} field {field.name!r}" for field in fields]


def field_changes(old: FieldSpec, new: FieldSpec) -> tuple[list[str], list[str]]:
    "Report what became narrower and what became wider in one field."
    if old.kind != new.kind:
        return [f"field {old.name!r} was of kind {old.kind}, is {new.kind}"], []
    narrower, wider = level_changes(old, new)
    if old.optional != new.optional:
        word, side = ("may now be empty", wider) if new.optional else ("is now required", narrower)
        side.append(f"field {old.name!r} {word}")
    if old.range_in_words != new.range_in_words or old.max_length != new.max_length:
        side = wider if holds(new, old) else narrower
        side.append(f"field {old.name!r} was {old.rule}, is {new.rule}")
    return narrower, wider


def level_changes(old: FieldSpec, new: FieldSpec) -> tuple[list[str], list[str]]:
    "Levels that are gone (narrower) and levels that are new (wider)."
    gone = [level for level in old.levels if level not in new.levels]
    fresh = [level for level in new.levels if level not in old.levels]
    narrower = [f"field {old.name!r} lost {some(map(repr, gone))}"] if gone else []
    wider = [f"field {old.name!r} also takes {some(map(repr, fresh))}"] if fresh else []
    return narrower, wider


def holds(outer: FieldSpec, inner: FieldSpec) -> bool:
    "Check whether everything within the inner range and length is within the outer."
    below = outer.lower is None or starts(inner) >= starts(outer)
    above = outer.upper is None or upper_end(inner) <= upper_end(outer)
    return below and above and (outer.max_length or 0) >= (inner.max_length or 0)


def starts(field: FieldSpec) -> tuple[float, bool]:
    "Where the range begins; of equal bounds the open one begins later."
    return (float("-inf") if field.lower is None else field.lower, field.lower_open)


def upper_end(field: FieldSpec) -> tuple[float, bool]:
    "Where the range ends; of equal bounds the open one ends earlier."
    return (float("inf") if field.upper is None else field.upper, not field.upper_open)
