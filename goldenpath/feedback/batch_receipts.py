"""Receipts of a batch: what is done in a folder, so that after a kill only the rest is scored.

A receipt binds an output to its input, as that was, and to the version that answered. It is removed before
the output is written and written after it, so an output with a fitting receipt is whole. Until the answers
are counted it holds their counts; they have one name, so that to count them again changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from goldenpath.feedback.batch_counts import counts_of_file, keep_counts
from goldenpath.feedback.counts import LARGEST_COUNTS, Counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.tally import AnswerTally
from goldenpath.records import Frozen
from goldenpath.tables.batch_files import rejected_beside
from goldenpath.tables.batch_plan import BatchFile, bare_name
from goldenpath.tables.sources import mark_of
from goldenpath.text.plain import say
from goldenpath.volume import complete, read_file, replace_file

RECEIPTS = ".goldenpath"  # the folder of receipts, in that of the outputs


class Order(Frozen):
    "What an output depends on."

    name: str  # of the input: its folder may be mounted elsewhere tomorrow
    mark: str  # of the input's state; empty if it cannot be known
    version: str
    for_spreadsheet: bool


class Receipt(Frozen):
    "What was written for one input."

    format: Literal[1] = 1
    order: Order
    rows: int
    scored: int
    sizes: tuple[int, ...]  # bytes of the output and of the file of rejected rows
    counts: Counts | None = None  # that are not written yet


def order_of(file: BatchFile, version: str, for_spreadsheet: bool) -> Order:
    "Return what the output depends on now."
    name, mark = bare_name(file.source), mark_of(file.source)
    return Order(name=name, mark=mark, version=version, for_spreadsheet=for_spreadsheet)


def read_receipt(output: Path) -> Receipt | None:
    "Read the receipt of an output; None if there is none that can be read."
    try:
        return Receipt.model_validate_json(read_file(_place(output), LARGEST_COUNTS))
    except (OSError, ValidationError):
        return None


def finished_files(
    files: Sequence[BatchFile], version: str, for_spreadsheet: bool
) -> dict[BatchFile, Receipt]:
    "Return what an earlier job has done that need not be done again; say if that is of another version."
    receipts = {file: receipt for file in files if (receipt := read_receipt(file.output))}
    others = Counter(receipt.order.version for receipt in receipts.values())
    del others[version]
    for other, count in others.items():
        say(
            f"{count} outputs are of version {other}: they are made again by {version} "
            f"(to keep them, stop this job and use --version {other})"
        )
    return {
        file: receipt
        for file, receipt in receipts.items()
        if is_done(receipt, file, order_of(file, version, for_spreadsheet))
    }


def is_done(receipt: Receipt, file: BatchFile, order: Order) -> bool:
    "Is the output there, whole, and what would be written now?"
    return bool(order.mark) and receipt.order == order and receipt.sizes == sizes_of(file.output)


def sizes_of(output: Path) -> tuple[int, ...]:
    "Return the bytes of both files of an output; empty if one is missing."
    with suppress(OSError):
        return tuple(path.stat().st_size for path in (output, rejected_beside(output)))
    return ()


def remove_receipt(output: Path) -> None:
    "Say that the output will not be what it was."
    with suppress(FileNotFoundError):
        _place(output).unlink()


def leave_receipt(
    folder: FeedbackFolder,
    file: BatchFile,
    order: Order,  # of the time before it was read
    rows: tuple[int, int],  # read and scored
    tally: AnswerTally | None,  # of the answers; None: they are not counted
) -> None:
    "Say that a file is done, then count its answers. Raises VolumeFault if the receipt cannot be written."
    counts = counts_of_file(tally, order.version, writer_of(file, order)) if tally else None
    sizes = sizes_of(file.output)
    receipt = Receipt(order=order, rows=rows[0], scored=rows[1], sizes=sizes, counts=counts)
    _write(file.output, receipt)
    _count(folder, file.output, receipt)


def writer_of(file: BatchFile, order: Order) -> str:
    "Name the writer of the counts of one file: the same if the file is scored twice, by two jobs at once."
    words = f"{file.output.absolute()}|{order.model_dump_json()}"
    return f"file-{sha256(words.encode()).hexdigest()[:24]}"


def count_what_was_left(folder: FeedbackFolder, outputs: Path) -> None:
    "Count the answers of files that are done, where a job was killed before it had counted them."
    for name in complete(outputs / RECEIPTS):
        output = outputs / name.removesuffix(".json")
        if (receipt := read_receipt(output)) and not _count(folder, output, receipt):
            return  # it was said


def _count(folder: FeedbackFolder, output: Path, receipt: Receipt) -> bool:
    if receipt.counts is None:
        return True
    if not keep_counts(folder, receipt.counts):
        return False
    _write(output, receipt.model_copy(update={"counts": None}))
    return True


def _place(output: Path) -> Path:
    return output.parent / RECEIPTS / f"{output.name}.json"


def _write(output: Path, receipt: Receipt) -> None:
    replace_file(_place(output), receipt.model_dump_json(exclude_defaults=True).encode())
