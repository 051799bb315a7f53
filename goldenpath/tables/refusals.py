"""When the rows are not good enough to train on: too many break the contract, or an outcome is missing."""

from goldenpath.errors import BadInput
from goldenpath.schema.contract import Contract
from goldenpath.tables.misnaming import misnamed
from goldenpath.tables.split import SIDES
from goldenpath.tables.writer import Tally

FOLDS = 5  # of a cross-validation: each must hold every class


def refuse_many_rejected(
    tally: Tally,
    contract: Contract,
    limit: float,  # share of the rows read
    file: object,  # where the rejected rows are
) -> None:
    "Raise BadInput above the limit, naming the values that broke the contract most often."
    if tally.rejected > limit * tally.read:
        raise BadInput(
            f"{tally.rejected:,} of {tally.read:,} rows ({tally.rejected / tally.read:.1%}) break the "
            f"contract, more than max_rejected = {limit}: {most_broken(tally)}; "
            f"{remedy(tally, contract, file)}"
        )


def most_broken(tally: Tally) -> str:
    "Name the three values that broke the contract most often, or the reason alone if it is about whole rows."
    return "; ".join(
        f"{column} '{value}' {reason} ({count:,} rows)" if column else f"{reason} ({count:,} rows)"
        for (column, value, reason), count in tally.broken.most_common(3)
    )


def remedy(
    tally: Tally,
    contract: Contract,
    file: object,  # where the rejected rows are
) -> str:
    "Say what to do about rejected rows: correct names, declare a third outcome, or look at them."
    if names := misnamed(tally, contract):
        return names
    if any(column == contract.target.column for column, _, _ in tally.broken):
        return f"{contract.target.remedy} in 01_contract"
    return f"see {file}"


def refuse_one_class(
    tally: Tally,
    contract: Contract,
    source: str,
) -> None:
    "Raise BadInput if there is nothing to learn, or if a split cannot be judged."
    target = contract.target
    if not tally.read:
        raise BadInput(f"{source} has a header but no rows")
    if not tally.outcomes.sum():
        raise BadInput(f"{source}: none of {tally.read:,} rows has a known outcome in '{target.column}'")
    every = "both" if len(target.outcomes) == 2 else "all"
    for counts, word in zip(tally.outcomes.T, target.outcomes, strict=False):  # a quantity names none
        if not counts.sum():
            raise BadInput(f"{source}: '{target.column}' is never '{word}'; a model needs {every} outcomes")
        if not counts.all() and (contract.task == "binary" or not counts[0]):
            side = SIDES[counts.argmin()]
            raise BadInput(f"{source}: no '{word}' among the {side} rows; use more rows or another `split`")
        if contract.task == "classes" and counts[0] < FOLDS:
            raise BadInput(
                f"{source}: '{word}' has {counts[0]} training rows, fewer than the {FOLDS} folds of a "
                "cross-validation; use more rows, or put rare classes together"
            )
    for rows, side in zip(tally.outcomes.sum(axis=1), SIDES, strict=True):
        if not rows:
            raise BadInput(f"{source}: no {side} rows; use more rows or another `split`")
