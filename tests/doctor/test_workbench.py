"""The doctor in a workbench: each thing that is wrong is named with its way out."""

import json
import shutil
from pathlib import Path

import pytest

from goldenpath.cluster.submit import Runtime
from goldenpath.doctor.workbench import (
    check_images,
    check_library,
    check_link,
    check_pipeline_server,
    check_tags,
    judge_store,
    judge_volume,
    remembers,
)
from goldenpath.measure.machine import Mount, read_mounts
from goldenpath.settings import load_settings
from tests.cluster.test_submit import configure, runtimes  # noqa: F401  (a fixture)
from tests.helpers.fake_kubeflow import kubeflow
from tests.helpers.project import PROJECT
from tests.helpers.small_project import make_project

NFS = Mount(Path("/mnt/goldenpath"), "nfs4", "rw,vers=4.1,hard,actimeo=1")
ROOT = Mount(Path("/"), "overlay", "rw")
HOME = Path("/mnt/goldenpath")


@pytest.fixture
def settings(tmp_path):
    return load_settings(
        make_project(tmp_path / "project") / "settings.ini", {"GOLDENPATH_HOME": str(tmp_path)}
    )


def only(findings):
    (found,) = findings
    return found


def test_a_shared_volume_that_is_seen_soon_is_good():
    found = only(judge_volume(HOME, [ROOT, NFS], workbench=True))
    assert (found.what, found.status, found.detail) == ("shared volume", "good", "/mnt/goldenpath, nfs4")


def test_in_a_workbench_a_home_that_nobody_else_sees_is_bad():
    found = only(judge_volume(Path("/opt/app-root/src/volume"), [ROOT], workbench=True))
    assert found.status == "bad"
    assert "pipeline pods and servers do not see it" in found.detail
    assert "mount the claim `goldenpath`" in found.remedy


def test_on_a_laptop_nobody_asks_for_a_shared_volume():
    assert list(judge_volume(Path("/home/ada/volume"), [ROOT], workbench=False)) == []


def test_a_network_mount_that_home_does_not_use_is_named():
    other = Mount(Path("/mnt/data"), "ceph", "rw")
    found = list(judge_volume(HOME, [ROOT, NFS, other], workbench=True))[-1]
    assert (found.what, found.status) == ("other mount", "note")
    assert "home = /mnt/data" in found.remedy


@pytest.mark.parametrize(
    ("kind", "options", "seconds"),
    [
        ("nfs4", "rw,hard", 60),
        ("nfs4", "rw,actimeo=1", 1),
        ("nfs", "rw,acdirmin=1,acdirmax=3", 3),
        ("nfs4", "rw,noac", 0),
        ("ceph", "rw", 0),
    ],
)
def test_how_late_a_promotion_is_seen_follows_from_the_mount_options(kind, options, seconds):
    assert remembers(Mount(HOME, kind, options)) == seconds


def test_a_mount_that_remembers_names_for_long_is_worth_a_note():
    found = only(judge_volume(HOME, [NFS._replace(options="rw,hard")], workbench=True))
    assert found.status == "note"
    assert "up to 60 s" in found.detail
    assert "actimeo=1" in found.remedy


def test_smb_is_bad_because_its_renames_are_not_atomic():
    found = only(judge_volume(HOME, [NFS._replace(kind="cifs")], workbench=True))
    assert found.status == "bad"
    assert "renames are not atomic" in found.detail


def test_a_volume_that_everybody_may_write_to_is_not_trusted(tmp_path):
    tmp_path.chmod(0o777)
    found = only(judge_volume(tmp_path, [NFS._replace(place=tmp_path)], workbench=True))
    assert found.status == "bad"
    assert f"chmod o-w {tmp_path}" in found.remedy


def test_mountinfo_is_read_with_its_options(tmp_path):
    line = (
        "612 587 0:88 / /mnt/my\\040volume rw,relatime shared:9 - nfs4 server:/export rw,vers=4.1,actimeo=1\n"
    )
    (tmp_path / "mountinfo").write_text(f"{line}not a mount\n")
    found = only(read_mounts(tmp_path / "mountinfo"))
    assert found == Mount(Path("/mnt/my volume"), "nfs4", "rw,vers=4.1,actimeo=1")
    assert read_mounts(tmp_path / "absent") == []
    assert read_mounts()


def test_a_workbench_without_a_pipeline_server_is_told_the_order(settings, runtimes, monkeypatch):  # noqa: F811
    assert list(check_pipeline_server(settings)) == []
    monkeypatch.setenv("NB_PREFIX", "/notebook/team/wb")
    found = only(check_pipeline_server(settings))
    assert found.status == "bad"
    assert found.remedy == "create the pipeline server, then stop and start this workbench"


def test_the_pipeline_server_and_its_store_are_found(settings, runtimes):  # noqa: F811
    with kubeflow("RUNNING") as store:
        configure(runtimes, "https://ds-pipeline.example.org", cos_endpoint=store.url)
        server, s3 = check_pipeline_server(settings)
    assert (server.status, s3.status) == ("good", "good")


def test_a_store_that_takes_no_connection_is_bad():
    with kubeflow("RUNNING") as gone:
        address = gone.url
    found = judge_store(Runtime(name="r", api="", auth="", store=address))
    assert found.status == "bad"
    assert f"{address} takes no connection" in found.detail
    assert judge_store(Runtime(name="r", api="", auth="", store="")).status == "bad"


def test_an_image_that_no_definition_knows_is_worth_a_note(settings, runtimes):  # noqa: F811
    found = only(check_images(settings))
    assert found.status == "note"
    assert "which no definition here knows" in found.detail
    images = PROJECT / "runtime-images"
    shutil.copytree(images, settings.folder / "runtime-images")
    assert only(check_images(settings)).status == "good"


def test_a_library_that_is_not_the_one_that_travels_is_named(settings):
    found = only(check_library(settings))
    assert found.what == "library"
    assert found.status == "bad"
    assert "python -m goldenpath" in found.remedy


def test_a_step_that_lost_its_tag_is_named_with_the_way_back(settings):
    assert only(check_tags(settings)).status == "good"
    file = settings.folder / "notebooks" / "05_train.ipynb"
    notebook = json.loads(file.read_text())
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    file.write_text(json.dumps(notebook))
    found = only(check_tags(settings))
    assert found.status == "bad"
    assert "05_train.ipynb" in found.detail
    assert "git checkout notebooks/05_train.ipynb" in found.remedy


def test_in_a_workbench_the_link_that_lets_jupyterlab_open_reports_is_looked_for(
    settings, tmp_path, monkeypatch
):
    assert list(check_link(settings)) == []
    monkeypatch.setenv("NB_PREFIX", "/notebook/team/wb")
    missing = only(check_link(settings))
    assert missing.status == "note"
    assert missing.remedy == f"ln -s {tmp_path} {settings.folder / 'volume'}"
    (settings.folder / "volume").symlink_to(tmp_path)
    assert only(check_link(settings)).status == "good"
