"""Projects that `goldenpath new` begins: from this checkout, from a wheel, with a table and without."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli.new import new as command
from goldenpath.errors import BadInput
from goldenpath.origin.beginning import make_own
from goldenpath.origin.ownership import is_kept, owned, owned_files
from goldenpath.origin.record import read_origin
from goldenpath.origin.shipment import Shipment, make_shipment
from goldenpath.settings import load_settings
from goldenpath.upgrade.plan import Upgrade
from tests.helpers.begun_projects import FEW, lend_environment, outside
from tests.helpers.project import PROJECT

pytestmark = pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="this is not a git checkout")

ROWS = [
    "town,age,returned",
    *(f"town {row % 5},{row % 91},{'yes' if row % 91 + row * 37 % 41 > 60 else 'no'}" for row in range(600)),
]


@pytest.fixture(scope="module")
def shipment(tmp_path_factory: pytest.TempPathFactory) -> Shipment:
    return make_shipment(PROJECT, tmp_path_factory.mktemp("shipment"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "visits.csv"
    file.write_text("\n".join([*ROWS, ""]))
    return file


def new(*words: str | Path):
    return CliRunner().invoke(command, [str(word) for word in words])


def test_a_project_begins_with_all_that_is_shipped(shipment: Shipment, tmp_path: Path):
    result = new(tmp_path / "mine", "--name", "my-cases", "--from", shipment.folder)
    assert result.exit_code == 0, result.output
    project = tmp_path / "mine"
    assert load_settings(project / "settings.ini", environ={}).model == "my-cases"
    assert not (project / ".ci").exists()
    assert (project / "lab/start").stat().st_mode & 0o100
    assert (project / "notebooks/settings.ini").is_symlink()
    record = read_origin(project)
    assert record
    assert record.files == shipment.files
    assert Upgrade(project, shipment).changes == []
    assert "goldenpath adopt" in result.output


def test_with_a_table_it_is_adopted_at_once(shipment: Shipment, tmp_path: Path, table: Path):
    result = new(tmp_path / "mine", table, "--target", "returned", "--from", shipment.folder)
    assert result.exit_code == 0, result.output
    settings = load_settings(tmp_path / "mine/settings.ini", environ={})
    assert (settings.model, Path(settings.source or "").name) == ("visits", "visits.csv")
    assert (tmp_path / "mine/data/visits.csv").read_text() == table.read_text()
    assert not (tmp_path / "mine/examples").exists()
    assert "becomes" in result.output  # what `goldenpath adopt` prints
    assert "next: read notebooks/01_contract.ipynb" in result.output
    assert Upgrade(tmp_path / "mine", shipment).changes == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((".",), "not an empty folder"),
        (("mine", "rows.csv"), "belong together"),
        (("mine", "--target", "returned"), "belong together"),
        (("mine", "rows.csv", "--target", "returned"), "there is no file rows.csv"),
        (("mine", "visits.csv", "--target", "retuned"), "did you mean 'returned'"),
        (("mine", "--name", "My Cases"), "small letters"),
        (("mine", "--from", "/nowhere/at/all"), "no such folder or wheel"),
    ],
)
def test_wrong_input_begins_nothing(tmp_path: Path, table: Path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    result = new(*words)
    assert isinstance(result.exception, BadInput)
    assert message in str(result.exception)
    assert [*tmp_path.iterdir()] == [table]


def test_a_copied_repository_is_made_ones_own(shipment: Shipment, tmp_path: Path):
    for path in (".ci/run", "settings.ini", "Makefile"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text((PROJECT / path).read_text())
    for words in (("init", "-q"), ("add", "-A")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert make_own(tmp_path, "https://example.org/goldenpath", "my-cases") == [".ci/run"]
    assert not (tmp_path / ".ci").exists()
    assert "model = my-cases" in (tmp_path / "settings.ini").read_text()
    record = json.loads((tmp_path / ".goldenpath/origin.json").read_text())
    assert record["files"]["Makefile"] == shipment.files["Makefile"]
    assert record["source"] == "https://example.org/goldenpath"


def test_every_entry_of_the_table_of_ownership_is_about_a_file(shipment: Shipment):
    paths = [path for path in shipment.files if owned(path)]
    unused = {entry.path for entry in owned_files()} - {
        entry.path for path in paths if (entry := owned(path))
    }
    assert unused == {"tests/test_own_project.py"}, "which `adopt` writes"
    assert not any(is_kept(path) for path in shipment.files)


@pytest.mark.slow(seconds=40)
def test_a_wheel_begins_a_project_in_an_empty_environment_and_it_runs(tmp_path: Path, table: Path):
    def uv(*words: str | Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "uv", *words], cwd=tmp_path, env=outside(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2_000:]

    uv("build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", tmp_path, PROJECT)
    [wheel] = tmp_path.glob("*.whl")
    tool = [
        "--isolated",
        "--constraints",
        PROJECT / "requirements.lock",
        "--from",
        f"goldenpath[training] @ {wheel}",
    ]
    uv("tool", "run", *tool, "goldenpath", "new", "mine", table, "--target", "returned")
    project = tmp_path / "mine"
    lend_environment(project)
    done = subprocess.run(["make", "run"], cwd=project, env=outside() | FEW, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    assert "report: volume/runs/" in done.stdout
