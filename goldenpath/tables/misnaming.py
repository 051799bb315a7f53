"""Are the names in the contract those of the rows? If no row has one of them, they are not."""

from collections import Counter
from collections.abc import Sequence

from goldenpath.schema.contract import Contract
from goldenpath.tables.writer import Tally
from goldenpath.text.spelling import nearest_word

_SHOWN = 5  # values of the rows in one message


def misnamed(
    tally: Tally,
    contract: Contract,
) -> str | None:  # a sentence for the first column whose names are wrong
    "Find a column of levels, or a target, whose names are others in the rows than in the contract."
    names = {field.name: field.levels for field in contract.fields if field.kind == "level"}
    if contract.target.outcomes:
        names[contract.target.column] = contract.target.outcomes[::-1]
    for column, declared in names.items():
        values = broken_values(tally, column)
        all_wrong = values.total() >= checked_rows(tally)
        if values and (all_wrong or outcome_misspelt(tally, contract, column, values)):
            return misnaming_in_words(column, declared, values)
    return None


def broken_values(tally: Tally, column: str) -> Counter[str]:
    "How many rows have each value that breaks the contract in this column."
    values: Counter[str] = Counter()
    for (name, value, _), count in tally.broken.items():
        if name == column and value:
            values[value] += count
    return values


def checked_rows(tally: Tally) -> int:
    "Rows whose values were looked at: their outcome is known, and they have all their cells."
    ragged = sum(count for (column, _, _), count in tally.broken.items() if not column)
    return tally.read - tally.set_aside - ragged


def outcome_misspelt(tally: Tally, contract: Contract, column: str, values: Counter[str]) -> bool:
    "Find a label that never occurs, beside a value that is spelt like it."
    if column != contract.target.column:
        return False
    counts = tally.outcomes.sum(axis=0)
    absent = [name for name, count in zip(contract.target.outcomes, counts, strict=True) if not count]
    return any(nearest_word(name, values) for name in absent)


def misnaming_in_words(column: str, declared: Sequence[str], values: Counter[str]) -> str:
    "Describe the contract's name, those of the rows, and the nearest."
    common = [value for value, _ in values.most_common(_SHOWN)]
    pairs = [(name, nearest_word(name, common)) for name in declared]
    near = ", ".join(f"'{value}' for '{name}'" for name, value in pairs if value)
    examples = ", ".join(f"'{value}'" for value in common) + (", ..." if len(values) > _SHOWN else "")
    hint = f" (nearest: {near})" if near else ""
    return (
        f"the names of '{column}' in notebooks/01_contract.ipynb are not those of the rows, "
        f"which have {examples}{hint}; correct the contract, or the rows"
    )
