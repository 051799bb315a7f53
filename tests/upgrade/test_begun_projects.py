"""Projects that were begun from three states of this repository's own history come to today."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.begun_projects import begin_from, lend_environment, outside

pytestmark = pytest.mark.slow(seconds=30)

BEFORE_THE_PACKAGES_MOVED = "2692f14"  # 22 November 2026: the library was in goldenpath/rails
BEFORE_MODELS_WERE_COMPARED = "251c286"  # 28 November, 10:21
ADOPTED = "61d3702"  # 28 November, 13:50: of which a table was adopted

ROWS = [
    "town,age,returned",
    *(f"town {row % 5},{row % 91},{'yes' if row % 3 else 'no'}" for row in range(900)),
]
OWN = "def test_mine():\n    assert True\n"
CONFLICT = re.compile(r"(?m)^(<{7}|={7}|>{7})( |$)")


def run(folder: Path, *command: str | Path, code: int = 0) -> str:
    "Run a program in a project, and return what it prints."
    done = subprocess.run(command, cwd=folder, env=outside(), capture_output=True, text=True, timeout=600)
    output = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == code, f"{command}:\n{output[-4_000:]}"
    return output


def upgrade(folder: Path, *options: str, code: int = 0) -> str:
    "Call the command of this checkout in a project that does not have it."
    return run(folder, Path(sys.executable).with_name("goldenpath"), "upgrade", *options, code=code)


def check(folder: Path, *tests: str) -> None:
    "Check that there is no mark of a conflict, and run some of the project's tests with its own library."
    files = [path for path in folder.rglob("*") if path.suffix in (".py", ".ipynb", ".ini", ".md", ".toml")]
    assert [
        path for path in files if ".venv" not in path.parts and CONFLICT.search(path.read_text("utf-8"))
    ] == []
    run(folder, ".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


def test_one_from_before_the_packages_moved(tmp_path: Path):
    project = begin_from(BEFORE_THE_PACKAGES_MOVED, tmp_path / "project")
    for name in ("01_contract.ipynb", "settings.ini"):  # as its guide said
        folder = project / ("notebooks" if name.endswith("ipynb") else "")
        shutil.copy(project / "examples/breast_cancer" / name, folder / name)
    style, rails = project / "serving/static/page.css", project / "goldenpath/rails/settings.py"
    for file in (style, rails):
        file.write_text(
            f"{file.read_text()}\n/* mine */\n" if file is style else f"{file.read_text()}\nMINE = 1\n"
        )
    settings, contract = (project / name for name in ("settings.ini", "notebooks/01_contract.ipynb"))
    before = (settings.read_text(), contract.read_text(), style.read_text())
    lend_environment(project)
    assert "which is now in goldenpath.schema.contract" in upgrade(project, "--dry-run")
    output = upgrade(project, "--imports")  # runs `make check`
    assert "yours, left as they are: notebooks/01_contract.ipynb, settings.ini" in output
    assert "serving/static/page.css.new" in output
    assert "goldenpath/rails/settings.py.old" in output
    assert "Nearest neighbors are no longer compiled" in output
    assert (settings.read_text(), style.read_text()) == (before[0], before[2])
    assert contract.read_text() != before[1], "its imports"
    check(project, "tests/schema/test_roles.py")
    assert "taken back" in upgrade(project, "--undo")
    assert (settings.read_text(), contract.read_text(), style.read_text()) == before
    assert rails.is_file()
    assert not (project / "goldenpath/schema").exists()


def test_one_from_before_models_were_compared(tmp_path: Path):
    project = begin_from(BEFORE_MODELS_WERE_COMPARED, tmp_path / "project")
    settings = project / "settings.ini"
    settings.write_text(settings.read_text().replace("workers = 1", "workers = 2"))
    (project / "tests/test_mine.py").write_text(OWN)
    lend_environment(project)
    output = upgrade(project, "--no-check")
    assert "yours, left as they are: settings.ini" in output
    assert "workers = 2" in settings.read_text()
    check(project, "tests/test_mine.py", "tests/schema/test_roles.py")


def test_one_that_adopted_a_table(tmp_path: Path):
    project = begin_from(ADOPTED, tmp_path / "project")
    (project / "data/visits.csv").write_text("\n".join([*ROWS, ""]))
    lend_environment(project)
    run(project, ".venv/bin/python", "-m", "goldenpath", "adopt", "data/visits.csv", "--target", "returned")
    run(project, ".venv/bin/python", "-m", "goldenpath", "export")
    drafted = ("settings.ini", "README.md", "notebooks/01_contract.ipynb", "tests/test_own_project.py")
    before = [(project / name).read_text() for name in drafted]
    output = upgrade(project)  # runs `make check`
    assert "left to do: nothing" in output
    assert [(project / name).read_text() for name in drafted] == before
    assert "  name: visits" in (project / "catalog-info.yaml").read_text()
    assert "visits predictions" in (project / "docs/openapi.json").read_text()
    assert not (project / "examples").exists()
    assert not (project / "tests/steps").exists()
    check(project, "tests/test_own_project.py")
