"""One-hot encoding before the compiled model: a dictionary finds a level sooner than a graph does.

A text column that is one-hot encoded and nothing else need not reach ONNX Runtime as text. Seven such columns
were measured at 16 us a record inside the graph, and at 9 us with the look-up here, the look-up included.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

METADATA = "goldenpath.one_hot"  # the key of the blocks in a compiled model


class Block(NamedTuple):
    "One encoded column: an output of 1 for the level that the record has, none where it has another one."

    column: str
    levels: tuple[str, ...]  # in the order of their outputs


BLOCKS = TypeAdapter(tuple[Block, ...])


def blocks_of(
    transformer: Any,  # a fitted part of a `ColumnTransformer`
    columns: Any,  # what it was given
) -> tuple[Block, ...]:  # empty where it does anything else than plain one-hot encoding of named text columns
    "Read the levels of a fitted `OneHotEncoder` that ignores what it does not know."
    from sklearn.preprocessing import OneHotEncoder

    plain = type(transformer) is OneHotEncoder and transformer.handle_unknown == "ignore"
    if not plain or (transformer.drop, transformer.min_frequency, transformer.max_categories) != (None,) * 3:
        return ()
    named = [columns] if isinstance(columns, str) else list(columns)
    found = list(zip(named, map(list, transformer.categories_), strict=True))
    if not all(isinstance(value, str) for column, levels in found for value in (column, *levels)):
        return ()
    return tuple(Block(column, tuple(levels)) for column, levels in found)


def width_of(blocks: Sequence[Block]) -> int:
    "Add up the outputs of all blocks."
    return sum(len(block.levels) for block in blocks)


class OneHot:
    "Encodes as the encoders did that the blocks were read from."

    def __init__(self, blocks: Sequence[Block], text: Sequence[str], start: int) -> None:
        """`text` names the values that come in; the first block's outputs begin at column `start`.

        Raises ValueError for a block of another column.
        """
        foreign = sorted({block.column for block in blocks}.difference(text))
        if foreign:
            raise ValueError(f"{foreign} are not text columns of it")
        starts = start + np.cumsum([0, *(len(block.levels) for block in blocks)])
        self.width = width_of(blocks)
        self._places = [
            (block.column, text.index(block.column), dict(zip(block.levels, range(first, end), strict=True)))
            for block, first, end in zip(blocks, starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        ]

    def one(self, text: Sequence[str], row: NDArray[np.float32]) -> None:
        "Set the outputs of one record in a row of zeros."
        for _, at, places in self._places:
            place = places.get(text[at])
            if place is not None:
                row[place] = 1.0

    def many(self, columns: Mapping[str, NDArray[Any]], rows: NDArray[np.float32]) -> None:
        "Set the outputs of n records in n rows of zeros."
        for name, _, places in self._places:
            found = np.fromiter((places.get(value, -1) for value in columns[name]), np.intp, len(rows))
            known = np.flatnonzero(found >= 0)
            rows[known, found[known]] = 1.0


def to_metadata(blocks: Sequence[Block]) -> str:
    "As text that a compiled model can carry."
    return BLOCKS.dump_json(tuple(blocks)).decode()


def from_metadata(said: str) -> tuple[Block, ...]:
    "Read the text that `to_metadata` wrote. Raises ValueError for any other."
    try:
        return BLOCKS.validate_json(said)
    except ValidationError:
        raise ValueError("its one-hot levels cannot be read") from None
