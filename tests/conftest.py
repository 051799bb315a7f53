"""What every test may ask for."""

import os
import signal
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from tests.helpers.browser import browser  # noqa: F401 - a fixture
from tests.helpers.fuse_mount import mounts  # noqa: F401 - a fixture for all tests, started once
from tests.helpers.project import PROJECT, SHARED_FOLDER
from tests.helpers.requirements import needs

REAL_ROWS = PROJECT.parent / "shared" / "data" / "cdc_case_surveillance_20k.csv"


# Of several processes on a busy machine none is too slow, and two runs of one commit try the same examples.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    "SIGTERM ends the tests as Ctrl-C does, together with the servers and mounts that they started."
    for number in (signal.SIGTERM, signal.SIGINT):  # which a job in the background would ignore
        signal.signal(number, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    "Begin one process more than there are cores: tests wait for installations, servers and disks."
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    "Begin with the files whose slow tests take longest: those that end last should be short."
    seconds: Counter[Path] = Counter()
    for item in items:
        if mark := item.get_closest_marker("slow"):
            seconds[item.path] += mark.kwargs.get("seconds", 10)
    items.sort(key=lambda item: -seconds[item.path])


# Several processes share the cores: threads of OpenMP would wait for each other by turning in circles.
os.environ.setdefault("OMP_NUM_THREADS", "1")


# A make that runs the tests says more in those that they start.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    "Remove the variables of the person who runs the tests."
    for name in [name for name in os.environ if name.startswith("GOLDENPATH_")]:
        if name != "GOLDENPATH_TEST_REQUIRE":
            monkeypatch.delenv(name)
    for name in ("KFP_MLFLOW_CONFIG", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    "Let the processes that run these tests share what is trained."
    own = tmp_path_factory.getbasetemp()
    os.environ[SHARED_FOLDER] = str(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def real_rows() -> Path:
    "20,000 real rows, where they lie beside the checkout."
    needs("real-data", REAL_ROWS.exists(), f"there is no {REAL_ROWS.name} beside the checkout")
    return REAL_ROWS


@pytest.fixture
def home(tmp_path: Path) -> Path:
    "Return an empty home folder."
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    "Return the small project."
    from tests.helpers.small_project import make_project  # here: an adopted project does not have it

    return make_project(tmp_path / "project")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a home with a real, small version, which is champion."
    from tests.helpers.serving_fixtures import promote, publish  # here: an adopted project does not have it

    home = tmp_path_factory.mktemp("home")
    promote(home, publish(home, 1))
    return home
