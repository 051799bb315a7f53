"""Where the feedback of a model lies: its counts, answers, outcomes and reports."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FeedbackFolder:
    "The folder `<home>/feedback/<model>/`, and the folders in it."

    home: Path
    model: str

    @property
    def path(self) -> Path:
        "The folder that holds all of it."
        return self.home / "feedback" / self.model

    @property
    def counts(self) -> Path:
        "What was counted: a folder for each version, a file for each hour and writer."
        return self.path / "counts"

    @property
    def answers(self) -> Path:
        "What was answered, if answers are kept: a folder for each day."
        return self.path / "answers"

    @property
    def outcomes(self) -> Path:
        "What became known afterwards."
        return self.path / "outcomes"

    @property
    def reports(self) -> Path:
        "What the monitor found: a folder for each time that it looked."
        return self.path / "monitor"


def host_in_name() -> str:
    "Return this host's name as a part of a file's name: at most 64 letters, digits, dots and hyphens."
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:64]
