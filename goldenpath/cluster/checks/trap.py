"""One finding about a pipeline: what would go wrong, and what to change."""

from typing import Literal

from goldenpath.cluster.pipeline import Node
from goldenpath.records import Frozen


class Trap(Frozen):
    "One thing that would go wrong, and what to change."

    kind: str  # a short name, for tests and for the curious
    where: str  # the node's label, or the pipeline's name
    problem: str
    remedy: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}; {self.remedy}"


def trap(
    node: Node,
    kind: str,
    problem: str,
    remedy: str,
    level: Literal["error", "warning"] = "error",
) -> Trap:
    "Make a finding about one node."
    return Trap(kind=kind, where=node.label or node.name, problem=problem, remedy=remedy, level=level)
