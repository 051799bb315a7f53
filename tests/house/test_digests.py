"""Images are pinned by digest, looked up by skopeo in a registry on loopback, or named as not pinned."""

import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.cluster.pipeline_file import read_pipeline
from tests.helpers.manifests import rendered
from tests.helpers.project import PROJECT
from tests.helpers.requirements import needs

IMAGES = runpy.run_path(str(PROJECT / "openshift" / "digests.py"))["read_table"]()
DIGEST = f"sha256:{'ab' * 32}"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
).encode()
OCI = "application/vnd.oci.image"


def manifest_of(image: str) -> bytes:
    "Return a manifest of no layers, another one for each image."
    config = {"mediaType": f"{OCI}.config.v1+json", "digest": sha256(CONFIG), "size": len(CONFIG)}
    content = {"schemaVersion": 2, "config": config, "layers": [], "annotations": {"name": image}}
    return json.dumps(content | {"mediaType": f"{OCI}.manifest.v1+json"}).encode()


def index_of(image: str) -> bytes:
    "Return what a tag names: an index of the image for two architectures."
    manifest = manifest_of(image)
    entry = {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(manifest), "size": len(manifest)}
    platforms = [{"architecture": name, "os": "linux"} for name in ("amd64", "arm64")]
    entries = [entry | {"platform": platform} for platform in platforms]
    return json.dumps(
        {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": entries}
    ).encode()


class Registry(BaseHTTPRequestHandler):
    "As much of the registry's API as a look at an image takes."

    def do_GET(self) -> None:
        place = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/(.+)", self.path)
        if self.path == "/v2/":
            return self.answer(b"{}", "application/json")
        if not place or "absent" in place[1]:
            return self.answer(b"{}", "application/json", 404)
        if place[2] == "blobs":
            return self.answer(CONFIG, "application/octet-stream")
        if place[3].startswith("sha256:"):
            return self.answer(manifest_of(place[1]), f"{OCI}.manifest.v1+json")
        return self.answer(index_of(place[1]), f"{OCI}.index.v1+json")

    do_HEAD = do_GET

    def answer(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    "Yield a home folder whose containers configuration leads every registry to the one on loopback."
    needs("skopeo", shutil.which("skopeo") is not None, "there is no skopeo (apt-get install skopeo)")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = tmp_path_factory.mktemp("home")
    place = f"127.0.0.1:{server.server_port}"
    lines = [
        f'[[registry]]\nprefix = "{name}"\nlocation = "{place}"\ninsecure = true\n'
        for name in {image.name.partition("/")[0] for image in IMAGES}
    ]
    (home / ".config" / "containers").mkdir(parents=True)
    (home / ".config" / "containers" / "registries.conf").write_text("\n".join(lines))
    yield home
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    "Return a copy of every file that names an image."
    for name in ("openshift", "pipelines", "runtime-images"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    (tmp_path / "serving").mkdir()
    shutil.copy(PROJECT / "serving" / "Containerfile", tmp_path / "serving")
    return tmp_path


def digests(project: Path, *words: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "openshift" / "digests.py"), *words]
    environ = {**os.environ, **({"HOME": str(home)} if home else {})}
    return subprocess.run(command, env=environ, capture_output=True, text=True)


def references(project: Path) -> str:
    "Return the text of every file in which an image is pinned."
    files = [
        *project.glob("*/Containerfile"),
        *project.glob("*/*.json"),
        *project.glob("pipelines/*.pipeline"),
    ]
    files += project.glob("openshift/components/*/*.yaml")
    return "\n".join(file.read_text() for file in files)


def test_every_base_image_is_in_the_table_with_the_tag_or_digest_that_the_files_name():
    named = re.findall(r"\b(?:ubi9|opendatahub)/[\w-]+(?::[\w.-]+|@\w+:\w+)", references(PROJECT))
    assert {*named} == {image.reference for image in IMAGES}


def test_the_list_names_what_is_not_pinned_and_fails(project):
    done = digests(project)
    assert done.returncode == (0 if all(image.pinned for image in IMAGES) else 1)
    for image in IMAGES:
        assert f"{image.name} {image.tag}: {image.digest if image.pinned else 'not pinned'}" in done.stdout
    assert "openshift/overlays/prod goldenpath-serving" in done.stdout


def test_all_files_get_the_digest_of_the_index_and_can_be_renewed(project, registry):
    for _ in range(2):
        done = digests(project, "--renew", home=registry)
        assert done.returncode == 0, done.stderr
    text = references(project)
    for image in IMAGES:
        pinned = f"{image.path}@{sha256(index_of(image.path))}"
        assert pinned in text
        assert f"{image.name} {image.tag}: {sha256(index_of(image.path))}" in done.stdout
        assert f"{image.path}:" not in text


def test_pipelines_with_pinned_images_are_sound_and_offered_in_the_editor(project, registry):
    digests(project, "--renew", home=registry)
    shutil.copytree(PROJECT / "notebooks", project / "notebooks", symlinks=True)
    shutil.copytree(PROJECT / "goldenpath", project / "goldenpath")
    offered = {
        json.loads(file.read_text())["metadata"]["image_name"]
        for file in (project / "runtime-images").glob("*.json")
    }
    for file in (project / "pipelines").glob("*.pipeline"):
        assert [trap for trap in check_pipeline(file) if trap.kind == "image"] == []
        used = {node.parameters.get("runtime_image") for node in read_pipeline(file).nodes}
        assert used <= offered


def test_a_tag_that_cannot_be_looked_up_changes_nothing(project, registry):
    table = project / "openshift" / "base-images.txt"
    table.write_text(table.read_text() + "quay.io/absent/image 1 -\n")
    before = references(project), table.read_text()
    done = digests(project, "--renew", home=registry)
    assert done.returncode == 1
    assert done.stderr.startswith("cannot look up quay.io/absent/image:1: ")
    assert (references(project), table.read_text()) == before


def test_without_skopeo_the_way_to_get_it_is_named(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    done = digests(project, "--renew")
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "skopeo is not installed: `dnf install skopeo` or `apt-get install skopeo`",
    )


def test_the_servers_image_in_prod_is_pinned_once_for_all_pods(project):
    for digest in (DIGEST, DIGEST.replace("ab", "cd")):
        assert digests(project, "--prod", digest).returncode == 0
        for overlay in ("prod", "prod/models"):
            images = set(re.findall(r"image: (\S*goldenpath-serving\S*)", render(project, overlay)))
            assert [image.partition("goldenpath-serving")[2] for image in images] == [f"@{digest}"]


def render(project: Path, overlay: str) -> str:
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl here")
    command = ["kubectl", "kustomize", str(project / "openshift" / "overlays" / overlay)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_is_not_a_digest_is_refused(project):
    done = digests(project, "--prod", "1.0")
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "a digest is sha256: and 64 hexadecimal digits, got '1.0'",
    )


def test_prod_names_no_tag_that_a_build_in_dev_could_move():
    images = {
        container["image"].rpartition("goldenpath-serving")[2]
        for document in (*rendered("overlays/prod"), *rendered("overlays/prod/models"))
        if document["kind"] in ("Deployment", "Job")
        for container in document["spec"]["template"]["spec"]["containers"]
    }
    assert len(images) == 1
    assert re.fullmatch(r"@sha256:[0-9a-f]{64}|:not-pinned-yet", images.pop())
