"""The retraining job runs the one commit that its manifest names, looks first, and writes to its volumes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.registry.registry import Registry
from tests.helpers.broken_promises import break_promise
from tests.helpers.manifests import documents, one, pod_of
from tests.helpers.project import PROJECT
from tests.helpers.restricted_pod import UID, can_restrict, pod
from tests.helpers.trained_run import judged, published

JOB = one(tuple(documents(PROJECT / "openshift/components/retraining/retraining.yaml")), "CronJob")
CONTAINER = pod_of(JOB)["containers"][0]
COMMAND = [*CONTAINER["command"], *CONTAINER["args"]]
GIT = {  # nothing of the person who runs the tests
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "ada"),
    **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ada@example.org"),
}
SMALL = {
    "GOLDENPATH_SOURCE": "synthetic",
    "GOLDENPATH_SYNTHETIC_ROWS": "4000",
    "GOLDENPATH_GROWTH_SECONDS": "0",
    "GOLDENPATH_BOOTSTRAP": "20",
    "GOLDENPATH_CANDIDATES": "linear",
    "GOLDENPATH_GATE_FLOORS": "roc_auc>=0.5",
    "GOLDENPATH_GATE_WORSE": "0.3",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=os.environ | GIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path) -> str:  # its 40 digits
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a state")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    "Return a repository whose branch has moved on from the first commit; each prints what it is."
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "goldenpath").mkdir()
    (folder / "goldenpath" / "__init__.py").touch()
    commits = []
    for name in ("reviewed", "pushed"):
        (folder / "goldenpath" / "__main__.py").write_text(f"print('{name}')\n")
        commits.append(commit(folder))
    return folder, commits


def retrain(repository: Path, pinned: str, folder: Path) -> subprocess.CompletedProcess[str]:
    "Return the container's own command, with the `python` of this environment."
    environ = (
        os.environ | GIT | {"GIT_URL": f"file://{repository}", "GIT_COMMIT": pinned, "HOME": str(folder)}
    )
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(COMMAND, cwd=folder, env=environ, capture_output=True, text=True)


def test_the_pinned_commit_runs_though_the_branch_has_moved(repository, tmp_path):
    folder, (reviewed, _) = repository
    done = retrain(folder, reviewed, tmp_path)
    assert (done.returncode, done.stdout) == (0, "reviewed\n"), done.stderr
    assert git(tmp_path / "goldenpath", "rev-parse", "HEAD") == reviewed


@pytest.mark.parametrize("pinned", ["", "main", "HEAD", "--upload-pack=touch x", "deadbeef", "A" * 40])
def test_what_is_not_a_whole_commit_is_refused_before_anything_is_fetched(repository, pinned, tmp_path):
    done = retrain(repository[0], pinned, tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"GIT_COMMIT must be the 40 digits of a commit, got '{pinned}'\n"
    assert list(tmp_path.iterdir()) == []


def test_a_commit_that_the_repository_lacks_ends_it(repository, tmp_path):
    done = retrain(repository[0], "0" * 39 + "1", tmp_path)
    assert done.returncode not in (0, 2)
    assert done.stdout == ""


def test_the_manifest_pins_nothing_that_nobody_has_chosen():
    variables = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
    assert variables["GIT_COMMIT"] == ""


@pytest.mark.slow(seconds=50)
def test_it_looks_trains_and_publishes_with_a_read_only_root_as_an_unknown_user(tmp_path):
    can_restrict()
    if Path(sys.prefix).is_relative_to("/tmp"):
        pytest.skip("the pod's own /tmp hides an environment below /tmp")
    volume = tmp_path / "volume"
    run, _ = judged(volume)
    worthless = published(volume, run)
    break_promise(volume, "covid-death", CONTRACT, worthless)
    source = volume / "source"
    shutil.copytree(PROJECT, source, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".git", "volume"))
    git(source, "init", "--quiet", "--initial-branch=main")
    pinned = commit(source)
    subprocess.run(["chown", "-R", f"{UID}:0", str(volume)], check=True)
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "venv").symlink_to(sys.prefix)
    pin = {"GIT_URL": "file:///mnt/goldenpath/source", "GIT_COMMIT": pinned}
    # /tmp stands in for /project, which is a volume as well
    own = {"HOME": "/tmp", "PATH": f"{sys.prefix}/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    manifest = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
    command = pod(
        tmp_path / "image", volume, tmp_path / "stage", "env", "-C", "/tmp", *COMMAND, writable=True
    )
    environ = manifest | GIT | SMALL | pin | own
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "training: " in done.stderr
    registry = Registry(volume, "covid-death")
    assert registry.roles().champion == worthless  # promoting is for a person
    (version,) = set(registry.versions()) - {worthless}
    assert registry.manifest(version).git_commit == pinned
    again = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "no training is due: not yet: the last training began at" in again.stderr
    assert len(registry.versions()) == 2
