"""What changes a module's tests do not notice: which tests are asked, and what is read from the answer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutants import LOCK, configuration, copy_of_checkout, mirror_of, outcomes, summary
from goldenpath.errors import BadInput
from tests.helpers.project import PROJECT

PRINTED = """
    goldenpath.registry.roles.x_assigned__mutmut_1: survived
    goldenpath.registry.roles.xǁRolesǁholder__mutmut_3: killed
    goldenpath.registry.roles.x_vacated__mutmut_2: timeout
    goldenpath.registry.roles.x_vacated__mutmut_4: no tests
    goldenpath.registry.roles.x_vacated__mutmut_5: not checked
"""


def test_a_change_is_noticed_if_a_test_fails_or_never_ends():
    results = outcomes(PRINTED)
    assert len(results) == 4
    assert results["goldenpath.registry.roles.xǁRolesǁholder__mutmut_3"] == "killed"
    assert summary(results) == "4 changes, 2 noticed; 1 survived, 1 no tests"


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("goldenpath/evaluation/gate.py", "tests/evaluation/test_gate.py"),
        ("goldenpath/registry/roles.py", "tests/registry"),  # no file of its own
        ("goldenpath/volume.py", "tests/test_volume.py"),
        ("serving/guards.py", "tests/serving/test_guards.py"),
    ],
)
def test_the_mirror_of_a_module_are_its_mirror(module: str, tests: str):
    assert mirror_of(module) == [tests]


def test_a_module_without_a_mirror_does_not_get_all_tests():
    with pytest.raises(BadInput, match=r"no test file mirrors goldenpath/records\.py; name some"):
        mirror_of("goldenpath/records.py")


def test_the_copy_has_what_git_knows_and_nothing_else(tmp_path: Path):
    names = copy_of_checkout(tmp_path)
    assert {"goldenpath", "tests", "settings.ini"} <= {*names}
    assert ".venv" not in names
    assert (tmp_path / "goldenpath" / "volume.py").read_bytes() == (
        PROJECT / "goldenpath" / "volume.py"
    ).read_bytes()
    assert "    goldenpath/volume.py\n" in configuration("goldenpath/volume.py", ["tests"], names)


def test_the_lock_agrees_with_the_packages_that_it_shares_a_process_with():
    pins = [
        dict(re.findall(r"(?m)^([a-z][\w.-]*)==(\S+)", lock.read_text()))
        for lock in (LOCK, PROJECT / "requirements.lock")
    ]
    shared = pins[0].keys() & pins[1].keys()
    assert {"pytest", "click"} <= shared
    assert [name for name in shared if pins[0][name] != pins[1][name]] == []


@pytest.mark.slow(seconds=30)
def test_changes_of_a_small_module_are_noticed_by_its_own_tests():
    words = ["goldenpath/text/plain.py", "--only", "*one_line*"]
    command = [sys.executable, "-m", "benchmarks.mutants", *words]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    counts = re.search(r"(\d+) changes, (\d+) noticed", done.stdout)
    assert counts
    assert int(counts[1]) >= int(counts[2]) > int(counts[1]) / 2
