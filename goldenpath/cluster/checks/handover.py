"""The traps between the steps of a pipeline: a link that is missing, a file that does not travel."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from goldenpath.cluster.checks.notebook_source import StepSource, opens_step
from goldenpath.cluster.checks.trap import Trap
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.runs.run import HANDED_ON

Before = Mapping[str, list[Node]]  # the steps before each step, by its id, first ones first


class Gap(NamedTuple):
    "A step that reads what another one leaves, without a link between them."

    reader: Node
    maker: Node
    name: str  # of what is read


def check_handover(graph: Graph, looks: Mapping[str, StepSource]) -> Iterator[Trap]:
    "Find missing links and undeclared files; `looks` lacks the steps whose notebook cannot be read."
    before = _before(graph)
    gaps = _gaps(graph, looks, before)
    for gap in gaps:
        yield Trap(
            gap.reader.title,
            "link",
            f"{gap.reader.name} reads {gap.name}, which {gap.maker.name} leaves, and no link leads here from "
            f"{gap.maker.label}",
            f"connect {gap.maker.label} with {gap.reader.label}",
        )
    wanted = _wanted(graph, looks, before, {gap.reader.id for gap in gaps})
    yield from _undeclared(wanted)
    for look in looks.values():
        yield from _lost(look, {name for earlier, name in wanted if earlier == look.node.id})


def _before(graph: Graph) -> Before:
    before: dict[str, list[Node]] = {}
    for node in graph.nodes:  # parents first
        ids = {node_id for parent in node.after for node_id in (parent, *(n.id for n in before[parent]))}
        before[node.id] = [other for other in graph.nodes if other.id in ids]
    return before


def _gaps(graph: Graph, looks: Mapping[str, StepSource], before: Before) -> list[Gap]:
    "Each missing link once: where its target reads, not again in the steps after it."
    gaps: list[Gap] = []
    for node in graph.nodes:
        makers = _unlinked(node, graph, looks, before)
        reported = {gap.maker.id for gap in gaps if gap.reader in before[node.id]}
        covered = {earlier.id for maker in makers for earlier in before[maker]}
        for maker, name in makers.items():
            if maker not in reported | covered:
                gaps.append(Gap(node, looks[maker].node, name))
    return gaps


def _unlinked(node: Node, graph: Graph, looks: Mapping[str, StepSource], before: Before) -> dict[str, str]:
    "Find what a step reads although none of its makers comes before it: the makers, by the step's id."
    unlinked: dict[str, str] = {}
    for name in sorted(looks[node.id].reads) if node.id in looks else ():
        makers = [
            other
            for other in graph.nodes
            if other != node and other.id in looks and node not in before[other.id]
            if _leaves(looks[other.id], name)
        ]
        if makers and not any(maker in before[node.id] for maker in makers):
            unlinked.setdefault(makers[-1].id, name)
    return unlinked


def _leaves(look: StepSource, name: str) -> bool:
    return any(left.startswith(name) or name.startswith(left) for left in look.leaves)


def _wanted(
    graph: Graph,
    looks: Mapping[str, StepSource],
    before: Before,
    gapped: set[str],  # ids of steps that lack a link: they and those after them hand on otherwise
) -> dict[tuple[str, str], tuple[StepSource, list[Node]]]:
    "Find undeclared files that travel only by the working folder, by maker and name: maker and readers."
    wanted: dict[tuple[str, str], tuple[StepSource, list[Node]]] = {}
    for node in graph.nodes:
        earlier = [looks[other.id] for other in before[node.id] if other.id in looks]
        if node.id not in looks:
            continue
        declared = {str(name) for maker in earlier for name in maker.node.parameters.get("outputs", [])}
        names = {name: maker for maker in earlier for name in maker.opened & looks[node.id].opened}
        line = {node.id, *(other.id for other in before[node.id])}
        openers = [maker for maker in earlier if opens_step(maker.source)]
        if openers and opens_step(looks[node.id].source) and line <= looks.keys() - gapped:
            names[HANDED_ON] = openers[0]
        for name, maker in names.items():
            if name not in declared:
                wanted.setdefault((maker.node.id, name), (maker, []))[1].append(node)
    return wanted


def _undeclared(wanted: Mapping[tuple[str, str], tuple[StepSource, list[Node]]]) -> Iterator[Trap]:
    for (_, name), (maker, readers) in sorted(wanted.items(), key=lambda item: item[0][1]):
        more = f" and {len(readers) - 1} more read" if len(readers) > 1 else " reads"
        yield Trap(
            maker.node.title,
            "output",
            f"{readers[0].name}{more} {name}, which this step leaves but does not declare",
            f"add {name} to its output files",
        )


def _lost(look: StepSource, reported: set[str]) -> Iterator[Trap]:
    "Report undeclared files at relative paths: they are lost with the step's pod."
    declared = {str(name) for name in look.node.parameters.get("outputs", [])}
    for name in sorted(look.written - declared - reported):
        yield Trap(
            look.node.title,
            "lost",
            f"{look.node.name} writes {name} into its working folder, which is lost with its pod",
            f'write to the run (step.run.output("{name}")), or add {name} to its output files',
            level="warning",
        )
