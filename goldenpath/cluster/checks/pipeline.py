"""The silent traps of a pipeline file, found before it is submitted.

Each was seen in Elyra 5.0 or on Kubeflow Pipelines: the editor or `validate` lets it pass, and the run then
fails, skips a step or loses its work. What is in the notebooks themselves is looked at in `step_check`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from goldenpath.cluster.checkout import find_project
from goldenpath.cluster.checks.handover import check_handover
from goldenpath.cluster.checks.images import check_image, check_imports
from goldenpath.cluster.checks.notebook_source import StepSource
from goldenpath.cluster.checks.steps import check_steps, look_at_all
from goldenpath.cluster.checks.trap import Trap
from goldenpath.cluster.checks.travel import check_travel
from goldenpath.cluster.images import image_names
from goldenpath.cluster.pipeline_file import Graph, Node, read_pipeline
from goldenpath.cluster.submit import metadata_folders
from goldenpath.errors import BadInput

PARAMETER_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL = re.compile(r"[a-z0-9]([-_.a-z0-9]{0,61}[a-z0-9])?")
IMAGE = re.compile(r"[^/\s:]+(:\d+)?/[^/\s]+(/[^/\s:@]+)*/?[^/\s:@]*(:[\w][\w.-]*|@sha256:[0-9a-f]{64})")
WORKING_FOLDER = Path("/opt/app-root/src")  # of every node, in its pod
RESOURCES = ("cpu", "cpu_limit", "memory", "memory_limit", "gpu")
DROPPED = ("sub_path", "read_only")  # options of a volume that Kubeflow Pipelines never sees


def check_pipeline(file: Path) -> list[Trap]:
    "Find every trap in a pipeline and in its notebooks; empty if it is sound."
    try:
        graph = read_pipeline(file)
    except BadInput as fault:
        return [Trap(file.stem, "unreadable", str(fault), "nothing else was checked")]
    traps = [*_pipeline_traps(graph)]
    for node in graph.nodes:
        traps += [*_node_traps(node), *_volume_traps(node), *check_travel(node)]
    looks, unreadable = look_at_all(graph)
    traps += [*unreadable, *check_steps(graph, looks), *check_handover(graph, looks)]
    if project := find_project(file.resolve().parent):
        traps += _image_traps(graph, looks, project / "runtime-images")
    return merged(traps)


def merged(traps: Iterable[Trap]) -> list[Trap]:
    "Say once what is the same for several steps, such as a volume that the pipeline's defaults lack."
    alike: dict[Trap, list[str]] = {}
    for trap in traps:
        alike.setdefault(replace(trap, where=""), []).append(trap.where)
    return [replace(trap, where=", ".join(dict.fromkeys(where))) for trap, where in alike.items()]


def _image_traps(graph: Graph, looks: Mapping[str, StepSource], images: Path) -> Iterator[Trap]:
    if own := image_names([images]):
        defined = own | image_names(metadata_folders("runtime-images"))
        for node in graph.nodes:
            yield from check_image(node, defined)
    for look in looks.values():
        yield from check_imports(look, images)


def _pipeline_traps(graph: Graph) -> Iterator[Trap]:
    trap = partial(Trap, graph.name)
    properties = graph.app_data.get("properties", {})
    if not PARAMETER_NAME.fullmatch(graph.name):
        yield trap(
            "name",
            f"the name '{graph.name}' passes validation and breaks the export",
            "rename the file: small letters, digits and hyphens only",
        )
    for place in (graph.app_data, properties):
        if "runtime_type" in place:
            yield trap(
                "runtime-type",
                f"the key runtime_type ('{place['runtime_type']}') makes the editor hang",
                "delete the key from the file",
            )
    if properties.get("runtime") != "Generic":
        yield trap(
            "runtime",
            f"runtime is '{properties.get('runtime')}'",
            'set "runtime": "Generic", or the editor takes it for another kind',
        )
    if graph.app_data.get("version") != 8:
        yield trap(
            "version",
            f"the format's version is {graph.app_data.get('version')}",
            "open it in the Elyra editor, which migrates it, and save",
        )
    defaults = properties.get("pipeline_defaults", {})
    if defaults.get("pipeline_parameters") or properties.get("pipeline_parameters"):
        yield trap(
            "parameters",
            "pipeline parameters are not set in local runs, and no command sets them",
            "use environment variables",
        )
    if not graph.nodes:
        yield trap("empty", "there is no step in it", "add a notebook")


def _node_traps(node: Node) -> Iterator[Trap]:
    trap = partial(Trap, node.title)
    parameters = node.parameters
    if not LABEL.fullmatch(node.label):
        yield trap(
            "label",
            f"the label '{node.label}' will be rewritten by Kubeflow Pipelines",
            "use small letters, digits, dots, hyphens and underscores, at most 63",
            "warning",
        )
    if missing := [key for key in ("label", "image", "x_pos", "y_pos") if key not in node.ui]:
        yield trap(
            "ui", f"the editor cannot draw it: {missing[0]} is missing", "add the node in the editor again"
        )
    image = str(parameters.get("runtime_image", ""))
    if not IMAGE.fullmatch(image) or image.count("/") < 2:
        yield trap(
            "image",
            f"the image '{image}' has not the form registry/owner/image:tag" if image else "it has no image",
            "write registry and tag too, or choose one that the editor offers",
        )
    for name in RESOURCES:
        if parameters.get(name) is not None and not isinstance(parameters[name], int):
            yield trap(
                "resources",
                f"{name} = {parameters[name]} is not a whole number",
                "Elyra cuts or refuses fractions: round it up",
            )
    if str(parameters.get("disable_node_caching", "")).lower() != "true":
        yield trap(
            "caching",
            "caching is on, and knows neither variables nor the volume: a rerun can skip this step",
            'set "disable_node_caching": "True" in the pipeline\'s defaults',
        )
    shared = parameters.get("kubernetes_shared_mem_size") or {}
    if shared.get("size"):
        yield trap(
            "shared-memory",
            f"shared memory of {shared['size']} is dropped without a word on Kubeflow Pipelines",
            "do without it",
        )


def _volume_traps(node: Node) -> Iterator[Trap]:
    trap = partial(Trap, node.title)
    volumes = node.parameters.get("mounted_volumes") or []
    if not volumes:
        yield trap(
            "no-volume",
            "no volume is mounted, so what the step writes is lost with its pod",
            "mount the shared volume at /mnt/goldenpath in the pipeline's defaults",
        )
    for volume in volumes:
        path = Path(str(volume.get("path", "")))
        if path == WORKING_FOLDER or path in WORKING_FOLDER.parents or WORKING_FOLDER in path.parents:
            yield trap(
                "volume-path",
                f"the volume at {path} hides the node's working folder {WORKING_FOLDER}",
                "mount it elsewhere, such as /mnt/goldenpath",
            )
        for option in DROPPED:
            if volume.get(option):
                yield trap(
                    "volume-options",
                    f"{option} = {volume[option]} of the volume at {path} is dropped without a word: "
                    "the node gets all of it, writable",
                    "use a claim of its own",
                )
