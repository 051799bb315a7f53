"""The traps in the images of a pipeline: undefined ones, and imports that an image lacks."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from goldenpath.cluster.checks.notebook_source import StepSource, parsed
from goldenpath.cluster.checks.trap import Trap
from goldenpath.cluster.images import Image, image_of, package_of, plain_name, read_pins
from goldenpath.cluster.pipeline_file import Node

ABSENT_IN_PODS = ("nbdev", "fastcore", "elyra")  # not in the stock runtime image, if no list is here
EXPORTED = ("contract", "model", "predict", "steps")  # what people edit; the rest of the library is tested
GUARDS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


def check_image(
    node: Node,
    images: set[str],  # images that are defined here
) -> Iterator[Trap]:
    "Find an image that is not defined here: a mistyped tag is pulled in vain for ever."
    name = str(node.parameters.get("runtime_image", ""))
    if not name or name in images:
        return
    tags = sorted(one for one in images if _repository(one) == _repository(name))
    yield Trap(
        node.title,
        "image-unknown",
        f"the image '{name}' is not defined here"
        + (f": its repository has {', '.join(_tag(one) for one in tags)}" if tags else ""),
        "choose one that the editor offers, or add its definition to runtime-images/",
        level="error" if tags else "warning",
    )


def _repository(image: str) -> str:
    return image.removesuffix(_tag(image))


def _tag(image: str) -> str:
    "`:tag` or `@sha256:...`, without a registry's TCP number."
    start = image.rfind("/")
    return image[image.find("@", start) :] if "@" in image else image[image.find(":", start) :]


def check_imports(look: StepSource, images: Path) -> Iterator[Trap]:
    "Find imports, in a notebook and the local modules that it imports, which the node's image lacks."
    image = image_of(str(look.node.parameters.get("runtime_image", "")), images)
    pins = read_pins(image.list)
    for module, where in sorted(_outside(look).items()):
        if pins and _is_in(module, pins):
            continue
        if pins or module in ABSENT_IN_PODS:
            yield Trap(
                look.node.title,
                "import",
                f"{where} imports {module}, which {_words(image)} has not",
                "import it nowhere that a pipeline runs, or choose an image that has it",
                level="error" if image.exact or module in ABSENT_IN_PODS else "warning",
            )


def _words(image: Image) -> str:
    if image.list is None:
        return "the stock runtime image"
    return f"the image ({image.list.name})" if image.exact else f"the stock image ({image.list.name})"


def _is_in(module: str, pins: dict[str, str]) -> bool:
    if package_of(module) in pins:
        return True
    return any(plain_name(package) in pins for package in packages_distributions().get(module, ()))


def _outside(look: StepSource) -> dict[str, str]:
    "Top-level modules from outside the standard library and the project, each with the file that imports it."
    folder = look.node.file.parent
    carried = {str(one).partition("/")[0] for one in look.node.parameters.get("dependencies", [])}
    outside: dict[str, str] = {}
    visited: set[str] = set()
    waiting = [(name, look.node.file.name) for name in needed(look.source)]
    while waiting:
        name, where = waiting.pop(0)
        top = name.partition(".")[0]
        if name in visited or top in sys.stdlib_module_names or _is_tested(name):
            continue
        visited.add(name)
        if (folder / top).is_dir() or (folder / f"{top}.py").is_file():
            waiting += _of_local(folder, name)
        elif top not in carried:  # a dependency that fits no file is said elsewhere
            outside.setdefault(top, where)
    return outside


def _is_tested(name: str) -> bool:
    "Is this a module of the library that is tested with the stock image's packages alone?"
    top, _, inside = name.partition(".")
    return top == "goldenpath" and bool(inside) and inside.partition(".")[0] not in EXPORTED


def _of_local(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    "Yield each import of a local module, with its path from the notebook's folder."
    base = folder.joinpath(*name.split("."))
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.is_file():
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            where = file.relative_to(folder).as_posix()
            yield from ((one, where) for one in needed(file.read_text("utf-8"), package))


def needed(
    source: str,
    package: str = "",  # that relative imports start from
) -> set[str]:  # dotted names; of `from a import b` both `a` and `a.b`, which may be a module
    "Return what a source imports and cannot do without: nothing that a `try` or TYPE_CHECKING guards."
    names: set[str] = set()
    for node in _unguarded(parsed(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)} - {""}
    return names


def _unguarded(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try) and any(map(_catches_imports, child.handlers)):
            rest = [*child.orelse, *child.finalbody, *child.handlers]
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            rest = [*child.orelse]
        elif isinstance(child, ast.With) and "suppress(" in ast.unparse(child.items[0]):
            rest = []
        else:
            rest = [child]
        for one in rest:
            yield from _unguarded(one)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(guard in ast.unparse(handler.type) for guard in GUARDS)
