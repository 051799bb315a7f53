"""The doctor imports the contract and looks into headers: what would stop a run is said before it."""

import sys
from pathlib import Path

import pytest

import goldenpath
import goldenpath.contract  # so that it comes back after each test
from goldenpath.doctor.checks import Finding
from goldenpath.doctor.rows import ROWS
from goldenpath.errors import BadInput
from goldenpath.settings import load_settings

CONTRACT = """
from typing import Literal
from goldenpath.schema.contract import Contract, Record, Target

class House(Record):
    district: Literal["north", "south"]
    rooms: int | None = None

CONTRACT = Contract(House, Target("sold", "yes", "no"))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "Return a project whose contract is about houses, in which every import of it is the first."
    (tmp_path / "settings.ini").write_text("[any]\nslices = district\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "goldenpath").mkdir()
    (tmp_path / "goldenpath" / "contract.py").write_text(CONTRACT)
    monkeypatch.setattr(goldenpath, "__path__", [str(tmp_path / "goldenpath"), *goldenpath.__path__])
    monkeypatch.delitem(sys.modules, "goldenpath.contract", raising=False)
    monkeypatch.delattr(goldenpath, "contract", raising=False)
    return tmp_path


def findings(project: Path) -> dict[str, Finding]:
    "Return what the checks find, by name; a BadInput as the doctor shows it."
    settings, found = load_settings(project / "settings.ini", {}), {}
    for check in ROWS:
        try:
            found |= {finding.what: finding for finding in check(settings)}
        except BadInput as fault:
            found[check.__name__] = Finding(what=check.__name__, status="bad", detail=str(fault))
    return found


def rows(project: Path, header: str) -> None:
    (project / "data" / "houses.csv").write_text(header + "\n")


def test_contract_and_rows_that_fit_are_good(project: Path) -> None:
    rows(project, "district,sold,colour")
    found = findings(project)
    assert [finding.status for finding in found.values()] == ["good"] * 4
    assert found["contract"].detail == "2 fields, and sold is predicted"
    assert "houses.csv has every column" in found["columns"].detail


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"yes", "no"', "", "target 'sold' lacks positive"),
        ("int | None", "inf | None", "NameError: name 'inf' is not defined"),
        ("import Literal", "import Litteral", "ImportError: cannot import name"),
        ("from typing", "from typings", "No module named 'typings'"),
        (
            "CONTRACT =",
            "CONTRAKT =",
            "ImportError: cannot import name 'CONTRACT'",
        ),
        ("rooms: int | None = None", "rooms = 3", "PydanticUserError: "),
    ],
)
def test_a_contract_that_cannot_be_imported_is_the_one_finding(
    old: str, new: str, says: str, project: Path
) -> None:
    (project / "goldenpath" / "contract.py").write_text(CONTRACT.replace(old, new))
    found = findings(project)
    assert list(found) == ["contract"]
    assert found["contract"].status == "bad"
    assert found["contract"].remedy == "correct notebooks/01_contract.ipynb, then `make export`"
    assert found["contract"].detail.startswith(f"notebooks/01_contract.ipynb: {says}")
    assert "\n" not in found["contract"].detail


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("districts,sold,day", "column 'district' is missing (did you mean 'districts'?)"),
        ("district,price,day", "column 'sold' is missing"),
        ("district,sold", "column 'day' is missing"),  # which the split is by
    ],
)
def test_a_missing_column_is_bad(header: str, says: str, project: Path) -> None:
    rows(project, header)
    (project / "settings.ini").write_text("[any]\nsplit = day 2020-01-01 2020-02-01\n")
    assert says in findings(project)["check_row_columns"].detail


def test_a_stand_in_about_other_data_is_bad(project: Path) -> None:
    detail = findings(project)["check_row_columns"].detail
    assert "and the synthetic stand-in has no column 'district'; set `source`" in detail


def test_rows_that_are_not_there_are_the_other_checks_finding(project: Path) -> None:
    (project / "settings.ini").write_text("[any]\nsource = absent.csv\n")
    assert list(findings(project)) == ["contract", "gate", "candidates"]


def test_a_slice_that_the_contract_lacks_is_a_note_with_the_nearest(project: Path) -> None:
    rows(project, "district,sold")
    (project / "settings.ini").write_text("[any]\nslices = Distrikt, rooms\n")
    found = findings(project)["slices"]
    assert found.status == "note"
    assert "names 'Distrikt', which is not a field of the contract; did you mean 'district'?" in found.detail


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("gate_floors = recall>=0.5", "good", "roc_auc, average_precision must beat the baseline"),
        ("gate_floors = mae<=50", "bad", "gate_floors in settings.ini names 'mae'"),
        ("gate_metrics = r2", "bad", "gate_metrics in settings.ini names 'r2'"),
    ],
)
def test_metrics_of_another_task_in_the_gate_are_bad(
    project: Path, line: str, status: str, says: str
) -> None:
    rows(project, "district,sold")
    (project / "settings.ini").write_text(f"[any]\n{line}\n")
    found = findings(project)["gate"]
    assert found.status == status
    assert says in found.detail


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("choose = best", "good", "are compared; lightgbm is not installed"),
        ("candidates = linear, forest", "good", "linear, forest are compared"),
        ("choose = liner", "bad", "no candidate 'liner' for task binary; did you mean 'linear'?"),
        ("candidates = linear, forrest", "bad", "no candidate 'forrest' for task binary; did you mean"),
        ("candidates = linear\nchoose = forest", "bad", "choose = forest: it is not in `candidates`"),
        ("choose = lightgbm", "bad", "choose = lightgbm: lightgbm is not installed"),
        ("candidates = lightgbm", "bad", "lightgbm is not installed"),
    ],
)
def test_candidates_that_04_model_lacks_or_that_are_not_installed_are_bad(
    project: Path, line: str, status: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldenpath.model.NEEDS", {"lightgbm": "no_such_package"})
    says = says.replace("lightgbm is not", "no_such_package is not")
    rows(project, "district,sold")
    (project / "settings.ini").write_text(f"[any]\n{line}\n")
    found = findings(project)["candidates"]
    assert found.status == status
    assert says in found.detail


def test_a_project_without_a_contract_is_a_note(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goldenpath, "__path__", [str(project / "elsewhere")])
    assert findings(project)["contract"].status == "note"
