"""Adopting a table in a project: what is written, what is removed, and what is never overwritten."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.adopt.project import WRITTEN, Example, settings_values
from goldenpath.cli.adopt import adopt as command
from tests.helpers.project import PROJECT

ROWS = [
    "town,age,returned",
    *(f"town {row % 5},{row % 91},{'yes' if row % 3 else 'no'}" for row in range(300)),
]
TEST = "tests/steps/test_train_publish.py"  # one that the example alone needs


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "Return the part of a project that adopting touches, committed to git, with a table in data/."
    folder = tmp_path / "project"
    for name in ("settings.ini", "README.md", "notebooks/01_contract.ipynb", "notebooks/02a_stand_in.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    for name in ("goldenpath/steps", "goldenpath/registry", "tests/steps", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / TEST).write_text("")
    (folder / "data" / "visits.csv").write_text("\n".join([*ROWS, ""]))
    for git in ("init -q", "add -A", "-c user.name=ada -c user.email=ada@example.org commit -qm first"):
        subprocess.run(["git", *git.split()], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def adopt(*options: str):
    return CliRunner().invoke(command, ["data/visits.csv", "--target", "returned", *options])


def test_contract_settings_synthetic_rows_and_test_are_written_and_the_example_is_removed(checkout):
    result = adopt("--name", "visits")
    assert result.exit_code == 0, result.output
    values = settings_values((checkout / "settings.ini").read_text())
    assert (values["model"], values["source"], values["slices"]) == ("visits", "data/visits.csv", "town")
    assert "# name of the model in the registry" in (checkout / "settings.ini").read_text()
    assert 'Binary(column=\\"returned\\"' in (checkout / "notebooks/01_contract.ipynb").read_text()
    assert "draw_rows" in (checkout / "notebooks/02a_stand_in.ipynb").read_text()
    assert (checkout / "goldenpath/steps/stand_in.csv").read_text() == "column,strength\ntown,1\nage,1\n"
    assert (checkout / "tests/test_own_project.py").is_file()
    assert not (checkout / "tests/steps").exists()
    assert "# visits" in (checkout / "README.md").read_text()
    assert "town" in result.output
    assert "5 different values" in result.output
    assert all(path in result.output for path in WRITTEN)
    assert "1 files in tests" in result.output


@pytest.mark.parametrize("path", ["notebooks/01_contract.ipynb", "README.md", TEST])
def test_what_was_changed_is_not_overwritten_unless_forced(checkout, path):
    changed = (checkout / path).read_text() + " "
    (checkout / path).write_text(changed)
    result = adopt()
    assert path in str(result.exception)
    assert "--force" in str(result.exception)
    assert (checkout / path).read_text() == changed
    assert adopt("--force").exit_code == 0


def test_a_name_that_was_given_before_stays_and_written_files_can_be_edited(checkout):
    settings = checkout / "settings.ini"
    settings.write_text(settings.read_text().replace("model = covid-death", "model = my-visits"))
    assert adopt().exit_code == 0
    assert settings_values(settings.read_text())["model"] == "my-visits"
    assert {(checkout / path).stat().st_mode & 0o200 for path in WRITTEN} == {0o200}


def test_a_setting_that_was_changed_is_not_overwritten(checkout):
    settings = checkout / "settings.ini"
    settings.write_text(settings.read_text().replace("threshold = best_f1", "threshold = recall>=0.9"))
    assert "`threshold` of settings.ini" in str(adopt().exception)


def test_a_table_is_not_adopted_twice_by_accident(checkout):
    assert adopt().exit_code == 0
    assert "01_contract.ipynb" in str(adopt().exception)
    assert adopt("--force").exit_code == 0


def test_what_the_project_ships_is_known():
    example = Example.shipped()
    values = settings_values((PROJECT / "settings.ini").read_text())
    shipped = {path: sha256((PROJECT / path).read_bytes()).hexdigest() for path in example.digests}
    assert shipped == example.digests, "run `make fix`"
    assert {key: values[key] for key in example.settings} == example.settings, "run `make fix`"
    assert all((PROJECT / path).is_file() for path in example.alone)
    assert TEST in example.alone
    assert "tests/conftest.py" not in example.alone
