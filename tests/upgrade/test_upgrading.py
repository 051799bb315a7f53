"""What an upgrade does to each file of a project, and how it is taken back."""

import json
from pathlib import Path

import pytest

from goldenpath.errors import BadInput
from goldenpath.origin.record import read_origin
from goldenpath.origin.shipment import Shipment, make_shipment, pack, unpack
from goldenpath.upgrade.journal import close_journal, read_journal, undo
from goldenpath.upgrade.news import new_entries
from goldenpath.upgrade.plan import Upgrade
from goldenpath.upgrade.sources import get_shipment
from goldenpath.upgrade.upgrading import apply, left_to_do
from tests.upgrade.conftest import Begin, git


@pytest.fixture(scope="module")
def shipment(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Shipment:
    return make_shipment(source, tmp_path_factory.mktemp("shipment"))


def carry_out(project: Path, shipment: Shipment, rename: bool = False) -> list[str]:
    "Upgrade, and return what is left to do."
    upgrade = Upgrade(project, shipment)
    close_journal(project, apply(upgrade, "/source", rename))
    return left_to_do(upgrade, rename)


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def of_the_project(folder: Path) -> dict[str, str]:
    return {path: text for path, text in contents(folder).items() if not path.startswith(".goldenpath/")}


@pytest.mark.parametrize("number", [0, 1])
def test_an_unchanged_project_becomes_what_is_shipped(begin: Begin, shipment: Shipment, number: int):
    project = begin(number)
    assert carry_out(project, shipment) == []
    assert sorted(of_the_project(project)) == sorted(shipment.files)
    assert {path: (shipment.folder / path).read_text() for path in shipment.files} == of_the_project(project)
    assert not (project / ".ci").exists()
    assert Upgrade(project, shipment).changes == []


def test_what_is_yours_is_never_written(begin: Begin, shipment: Shipment):
    project = begin(0)
    own = {
        "settings.ini": "[data]\nmodel = mine\n",
        "notebooks/01_contract.ipynb": '{"cells": [], "mine": 1}x',
        "notebooks/13_mine.ipynb": '{"cells": []}',
        "pipelines/mine.pipeline": "{}",
        "tests/test_own_project.py": "def test_mine(): ...\n",
        "goldenpath/mine.py": "MINE = 1\n",
    }
    for path, text in own.items():
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(text)
    times = {path: (project / path).stat().st_mtime_ns for path in own}
    carry_out(project, shipment)
    assert {path: (project / path).read_text() for path in own} == own
    assert {path: (project / path).stat().st_mtime_ns for path in own} == times
    assert [*project.rglob("*.new")] == []


def test_beside_a_changed_file_the_new_one_is_written(begin: Begin, shipment: Shipment):
    project = begin(0)
    (project / "Makefile").write_text("mine:\n")
    (project / "pipelines/train.pipeline").write_text('{"mine": 1}')
    tasks = carry_out(project, shipment)
    assert (project / "Makefile").read_text() == "mine:\n"
    assert (project / "Makefile.new").read_text() == "run:\n\techo three\n"
    assert (project / "pipelines/train.pipeline.new").read_text() == '{"three": 3}'
    assert [task.partition(":")[0] for task in tasks] == ["Makefile", "pipelines/train.pipeline"]
    (project / "Makefile.new").unlink()
    assert Upgrade(project, shipment).changes == [], "the shipped one has not changed since then"


def test_a_changed_file_that_is_no_longer_shipped_is_moved_aside(begin: Begin, shipment: Shipment):
    project = begin(0)
    (project / "goldenpath/old/rows.py").write_text("def read_rows(): return 1\n")
    [task] = carry_out(project, shipment)
    assert "rows.py.old" in task
    assert [path.name for path in (project / "goldenpath/old").iterdir()] == ["rows.py.old"]


def test_what_the_owner_removed_stays_away_and_what_is_new_comes(begin: Begin, shipment: Shipment):
    project = begin(1)
    (project / "serving/page.css").unlink()
    carry_out(project, shipment)
    assert not (project / "serving/page.css").exists()
    assert (project / "pipelines/monitor.pipeline").exists()
    (project / "pipelines/monitor.pipeline").unlink()
    assert Upgrade(project, shipment).changes == []


def test_a_new_file_that_says_the_projects_name_says_it(begin: Begin, shipment: Shipment):
    project = begin(1)
    (project / "settings.ini").write_text("[data]\nmodel = mine\n")
    carry_out(project, shipment)
    assert (project / "mkdocs.yml").read_text() == "site_name: mine\n"
    assert Upgrade(project, shipment).changes == []


def test_an_executed_notebook_is_an_unchanged_one(begin: Begin, shipment: Shipment):
    project = begin(1)
    executed = {"cells": [], "metadata": {"kernelspec": {"name": "other"}}, "nbformat": 4}
    (project / "notebooks/04_model.ipynb").write_text(json.dumps(executed))
    assert carry_out(project, shipment) == []
    assert '"3"' in (project / "notebooks/04_model.ipynb").read_text()


def set_version(project: Path, version: str) -> None:
    file = project / "goldenpath/__init__.py"
    file.write_text(file.read_text().replace("1.0.0", version))


@pytest.mark.parametrize(
    ("own", "model_is_mine", "after", "tasks"),
    [("1.0.0", False, "1.2.0", 0), ("1.0.7", True, "1.0.7", 1), ("3.0.0", False, "3.0.0", 1)],
)
def test_the_model_version_goes_with_its_model(
    begin: Begin, shipment: Shipment, own, model_is_mine, after, tasks
):
    project = begin(1)
    set_version(project, own)
    if model_is_mine:
        (project / "notebooks/04_model.ipynb").write_text('{"cells": [], "mine": 1}!')
    assert len(carry_out(project, shipment)) == tasks
    text = (project / "goldenpath/__init__.py").read_text()
    assert text == f'"""Three."""\n\nMODEL_VERSION = "{after}"\n'


CELL = "from goldenpath.old.rows import read_rows\nfrom goldenpath.old.rows import lost\n"


def test_imports_of_own_files_are_listed_and_renamed_on_demand(begin: Begin, shipment: Shipment):
    project = begin(0)
    notebook = {"cells": [{"cell_type": "code", "source": CELL.splitlines(True), "metadata": {}}]}
    (project / "notebooks/13_mine.ipynb").write_text(json.dumps(notebook))
    tasks = carry_out(project, shipment)
    assert tasks[0].endswith("read_rows of goldenpath.old.rows, which is now in goldenpath.rows.reader")
    assert tasks[1].endswith("lost of goldenpath.old.rows, which is gone: do without it")
    assert "--imports" in tasks[2]
    assert len(carry_out(project, shipment, rename=True)) == 1
    [cell] = json.loads((project / "notebooks/13_mine.ipynb").read_text())["cells"]
    assert "".join(cell["source"]) == CELL.replace("old.rows import read", "rows.reader import read")


@pytest.mark.parametrize("with_git", [False, True])
def test_one_command_takes_an_upgrade_back(begin: Begin, shipment: Shipment, with_git: bool):
    project = begin(0)
    (project / "Makefile").write_text("mine:\n")
    (project / "goldenpath/old/rows.py").write_text("mine = 1\n")
    if with_git:
        git(project, "init", "-q")
        git(project, "add", "-A")
        git(project, "commit", "-qm", "mine")
    before = of_the_project(project)
    carry_out(project, shipment)
    assert of_the_project(project) != before
    undo(project)
    assert contents(project) == before
    if with_git:
        assert git(project, "status", "--porcelain") == ""
    with pytest.raises(BadInput, match="no upgrade to take back"):
        undo(project)


def test_what_was_changed_since_the_upgrade_is_taken_back_only_by_force(begin: Begin, shipment: Shipment):
    project = begin(0)
    before = of_the_project(project)
    carry_out(project, shipment)
    (project / "goldenpath/tables.py").write_text("FOUR = 4\n")
    with pytest.raises(BadInput, match=r"goldenpath/tables\.py changed since the upgrade"):
        undo(project)
    undo(project, force=True)
    assert of_the_project(project) == before


def test_an_upgrade_that_was_killed_is_taken_back_first(begin: Begin, shipment: Shipment, monkeypatch):
    project = begin(0)
    before = of_the_project(project)
    monkeypatch.setattr("goldenpath.upgrade.upgrading.write_origin", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply(Upgrade(project, shipment), "", False)
    monkeypatch.undo()
    with pytest.raises(BadInput, match="--undo"):
        apply(Upgrade(project, shipment), "", False)
    journal = read_journal(project)
    assert journal
    assert not journal.complete
    undo(project)
    assert of_the_project(project) == before


def test_without_any_knowledge_of_the_beginning_nothing_is_done(begin: Begin, shipment: Shipment):
    project = begin(0)
    for file in (project / "goldenpath").rglob("*.py"):
        file.write_text("# a year of another repository\n")
    with pytest.raises(BadInput, match="whole history"):
        Upgrade(project, shipment).changes  # noqa: B018


def test_a_record_knows_what_no_history_knows(begin: Begin, shipment: Shipment, source: Path, tmp_path: Path):
    project = begin(1)
    carry_out(project, shipment)
    (tmp_path / "flat").mkdir()
    flat = Shipment(tmp_path / "flat")
    for path in shipment.files:
        (flat.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (flat.folder / path).write_text((shipment.folder / path).read_text() + "\n")
    (flat.folder / ".goldenpath").mkdir()
    (flat.folder / ".goldenpath/history.json").write_text('{"state": "", "history": {}}')
    actions = {change.action for change in Upgrade(project, flat).changes}
    assert actions == {"replace"}


def test_a_packed_shipment_is_the_same_one(source: Path, shipment: Shipment, tmp_path: Path):
    pack(source, tmp_path / "packed.tar.gz")
    (tmp_path / "unpacked").mkdir()
    unpacked = unpack(tmp_path / "packed.tar.gz", tmp_path / "unpacked")
    assert (unpacked.files, unpacked.history) == (shipment.files, shipment.history)
    assert unpacked.state == git(source, "rev-parse", "HEAD")


@pytest.mark.parametrize("address", ["path", "file://path", "v2", "2", "HEAD"])
def test_a_source_is_a_path_an_address_or_a_version(begin, shipment, source, tmp_path, address):
    project = begin(1)
    upgrade = Upgrade(project, shipment)
    close_journal(project, apply(upgrade, str(source), False))
    record = read_origin(project)
    assert record
    assert record.source == str(source)
    (tmp_path / "fetched").mkdir()
    fetched = get_shipment(address.replace("path", str(source)), project, tmp_path / "fetched")
    assert fetched.files == shipment.files


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/nowhere/at/all", "no such folder or wheel"),
        ("1.9", "does not record where it came from"),
        ("file:///nowhere", "git clone"),
    ],
)
def test_a_source_that_cannot_be_read_is_an_error_in_one_line(begin: Begin, tmp_path: Path, address, message):
    with pytest.raises(BadInput, match=message):
        get_shipment(address, begin(0), tmp_path)


@pytest.mark.parametrize("place", ["127.0.0.1:9/goldenpath.whl", "127.0.0.1:http/a.whl", "127.0.0.1/a b.whl"])
def test_a_wheel_that_cannot_be_downloaded_is_named_without_its_password(
    begin: Begin, tmp_path: Path, place: str
):
    with pytest.raises(BadInput, match="cannot be downloaded") as refusal:
        get_shipment(f"https://me:secret@{place}", begin(0), tmp_path)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://me:secret@host.example/team/goldenpath.git", "https://host.example/team/goldenpath.git"),
        ("https://secret@host.example/goldenpath", "https://host.example/goldenpath"),
        ("ssh://git:secret@host.example:22/goldenpath", "ssh://git@host.example:22/goldenpath"),
        ("git@host.example:team/goldenpath.git", "git@host.example:team/goldenpath.git"),
        ("/srv/goldenpath", "/srv/goldenpath"),
    ],
)
def test_the_committed_record_of_a_source_holds_no_password(
    begin: Begin, shipment: Shipment, address: str, written: str
):
    project = begin(1)
    apply(Upgrade(project, shipment), address, False)
    record = read_origin(project)
    assert record
    assert record.source == written


def test_news_are_the_entries_that_the_older_changelog_lacks(source: Path):
    before, after = (git(source, "show", f"{tag}:CHANGELOG.md") for tag in ("v0", "v2"))
    assert new_entries(before, after) == [("Removed", "Old."), ("Added", "A third.")]
