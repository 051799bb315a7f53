"""A sample of a table of any size, and what its columns hold."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.schema.columns import Distinct, dates, distinct
from goldenpath.schema.fields import EPOCH, EXACT_INTEGER
from goldenpath.tables.progress import shown
from goldenpath.tables.reader import as_strings, read_chunks

PLACES = 40  # chunks of a sample, spread evenly over the file
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)(\.0+)?", re.ASCII)
LEADING_ZERO = re.compile(r"0[0-9]+", re.ASCII)  # a leading zero means something: a postcode, not an amount
OTHER_DATE = re.compile(r"([0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}|[0-9]{4}[-/][0-9]{2}[-/][0-9]{2})([ T].*)?")
_TRUTH = {"true", "false"}


@dataclass(frozen=True)
class TableSample:
    "Rows of a table as they are written in it."

    file: str
    frame: pd.DataFrame  # (n, columns); of a CSV file every cell is text
    whole: bool  # False: chunks spread over the file

    @property
    def extent(self) -> str:
        "Which rows were looked at, in words."
        rows = f"{len(self.frame):,} rows"
        return f"all {rows}" if self.whole else f"{rows} in {PLACES} places, spread over the whole file"


@dataclass(frozen=True)
class Column:
    "One column of a sample, by its distinct texts."

    name: str
    distinct: Distinct
    counts: NDArray[np.int64]  # (k,) rows of each distinct text

    @property
    def rows(self) -> int:
        return len(self.distinct.codes)

    @property
    def filled(self) -> int:
        "Rows with a value."
        return int(self.counts.sum())

    @property
    def missing(self) -> int:
        return self.rows - self.filled

    @property
    def texts(self) -> list[str]:
        "The distinct texts, the most frequent first."
        return [str(text) for text in self.distinct.texts[np.argsort(-self.counts, kind="stable")]]

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        "(k,) the distinct texts as numbers, NaN for other texts and for those with a leading zero."
        values = pd.to_numeric(pd.Series(self.distinct.texts, dtype=object), errors="coerce")
        code = np.fromiter((bool(LEADING_ZERO.fullmatch(text)) for text in self.distinct.texts), dtype=bool)
        return np.where(code, np.nan, values.to_numpy(dtype=np.float64, na_value=np.nan))

    @cached_property
    def days(self) -> NDArray[np.float64]:
        "(k,) the distinct texts as days since 1970-01-01, NaN for other texts."
        days = dates(self.distinct.texts)
        return np.where(np.isnat(days), np.nan, (days - np.datetime64(EPOCH)).astype(np.float64))

    @property
    def is_numeric(self) -> bool:
        return self.filled > 0 and bool(np.isfinite(self.numbers).all())

    @property
    def is_integer(self) -> bool:
        whole = all(INTEGER.fullmatch(text) for text in self.distinct.texts)
        return self.is_numeric and whole and bool((np.abs(self.numbers) <= EXACT_INTEGER).all())

    @property
    def is_date(self) -> bool:
        return self.filled > 0 and bool(np.isfinite(self.days).all())

    @property
    def is_date_in_another_form(self) -> bool:
        "Is every text a date or a point in time, but not all of them in the form of a contract's dates?"
        shaped = (OTHER_DATE.fullmatch(text) for text in self.distinct.texts)
        return self.filled > 0 and not self.is_date and all(shaped)

    @property
    def is_boolean(self) -> bool:
        return self.filled > 0 and {text.lower() for text in self.distinct.texts} <= _TRUTH

    @property
    def share_of_numbers(self) -> float:
        "Share of the filled rows whose text is a number."
        return float(self.counts[np.isfinite(self.numbers)].sum() / max(self.filled, 1))


def take_sample(file: str) -> TableSample:
    "Read a file whole if it is small, else chunks of it. Raises BadInput if it has no rows."
    kept: list[pa.RecordBatch] = []
    part, rows = 0, 0
    for chunk in shown(read_chunks(file), "looking at"):
        rows += len(chunk.rows)
        if chunk.done * PLACES >= part:  # the first chunk of each part of the file
            part = int(chunk.done * PLACES) + 1
            kept.append(as_strings(chunk.batch))
    if not rows:
        raise BadInput(f"{file} has a header but no rows")
    frame = pa.Table.from_batches(kept).to_pandas(integer_object_nulls=True)
    return TableSample(
        file, frame.set_axis([str(name).strip() for name in frame.columns], axis=1), len(frame) == rows
    )


def survey(sample: TableSample) -> dict[str, Column]:
    "Describe each column of a sample."
    return {str(name): _column(str(name), sample.frame[name]) for name in sample.frame.columns}


def _column(name: str, values: "pd.Series[Any]") -> Column:
    texts = distinct(values.dt.date.astype(str) if _is_moment(values) else values)
    counts = np.bincount(texts.codes[texts.codes >= 0], minlength=len(texts.texts)).astype(np.int64)
    return Column(name, texts, counts)


def _is_moment(values: "pd.Series[Any]") -> bool:
    "Check for a Parquet column of points in time that all lie at midnight: it holds dates."
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        return False
    moments = values.dropna()
    return bool((moments == moments.dt.normalize()).all())
