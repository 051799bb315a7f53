"""Cells that a spreadsheet would run as a formula, made plain text.

A cell such as `=HYPERLINK(...)`, which any caller may have submitted, runs on the machine of the person who
opens the file. The rule is OWASP's (CSV Injection): an apostrophe in front of a cell that begins with one of
these signs. Plain numbers such as -5 stay as they are.
"""

import pyarrow as pa
import pyarrow.compute as pc

from goldenpath.tables.rowhash import as_text

# The last four are full-width forms, which some spreadsheets take for the same.
FORMULA = r"^\s*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"
_NUMBER = r"^\s*[+\-]?(\d+\.?\d*|\.\d+)([eE][+\-]?\d+)?\s*$"


def without_formulas(
    batch: pa.RecordBatch,
) -> pa.RecordBatch:  # the same rows; text columns as strings
    "Put an apostrophe in front of each cell, and each column name, that a spreadsheet would run."
    names = _plain(pa.array(batch.schema.names, pa.string())).to_pylist()
    columns = [_plain(as_text(column)) if _is_text(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _plain(texts: pa.Array) -> pa.Array:
    begins = pc.match_substring_regex(texts, FORMULA)
    runs = pc.and_not(begins, pc.match_substring_regex(texts, _NUMBER))
    return pc.if_else(runs, pc.binary_join_element_wise("'", texts, ""), texts)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind in (pa.string(), pa.large_string(), pa.string_view())
