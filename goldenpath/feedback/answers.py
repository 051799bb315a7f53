"""The answers of a model, if the setting `feedback` keeps them: each worker appends to files of its own.

A line is a reply as the caller got it, with time and role, and with the record if records are kept. It is put
together from bytes that are there already, because every request pays for it.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from goldenpath.errors import VolumeFault
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import LineFile
from goldenpath.feedback.retention import Limits, retain
from goldenpath.schema.contract import Contract

MOST_WAITING = 8 * 2**20  # bytes of answers that wait for a volume that fails; the oldest are dropped
PLAIN_RECORD = 4_096  # bytes of a body from which on it is stored without its blanks


class AnswerRow(NamedTuple):
    "One reply, to one record or to a list of records, as it is kept."

    time: float  # seconds since 1970
    role: str  # of the version that answered: champion, challenger, shadow
    reply: bytes  # JSON as /predict or /predict/batch returns it, without an explanation
    record: bytes = b""  # JSON of what was asked, as the function of `record_keeper` returns it


PlainRow: TypeAlias = tuple[float, str, bytes, bytes]  # the same without names: made in a fifth of the time


def record_keeper(
    contract: Contract,
    records: bool,  # whole records? Otherwise only their event time, if the contract has one
) -> Callable[[bytes], bytes]:  # body of a valid request: what is kept of it, empty for nothing
    "Return the function that takes out of a request's body what is to be kept of it."
    if records:
        return lambda body: body if len(body) < PLAIN_RECORD else to_json(from_json(body))
    if name := contract.spec.event_time:
        return lambda body: _only(name, from_json(body))
    return lambda body: b""


def _only(name: str, asked: Any) -> bytes:
    "Return one field of a record, or of each record of a list."
    rows = [{name: row.get(name)} for row in (asked if isinstance(asked, list) else [asked])]
    return to_json(rows if isinstance(asked, list) else rows[0])


class AnswerWriter:
    "What one worker appends: any thread may `add`, and one that no request waits for calls the rest."

    def __init__(self, folder: FeedbackFolder, limits: Limits, file: LineFile | None = None) -> None:
        self._folder, self._limits = folder, limits
        self._file = file or LineFile(folder.answers, folder.home)
        self._lock = threading.Lock()  # of what waits; never held while the volume is asked
        self._waiting: deque[bytes] = deque()
        self._bytes = 0  # that wait
        self.dropped = 0  # lines that were never written, because the volume failed for too long

    def add(self, rows: Sequence[PlainRow]) -> None:
        "Take answers; `flush` writes them."
        lines = answer_lines(rows)
        with self._lock:
            self._waiting.append(lines)
            self._bytes += len(lines)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while self._bytes > MOST_WAITING and len(self._waiting) > 1:
            oldest = self._waiting.popleft()
            self._bytes -= len(oldest)
            self.dropped += oldest.count(b"\n")

    @property
    def waiting(self) -> int:
        "Bytes that wait to be written."
        return self._bytes

    def flush(self) -> None:
        """Write what waits; close the file when it is due, and remove answers beyond the limits then.

        Raises VolumeFault; what was not written waits for the next call.
        """
        if self._waiting:
            self._write(self._taken())
        if self._file.close_if_due():
            retain(self._folder, self._limits)

    def _taken(self) -> deque[bytes]:
        with self._lock:
            blocks, self._waiting, self._bytes = self._waiting, deque(), 0
        return blocks

    def _write(self, blocks: deque[bytes]) -> None:
        try:
            self._file.write(b"".join(blocks))
        except BaseException:
            with self._lock:
                self._waiting = blocks + self._waiting
                self._bytes = sum(map(len, self._waiting))
                self._drop_oldest()
            raise

    def close(self) -> None:
        "Write what waits, and close the file. Raises VolumeFault."
        try:
            self.flush()
        finally:
            with suppress(VolumeFault):
                self._file.close()


def answer_lines(rows: Sequence[PlainRow]) -> bytes:
    "Write a line for each row; a record's line breaks are blanks between its parts, never within a text."
    roles = {role for _, role, _, _ in rows}
    if not any(record for _, _, _, record in rows):
        lines = {role: b'%b,"time":%d,"role":"' + role.encode() + b'","record":null}\n' for role in roles}
        return b"".join([lines[role] % (reply[:-1], int(time * 1e6)) for time, role, reply, _ in rows])
    lines = {role: b'%b,"time":%d,"role":"' + role.encode() + b'","record":%b}\n' for role in roles}
    return b"".join(
        [
            lines[role] % (reply[:-1], int(time * 1e6), record.replace(b"\n", b" ") or b"null")
            for time, role, reply, record in rows
        ]
    )
