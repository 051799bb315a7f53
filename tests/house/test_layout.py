"""Layout is architecture: who may import whom, and what a server can live without."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from tests.helpers.project import PROJECT

LIBRARY = PROJECT / "goldenpath"
NEVER = {"flask", "jupyter", "jupyterlab", "nbdev", "elyra", "serving", "fastcore", "granian"}
TRAINING = {"matplotlib", "papermill", "pyarrow", "fsspec", "joblib", "skl2onnx", "nbconvert", "nbformat"}
EXPORTED = {"contract", "model", "predict", "steps"}


def imports(path: Path) -> set[str]:
    "Absolute names of the modules that a file imports, wherever in it."
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(absolute(path, node))
    return found


def absolute(path: Path, node: ast.ImportFrom) -> str:
    "Return the module of a `from` import, also where it is relative."
    if not node.level:
        return node.module or ""
    package = path.relative_to(PROJECT).with_suffix("").parts[: -node.level]
    return ".".join([*package, node.module or ""])


def modules(folder: Path) -> list[Path]:
    "Return the Python files below a folder."
    return [path for path in sorted(folder.rglob("*.py")) if path.name != "_modidx.py"]


def written() -> list[Path]:
    "Return the library's modules that no notebook exports."
    return [
        path
        for path in modules(LIBRARY)
        if path.relative_to(LIBRARY).parts[0].removesuffix(".py") not in EXPORTED
    ]


every_module = pytest.mark.parametrize("path", modules(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))


@every_module
def test_the_library_never_imports_the_tools_around_it(path: Path):
    tops = {name.split(".")[0] for name in imports(path)}
    assert tops & NEVER == set()


def test_ruff_looks_at_every_file_but_the_exported_ones():
    words = [sys.executable, "-m", "ruff", "check", "--show-files", "."]
    shown = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    expected = {*written(), *modules(PROJECT / "serving"), *modules(PROJECT / "tests")}
    assert {str(path) for path in expected} - {*shown} == set()


@pytest.mark.parametrize("path", modules(PROJECT / "serving"), ids=lambda p: str(p.relative_to(PROJECT)))
def test_serving_never_imports_training(path: Path):
    assert [name for name in imports(path) if name.startswith("goldenpath.steps")] == []
    assert {name.split(".")[0] for name in imports(path)} & TRAINING == set()


def test_what_the_server_loads_needs_nothing_of_training():
    code = "import sys, serving.app, goldenpath.predict; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    tops = {name.split(".")[0] for name in done.stdout.split()}
    assert "goldenpath" in tops
    assert tops & (TRAINING | {"sklearn", "pandas", "skops"}) == set()
    assert not any(name.startswith("goldenpath.steps") for name in done.stdout.split())


@pytest.mark.parametrize(
    "path",
    [*written(), *modules(PROJECT / "serving")],
    ids=lambda p: str(p.relative_to(PROJECT)),
)
def test_neither_library_nor_serving_know_a_column(path: Path):
    columns = [*CONTRACT.text_columns, *CONTRACT.number_columns, CONTRACT.target.column]
    words = set(re.findall(r"\w+", path.read_text()))
    assert words & set(columns) == set()


def calls(path: Path, name: str) -> int:
    "How often a file calls this name."
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return sum(getattr(node.func, "id", getattr(node.func, "attr", "")) == name for node in nodes)


def test_a_registry_always_knows_the_readers_keys():
    code = [*modules(LIBRARY), *modules(PROJECT / "serving")]
    makers = [path.name for path in code if calls(path, "Registry")]
    assert makers == ["registry.py"]
    assert calls(LIBRARY / "registry" / "registry.py", "Registry") == 1  # open_registry
    openers = [str(path.relative_to(PROJECT)) for path in code if calls(path, "open_registry")]
    assert openers == ["goldenpath/project.py"]


def test_nothing_advises_to_install_the_project_by_its_name_from_an_index():
    texts = [
        PROJECT / "README.md",
        *(PROJECT / "docs").rglob("*.md"),
        *(PROJECT / "notebooks").glob("*.ipynb"),
    ]
    texts += [*modules(LIBRARY), *modules(PROJECT / "serving"), *(PROJECT / "openshift").rglob("*.yaml")]
    advice = re.compile(r"pip install[^\n`]*\bgoldenpath\b")
    assert [path.name for path in texts if advice.search(path.read_text())] == []


def test_settings_and_packaging_share_no_key():
    keys = set(re.findall(r"(?m)^([a-z_]+) *=", (PROJECT / "settings.ini").read_text()))
    nbdev = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["nbdev"]
    assert keys
    assert keys & set(nbdev) == set()


def test_the_library_needs_only_what_the_stock_runtime_image_has():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["training"]]
    stock = (PROJECT / "runtime-images" / "stock-runtime-3.6-py312.txt").read_text()
    there = set(re.findall(r"(?m)^([\w.-]+)==", stock))
    assert {re.split(r"[><=;\[ ]", one)[0] for one in needed} - there == set()


def test_the_lock_names_hashes_and_no_address():
    lock = (PROJECT / "requirements.lock").read_text()
    pins = re.findall(r"(?m)^[\w.-]+==", lock)
    assert len(pins) > 100
    assert lock.count("--hash=sha256:") > len(pins)
    assert "://" not in lock
    assert "index" not in re.sub(r"(?m)^[\w.-]+==.*|# via.*|#   .*", "", lock)
