"""One finding about a pipeline: what would go wrong, and what to change."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Trap:
    "One thing that would go wrong, and what to change."

    where: str  # the node's title, or the pipeline's name
    kind: str  # a short name, for tests and for the curious
    problem: str
    remedy: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}; {self.remedy}"
