"""What the result of one step depends on, so that a later run can take it over if all of it is the same."""

import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from goldenpath.cluster.conditions import NOT_READ, Sources, code_of, code_text, digest_of_texts, sources_of
from goldenpath.cluster.outside import outside_state
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.measure.machine import cores, processor
from goldenpath.records import Frozen
from goldenpath.runs.spec import all_specs
from goldenpath.settings import KEYS, OTHER_NAMES, PREFIX, Settings, load_settings

# What `Settings` itself reads to answer for a folder, a source or a person.
ALWAYS = {"model", "project", "home", "source", "auto_promote", "user"}
OF_ANYTHING = re.compile(r"""[.'"](\w+)""")  # an attribute of anything, or a word in quotes
OF_SETTINGS = re.compile(r"""settings\W{1,4}(\w+)""")  # of what the library calls its settings everywhere
QUOTED = re.compile(r"""['"](?!MLFLOW_)([A-Z]\w+)['"]""")  # as a variable; a mirror changes no result
WORD = re.compile(r"\w+")


class StepConditions(Frozen):
    "What the result of a step depends on. Digests, but for the steps before it."

    after: tuple[str, ...]
    code: str  # its notebook, and what this imports of the project
    settings: str  # those settings and variables that its code names
    machine: str  # packages, processor and cores: a step also notes seconds
    outside: dict[str, str]  # what it reads from outside the run, by kind


def conditions_of_steps(
    graph: Graph,
    project: Path,
    values: Mapping[str, str],  # of --set
    packages: str,  # digest of what is installed
) -> dict[str, StepConditions]:
    """Return the conditions of the steps that a later run may take over, by name.

    Left out are those that declare nothing about the world outside their run, and those that read something
    there whose state is not known without reading it, such as a URL.
    """
    specs = {spec.name: spec for spec in all_specs(project / "goldenpath" / "steps")}
    everywhere = _all(WORD, (code_text(node.file) for node in graph.nodes))
    machine = digest_of_texts([packages, processor(), str(cores())])
    conditions = {}
    for node in graph.nodes:
        kinds = specs[node.name].outside if node.name in specs else None
        if kinds is None or node.file.suffix != ".ipynb":
            continue
        given = _given(graph, node, values)
        settings = settings_of(graph, node, project, values)
        outside = {kind: outside_state(kind, settings) for kind in kinds}
        if None in outside.values():
            continue
        conditions[node.name] = StepConditions(
            after=tuple(sorted(one.name for one in graph.nodes if one.id in node.after)),
            code=code_of(node.file, project),
            settings=_settings_of_step(settings, given, sources_of(node.file, project), everywhere),
            machine=machine,
            outside={kind: state for kind, state in outside.items() if state is not None},
        )
    return conditions


def settings_of(graph: Graph, node: Node, project: Path, values: Mapping[str, str]) -> Settings:
    "Return the settings that a step will read. DATA_SOURCE, a parameter of 02_data, wins over `source`."
    environ = {**os.environ, **_given(graph, node, values)}
    with warnings.catch_warnings():  # the command has said them
        warnings.simplefilter("ignore")
        settings = load_settings(project / "settings.ini", environ)
    source = environ.get("DATA_SOURCE", "")
    return settings.changed(source=source) if source else settings


def _given(graph: Graph, node: Node, values: Mapping[str, str]) -> dict[str, str]:
    "Return the variables that the pipeline and --set give a step."
    return {**graph.variables, **node.variables, **values}


def _settings_of_step(
    settings: Settings,
    given: Mapping[str, str],  # variables of the pipeline and of --set
    sources: Sources,
    everywhere: set[str],  # words in the notebooks of all steps
) -> str:
    """Return a digest of the settings and variables that the code of a step names.

    A variable that no notebook names counts for each step: a package may read it, as with OMP_NUM_THREADS.
    """
    named = ALWAYS.union(OF_ANYTHING.findall(sources.own), OF_SETTINGS.findall(sources.library))
    counted = {key: repr(getattr(settings, key)) for key in KEYS if key in named}
    ours = {f"{PREFIX}{name.upper()}" for name in (*KEYS, *OTHER_NAMES)}
    words, quoted = (_all(pattern, sources) for pattern in (WORD, QUOTED))
    passed = {name: given[name] for name in given.keys() - ours if name in words or name not in everywhere}
    read = {name: os.environ[name] for name in quoted - NOT_READ - ours if name in os.environ}
    return digest_of_texts([repr(sorted(part.items())) for part in (counted, passed, read)])


def _all(pattern: re.Pattern[str], texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in pattern.findall(text)}
