"""One-hot encoding before the compiled model: a dictionary finds a level sooner than a graph does.

A text column that is one-hot encoded and nothing else need not reach ONNX Runtime as text. Seven such columns
were measured at 16 us a record inside the graph, and at 9 us with the look-up here, the look-up included.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

IGNORING = ("ignore", "infrequent_if_exist")
METADATA = "goldenpath.one_hot"  # the key of the blocks in a compiled model


class Block(NamedTuple):
    "One encoded column: an output of 1 for the level that the record has, none where it has another one."

    column: str
    levels: tuple[str, ...]  # in the order of their outputs
    others: bool = False  # one more output at the end, 1 for every other level: rare, or never seen

    @property
    def width(self) -> int:
        "The number of outputs."
        return len(self.levels) + self.others


BLOCKS = TypeAdapter(tuple[Block, ...])


def blocks_of(
    transformer: Any,  # a fitted part of a `ColumnTransformer`
    columns: Any,  # what it was given
) -> tuple[Block, ...]:  # empty where it does anything else than plain one-hot encoding of named text columns
    "Read the levels of a fitted `OneHotEncoder` that ignores what it does not know."
    from sklearn.preprocessing import OneHotEncoder

    if type(transformer) is not OneHotEncoder or transformer.drop is not None:
        return ()
    counts = (transformer.min_frequency, transformer.max_categories) != (None, None)
    if transformer.handle_unknown not in (("infrequent_if_exist",) if counts else IGNORING):
        return ()
    named = [columns] if isinstance(columns, str) else list(columns)
    rare = transformer.infrequent_categories_ if counts else [None] * len(named)
    entries = list(zip(named, map(list, transformer.categories_), rare, strict=True))
    if not all(isinstance(value, str) for column, levels, _ in entries for value in (column, *levels)):
        return ()
    return tuple(_block(column, levels, rare) for column, levels, rare in entries)


def _block(column: str, levels: list[str], rare: Any) -> Block:
    "Leave rare levels out: their common output comes last, and levels that were never seen have it too."
    if rare is None:
        return Block(column, tuple(levels))
    left_out = set(rare)
    return Block(column, tuple(level for level in levels if level not in left_out), others=True)


def width_of(blocks: Sequence[Block]) -> int:
    "Add up the outputs of all blocks."
    return sum(block.width for block in blocks)


class OneHot:
    "Encodes as the encoders did that the blocks were read from."

    def __init__(self, blocks: Sequence[Block], text: Sequence[str], start: int) -> None:
        """`text` names the values that come in; the first block's outputs begin at column `start`.

        Raises ValueError for a block of another column.
        """
        foreign = sorted({block.column for block in blocks}.difference(text))
        if foreign:
            raise ValueError(f"{foreign} are not text columns of it")
        starts = start + np.cumsum([0, *(block.width for block in blocks)])
        self.width = width_of(blocks)
        self._places = [
            (
                block.column,
                text.index(block.column),
                {level: first + at for at, level in enumerate(block.levels)},
                first + len(block.levels) if block.others else None,
            )
            for block, first in zip(blocks, starts[:-1].tolist(), strict=True)
        ]

    def one(self, text: Sequence[str], row: NDArray[np.floating[Any]]) -> None:
        "Set the outputs of one record in a row of zeros."
        for _, at, places, others in self._places:
            place = places.get(text[at], others)
            if place is not None:
                row[place] = 1.0

    def many(self, columns: Mapping[str, NDArray[Any]], rows: NDArray[np.float32]) -> None:
        "Set the outputs of n records in n rows of zeros."
        every = np.arange(len(rows))
        for name, _, places, others in self._places:
            unknown = repeat(-1 if others is None else others)
            entries = np.fromiter(map(places.get, columns[name].tolist(), unknown), np.intp, len(rows))
            listed = every if entries.min(initial=0) >= 0 else np.flatnonzero(entries >= 0)
            rows[listed, entries[listed]] = 1.0


def to_metadata(blocks: Sequence[Block]) -> str:
    "As text that a compiled model can carry."
    written = [block if block.others else block[:2] for block in blocks]  # as before there were others
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"))


def from_metadata(text: str) -> tuple[Block, ...]:
    "Read the text that `to_metadata` wrote. Raises ValueError for any other."
    try:
        return BLOCKS.validate_json(text)
    except ValidationError:
        raise ValueError("its one-hot levels cannot be read") from None
