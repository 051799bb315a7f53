"""The rules of the house: the order of packages, one room for a word, no column of the example elsewhere."""

import re
from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from tests.helpers.imports import ORDER, definitions, imported, modules, package_of, values
from tests.helpers.project import PROJECT

LIBRARY = PROJECT / "goldenpath"

EXPORTED = {"contract", "model", "predict", "steps"}

written = [path for path in modules(LIBRARY) if path.parent != LIBRARY or path.name != "__init__.py"]
every_module = pytest.mark.parametrize("path", written, ids=lambda path: str(path.relative_to(LIBRARY)))


# Modules that still import from a package behind theirs; this list only shrinks.
STILL: dict[str, tuple[str, ...]] = {}


def room(path: Path) -> str:
    "Return the package or top module that a file of the library belongs to."
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def test_every_room_has_its_place_in_the_order():
    rooms = {room(path) for path in written} - {"__main__"}
    assert rooms - set(ORDER) == set()


@every_module
def test_a_package_imports_only_from_those_before_it(path: Path):
    if room(path) == "__main__":
        return
    before = {*ORDER[: ORDER.index(room(path)) + 1], *STILL.get(str(path.relative_to(LIBRARY)), ())}
    rooms = {package_of(name) for name in imported(path) if name.startswith("goldenpath.")} & set(ORDER)
    assert rooms - before == set()


def test_only_one_room_knows_ray():
    knowing = {room(path) for path in written if "ray" in {name.split(".")[0] for name in imported(path)}}
    assert knowing == {"compute"}


def test_no_module_is_the_neighbour_of_a_package_of_its_name():
    paths = [*modules(LIBRARY), *modules(PROJECT / "serving")]
    assert [str(path) for path in paths if path.with_suffix("").is_dir()] == []


def test_a_public_name_is_defined_once():
    places = definitions([*modules(LIBRARY), *modules(PROJECT / "serving")])
    twice = {name for name, files in places.items() if len(files) > 1}
    assert twice == set()


def test_values_have_names_of_things():
    paths = [*modules(LIBRARY), *modules(PROJECT / "serving")]
    participles = {str(path): values(path) & {"told", "said", "found", "known", "seen"} for path in paths}
    assert {path: names for path, names in participles.items() if names} == {}


@pytest.mark.parametrize(
    "path",
    [*(path for path in written if room(path) not in EXPORTED), *modules(PROJECT / "serving")],
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_nothing_outside_the_examples_files_knows_a_column_or_its_models_name(path: Path):
    columns = {*CONTRACT.text_columns, *CONTRACT.number_columns, CONTRACT.target.column}
    text = path.read_text("utf-8")
    assert set(re.findall(r"\w+", text)) & columns == set()
    assert "covid" not in text.lower()


@pytest.mark.parametrize("path", sorted((PROJECT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_notebook_from_05_on_knows_a_column(path: Path):
    if path.stem >= "05":
        named = [*CONTRACT.text_columns, *CONTRACT.number_columns, CONTRACT.target.column]
        source = path.read_text("utf-8").replace("sex_", "")
        assert [name for name in named if name in source] == []


def test_benchmarks_import_no_tests_and_only_their_own_tests_import_benchmarks():
    others = [path for path in modules(PROJECT / "tests") if path.parent.name != "benchmarks"]
    for paths, forbidden in ((modules(PROJECT / "benchmarks"), "tests."), (others, "benchmarks.")):
        wrong = [str(path) for path in paths if any(name.startswith(forbidden) for name in imported(path))]
        assert wrong == []
