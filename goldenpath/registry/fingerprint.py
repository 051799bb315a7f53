"""The fingerprint of a model: what makes two models the same, and how a difference is named."""

import ast
import hashlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

IDENTITY = ("contract", "pipeline", "postprocess")  # parts of a fingerprint by which two models are the same
PARAMETERS = "parameters"  # the part that holds every parameter of the pipeline, as JSON
SHOWN, WIDEST = 3, 50  # parameters named of a difference, characters shown of one value


def fingerprint(
    contract_hash: str,
    pipelines: Mapping[str, Any],  # of all candidates, unfitted, with seed 0: the seed is not part of it
    functions: Sequence[Callable[..., Any]],  # enrich and post-processing
) -> dict[str, str]:  # the parts of IDENTITY, and those by which a difference is named
    "Take apart what makes a model this model, so that a difference can be named."
    sources = {function.__name__: _normal_source(function) for function in functions}
    return {
        "contract": contract_hash,
        "pipeline": "; ".join(f"{name}: {_in_full(pipeline)}" for name, pipeline in pipelines.items()),
        "postprocess": _sha256("\n".join(sources.values())),
        PARAMETERS: json.dumps(parameters(pipelines), sort_keys=True),
        **{f"{name}()": _sha256(source) for name, source in sources.items()},
    }


def identity_of(parts: dict[str, str]) -> dict[str, str]:
    "Return the parts that make two models the same."
    return {name: parts.get(name, "") for name in IDENTITY}


def _in_full(pipeline: Any) -> str:
    return _without_addresses(pipeline.__repr__(N_CHAR_MAX=10**6))


def parameters(
    pipelines: Mapping[str, Any],  # unfitted, by name
) -> dict[str, str]:  # text by name, such as {"linear.estimator.C": "1.0"}
    "Every parameter of each pipeline and of its parts, defaults included; a part by its class."
    parts = {
        f"{name}.{parameter}": value
        for name, pipeline in pipelines.items()
        for parameter, value in pipeline.get_params(deep=True).items()
    }
    return {name.replace("__", "."): _parameter(value) for name, value in (dict(pipelines) | parts).items()}


def _parameter(value: Any) -> str:
    if hasattr(value, "get_params"):
        return type(value).__name__
    if isinstance(value, list | tuple):  # parts in a list are parameters of their own
        inside = [_parameter(element) for element in value if not hasattr(element, "get_params")]
        return f"[{', '.join(inside)}]" if isinstance(value, list) else " ".join(inside)
    return value if isinstance(value, str) else _without_addresses(repr(value))


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", " ".join(text.split()))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _normal_source(function: Callable[..., Any]) -> str:
    "Source without comments and layout, so that these change no fingerprint."
    return _shape(ast.parse(textwrap.dedent(inspect.getsource(function))))


def _shape(node: Any) -> str:
    """Write a syntax tree as text that is the same under every Python.

    `ast.dump` does not: 3.12 added a field to functions and 3.13 leaves empty ones out, so a laptop and a
    pod would have called the same code different.
    """
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return f"{type(node).__name__}({', '.join(f'{name}={_shape(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_shape, node))}]"
    return repr(node)


def digest(value: Any) -> str:  # sha256, hex
    "Hash a JSON value by its canonical form."
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(
    old: dict[str, str],  # a fingerprint, as `fingerprint` takes it apart
    new: dict[str, str],
) -> str:  # "estimator.C: 1.0 -> 0.5; enrich() changed"
    "Say in one line in what two fingerprints differ."
    changed = [name for name in IDENTITY if old.get(name) != new[name]]
    named = {
        "contract": lambda: ["the contract changed"],
        "pipeline": lambda: _changed_parameters(old, new) or ["the pipeline changed"],
        "postprocess": lambda: [f"{_changed_functions(old, new)} changed"],
    }
    return "; ".join(line for name in changed for line in named[name]())


def _changed_parameters(old: dict[str, str], new: dict[str, str]) -> list[str]:
    "One line for each parameter; what follows from another class of estimator is left out."
    if PARAMETERS not in old or PARAMETERS not in new:
        return []
    before, after = json.loads(old[PARAMETERS]), json.loads(new[PARAMETERS])
    changed = [name for name in sorted(before | after) if before.get(name) != after.get(name)]
    own = [name for name in changed if not any(name.startswith(f"{other}.") for other in changed)]
    lines = [f"{name}: {_shown(before.get(name))} -> {_shown(after.get(name))}" for name in own]
    return lines[:SHOWN] + ([f"{len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])


def _shown(value: str | None) -> str:
    "Shorten a value to fit a line."
    text = "nothing" if value is None else value
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _changed_functions(old: dict[str, str], new: dict[str, str]) -> str:
    "Names of the functions; where the old fingerprint did not tell them apart, all that it may be."
    functions = [name for name in new if name.endswith("()")]
    changed = [name for name in functions if name in old and old[name] != new[name]]
    return " and ".join(changed) or " or ".join(functions) or "post-processing"
