"""The newest Python that `make` takes: the golden path and the server, under the packages of the lock."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from goldenpath.measure.environments import isolated_python
from tests.helpers.project import PROJECT
from tests.helpers.pythons import find_python
from tests.helpers.requirements import needs

FILES = (
    "steps/test_golden_path.py",
    "registry/test_hostile_artifacts.py",
    "serving/test_pinned.py",
    "cluster/test_submit.py",
)


def locked_environment(python: Path) -> Path:  # its python
    "Return what `make` would install for this Python."
    lock = PROJECT / "requirements.lock"
    name = f"python-3.14-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    wheels = ("--only-binary", ":all:", "--no-binary", "kfp-server-api")
    return isolated_python(name, "--require-hashes", *wheels, "-r", str(lock), python=str(python))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_golden_path_and_the_server_work_under_python_3_14():
    python = find_python("3.14")
    needs("py314", python is not None, "there is no Python 3.14")
    command = [locked_environment(python), "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    files = [f"tests/{name}" for name in FILES]
    chosen = ["-m", "not slow", "-k", "not real_rows", *files]
    done = subprocess.run([*command, *chosen], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
