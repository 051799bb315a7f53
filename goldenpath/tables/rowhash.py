"""A hash of a whole source row that never changes: not with the row's place, the file's growth, the file's
format, the date style, nor with the version of any library.

Row hash = mix(sum over the cells of mix(hash(column name) xor hash(value))), all modulo 2**64. An empty cell
adds nothing, and the sum does not know the order of columns. A text is hashed by BLAKE2b (RFC 7693, digest of
8 bytes, little-endian), a number by the bits of its float64, so that 1, 1.0 and 1e0 are one value.
"""

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Whole numbers of more than 15 digits stay text: a float64 cannot tell them apart (long identifiers).
_NUMBER = r"^[+-]?(\d{1,15}|\d*\.\d+|\d+\.\d*|(\d+\.?\d*|\.\d+)[eE][+-]?\d+)$"
# Order matters: the slashes of the May 2021 release first, then a time of midnight, which adds nothing to a
# date; "nan" is what a missing number of a Parquet file becomes as text.
_CANONICAL = (
    (r"^(\d{4})/(\d{2})/(\d{2})", r"\1-\2-\3"),
    (r"^(\d{4}-\d{2}-\d{2})T", r"\1 "),
    (r"^(\d{4}-\d{2}-\d{2}) 00:00(:00)?(\.0+)?Z?$", r"\1"),
    (r"^(?i:true)$", "true"),
    (r"^(?i:false)$", "false"),
    (r"^(?i:nan)$", ""),
)


def mix(values: Hashes) -> Hashes:
    "Spread the bits of each value: the finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


NO_CELLS = mix(np.zeros(1, dtype=np.uint64))[0]  # the hash of a row whose cells are all empty


def as_text(column: pa.Array) -> pa.Array:
    "Convert the same cells to strings; a type that Arrow cannot write as text (a list, bytes) uses `str`."
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], pa.string())


def canonical(texts: pa.Array) -> pa.Array:
    "One spelling for equal values: no outer blanks, dates with hyphens, no midnight, empty for NaN."
    texts = pc.utf8_trim_whitespace(texts)
    for pattern, replacement in _CANONICAL:
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts


def _hash_text(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _hash_values(texts: pa.Array) -> Hashes:
    "One hash for each canonical text; numbers by value, the others by their bytes."
    is_number = pc.match_substring_regex(texts, _NUMBER).to_numpy(zero_copy_only=False).astype(bool)
    hashes: Hashes = np.zeros(len(texts), dtype=np.uint64)
    numbers = texts.filter(is_number).cast("float64").to_numpy(zero_copy_only=False)
    hashes[is_number] = mix((numbers + 0.0).view(np.uint64))  # + 0.0: minus zero is zero
    others = texts.filter(~is_number).to_pylist()
    hashes[~is_number] = np.fromiter((_hash_text(text) for text in others), np.uint64, len(others))
    return hashes


def _hash_cells(name: str, column: pa.Array) -> Hashes:
    "(n,) what each cell of one column adds to its row; 0 for an empty cell."
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = as_text(column).dictionary_encode()
    texts = canonical(pc.fill_null(as_text(column.dictionary), ""))
    hashes = mix(_hash_values(texts) ^ np.uint64(_hash_text(name)))
    hashes[pc.equal(texts, "").to_numpy(zero_copy_only=False)] = 0
    places = pc.fill_null(column.indices.cast("int64"), len(hashes)).to_numpy(zero_copy_only=False)
    cells: Hashes = np.append(hashes, np.uint64(0))[places]
    return cells


def hash_rows(
    batch: pa.RecordBatch | pa.Table,  # every column of the source
) -> Hashes:  # (n,) one hash a row
    "Hash whole rows; equal rows have equal hashes in any place and file format."
    total: Hashes = np.zeros(batch.num_rows, dtype=np.uint64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        total = total + _hash_cells(name.strip(), whole)
    return mix(total)
