"""What each step of the project reads and makes, declared once, above the function that does its work.

The declarations are read from the source, not by import: to list runs needs no scikit-learn, and a step whose
module is broken still has its place.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from goldenpath.errors import BadInput
from goldenpath.runs.notebook import PACKAGE
from goldenpath.text.spelling import nearest

STEPS = PACKAGE / "steps"
DECLARATION = re.compile(r"^@step_spec(\(.*?\))\n(?=@|def )", re.MULTILINE | re.DOTALL)

Function = TypeVar("Function")


@dataclass(frozen=True)
class StepSpec:
    "What a step reads and makes, as paths in a run; a path that ends in / covers what is below it."

    name: str  # of its notebook, such as 05_train
    reads: tuple[str, ...] = ()  # what it cannot do without; empty: it begins a run
    makes: tuple[str, ...] = ()
    outside: tuple[str, ...] | None = None  # what it reads that is in no run; None: it works in every run


def step_spec(
    name: str,  # of the notebook, such as 05_train
    *,
    reads: tuple[str, ...] = (),  # paths in the run without which the step cannot work; none: it begins a run
    makes: tuple[str, ...] = (),  # paths in the run; one that ends in / covers what is below it
    outside: tuple[str, ...] | None = None,  # "source": rows; "origin": who trains, commit; (): nothing
) -> Callable[[Function], Function]:
    """Declare what the decorated function, the work of one step, reads and makes; in plain literals.

    With `outside`, `goldenpath run` takes the step over from an older run if nothing changed that it depends
    on. Leave it out if the step reads anything else, changes something, or measures.
    """
    return lambda function: function


def declarations(source: str, file: Path) -> Iterator[StepSpec]:
    "Yield what a source declares. Raises BadInput if a declaration is not written in plain literals."
    for arguments in DECLARATION.findall(source):
        try:
            call: Any = ast.parse(f"step_spec{arguments}", mode="eval").body
            [name] = [ast.literal_eval(argument) for argument in call.args]
            paths: dict[str, Any] = {word.arg: tuple(ast.literal_eval(word.value)) for word in call.keywords}
            yield StepSpec(name, **paths)
        except (SyntaxError, TypeError, ValueError):
            raise BadInput(
                f"{file}: step_spec{arguments} is not written in plain literals; "
                'write it like @step_spec("05_train", reads=("data/",), makes=("candidate/",))'
            ) from None


def find_spec(name: str) -> StepSpec:
    "Return what the step `name` declares. Raises BadInput if none does."
    for spec in all_specs():
        if spec.name == name:
            return spec
    module = name.partition("_")[2] or name
    raise BadInput(
        f"no function in goldenpath/steps is declared as step '{name}': put @step_spec('{name}', reads=..., "
        f"makes=...) above the one in goldenpath/steps/{module}.py, in its notebook"
    )


def match_step(
    name: str,  # its name, number or last word: 05_train, 05, train
    steps: Iterable[str],
    owner: str,  # whose steps they are, for the message
) -> str:
    "Return the step that is meant. Raises BadInput, with the nearest one, if it is none of them."
    steps, wanted = list(steps), Path(name).stem
    for step in steps:
        if wanted in (step, *step.split("_", 1)):
            return step
    hint = nearest(wanted, steps) or nearest(wanted, [step.partition("_")[2] for step in steps])
    listing = f"{hint} Steps:" if hint else "; steps:"
    raise BadInput(f"{owner} has no step '{name}'{listing} {', '.join(steps)}")


def begins(name: str) -> bool:
    "Check whether this step begins a run: it is declared to read nothing."
    return any(spec.name == name and not spec.reads for spec in all_specs())


def maker_of(name: str) -> str:
    "Return the step that makes a file of a run, by the file's path in it."
    for spec in all_specs():
        if any(f"{name}/".startswith(f"{made.rstrip('/')}/") for made in spec.makes):
            return spec.name
    return "an earlier step"


def step_before(name: str) -> str:
    "Return the last of the steps whose work this one reads; empty if it begins a run."
    return max(map(maker_of, find_spec(name).reads), default="")


@cache
def all_specs(steps: Path = STEPS) -> tuple[StepSpec, ...]:
    "Return what all steps declare, in order of their names."
    specs = [spec for file in sorted(steps.glob("*.py")) for spec in _declared_in(file)]
    return tuple(sorted(specs, key=lambda spec: spec.name))


def _declared_in(file: Path) -> list[StepSpec]:
    try:
        return list(declarations(file.read_text("utf-8"), file))
    except (OSError, UnicodeDecodeError):  # its import names what is wrong
        return []
