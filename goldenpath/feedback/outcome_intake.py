"""Outcomes that come over HTTP: checked as those of a file, and on the volume before they are confirmed."""

import threading
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from goldenpath.errors import BadInput
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import LineFile
from goldenpath.feedback.outcomes import OutcomeNames, OutcomeRow, outcome_lines, read_outcome
from goldenpath.schema.contract import Broken, Contract, Malformed, Problem

SENT = OutcomeNames(key="key", outcome="outcome")
WANTED = 'a JSON list of outcomes, such as [{"id": "3f9a0c-1", "outcome": "Yes"}]'


class OutcomeIntake:
    "What one worker takes in; any of its threads may call it."

    def __init__(
        self,
        folder: FeedbackFolder,
        contract: Contract,
        most: int,  # outcomes in one request
        file: LineFile | None = None,
    ) -> None:
        self._contract, self._most = contract, most
        self._file = file or LineFile(folder.outcomes, folder.home)
        self._writing = threading.Lock()

    def take(self, body: bytes) -> int:
        """Store all outcomes of a list, or none of them; return their number.

        Raises Malformed, BadInput for too many, Broken for what the contract does not allow, VolumeFault.
        """
        outcomes = self._read(body)
        lines = outcome_lines(outcomes, datetime.now(UTC))
        with self._writing:
            self._file.write(lines, durable=True)
            self._file.close_if_due()
        return len(outcomes)

    def close_if_due(self) -> None:
        "Close the file if it is old or large. Raises VolumeFault."
        with self._writing:
            self._file.close_if_due()

    def close(self) -> None:
        "Close the file. Raises VolumeFault."
        with self._writing:
            self._file.close()

    def _read(self, body: bytes) -> list[OutcomeRow]:
        try:
            rows = from_json(body)
        except ValueError:
            raise Malformed(f"the body is not JSON; send {WANTED}") from None
        if not isinstance(rows, list) or not rows:
            raise Malformed(f"the body must be {WANTED}")
        if len(rows) > self._most:
            raise BadInput(f"{len(rows)} outcomes in one request; at most {self._most} are taken in")
        outcomes: list[OutcomeRow] = []
        problems: list[Problem] = []
        for index, row in enumerate(rows):
            try:
                outcomes.append(sent_outcome(self._contract, row))
            except BadInput as fault:
                problems.append(Problem(field="", problem=str(fault), index=index))
        if problems:
            raise Broken(tuple(problems))
        return outcomes


def sent_outcome(contract: Contract, row: Any) -> OutcomeRow:
    "Check one outcome of a request. Raises BadInput."
    if not isinstance(row, dict):
        raise BadInput("is not an object")
    if not row.keys() <= {*SENT.all}:
        raise BadInput(f"has a field that is not known (known: {', '.join(SENT.all)})")
    if SENT.outcome not in row:
        raise BadInput("outcome is required (null: it became unknown)")
    if any(isinstance(value, list | dict) for value in row.values()):
        raise BadInput("has a list or an object in place of a value")
    return read_outcome(contract, SENT, row)
