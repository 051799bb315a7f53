"""The server's image under restricted-v2: unknown user, group 0, and few places that it may write."""

import hashlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.feedback.counts import read_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.schema import golden
from tests.helpers.manifests import pod_of, variables, written
from tests.helpers.patience import LONG, wait_until
from tests.helpers.restricted_pod import UID, can_restrict, lay_image, pod
from tests.helpers.serving_fixtures import MODEL, promote, publish
from tests.helpers.serving_program import Program, free_address, wait_for

RECORD = golden.pool(CONTRACT.spec, 5, 1).records[-1]
DEPLOYMENT = pod_of(next(d for _, d in written() if d["kind"] == "Deployment"))
JOB = pod_of(next(d for _, d in written() if d["kind"] == "Job"))["containers"][0]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    can_restrict()
    return lay_image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    "Return a volume with a champion, as pods of group 0 leave it."
    home = tmp_path_factory.mktemp("volume")
    home.chmod(0o775)
    promote(home, publish(home, seed=1))
    return home


def environ(listen: str = "") -> dict[str, str]:
    "Of the image and of the manifest; no HOME."
    image = {"PATH": "/opt/goldenpath/venv/bin:/usr/bin:/bin:/sbin:/usr/sbin", "PYTHONDONTWRITEBYTECODE": "1"}
    ours = image | variables(DEPLOYMENT["containers"][0])
    return ours | ({"GOLDENPATH_LISTEN": listen} if listen else {})


def once(image: Path, volume: Path, stage: Path, *command: str, writable: bool = False):
    "Run one command in a pod to its end."
    return subprocess.run(
        pod(image, volume, stage, *command, writable=writable),
        env=environ(),
        capture_output=True,
        text=True,
        timeout=LONG,
    )


@pytest.fixture
def server(image, volume, tmp_path):
    listen = free_address()
    with (tmp_path / "log").open("wb") as log:
        command = pod(image, volume, tmp_path / "stage", "python", "-m", "serving")
        process = subprocess.Popen(command, env=environ(listen), stdout=log, stderr=log)
        program = Program(process, listen, tmp_path / "log")
        try:
            wait_for(program, 200)
            yield program
        finally:
            if process.poll() is None:
                process.terminate()
                time.sleep(0.2)
                process.terminate()  # the second one does not wait for it to drain
            process.wait(LONG)


def fingerprint(folder: Path) -> dict[str, str]:
    "Return the hash of each file outside feedback/."
    files = (path for path in folder.rglob("*") if path.is_file() and "feedback" not in path.parts)
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_image_holds_the_server_and_nothing_of_training(image):
    assert sorted(path.name for path in image.iterdir()) == ["goldenpath", "serving", "settings.ini", "venv"]
    assert not (image / "goldenpath" / "steps").exists()
    packages = {path.name for path in next(image.glob("venv/lib/python3*/site-packages")).iterdir()}
    assert packages.isdisjoint({"matplotlib", "papermill", "jupyterlab", "elyra", "nbdev", "pyarrow", "pip"})


def test_the_init_container_lets_the_server_start_when_a_champion_can_answer(image, volume, tmp_path):
    done = once(
        image, volume, tmp_path / "stage", "python", "-m", "serving", *DEPLOYMENT["initContainers"][0]["args"]
    )
    assert done.returncode == 0, done.stderr
    assert "can answer, by the fast path" in done.stdout


def test_the_init_container_says_what_to_do_when_there_is_no_champion(image, tmp_path):
    (tmp_path / "empty").mkdir()
    done = once(image, tmp_path / "empty", tmp_path / "stage", "python", "-m", "serving", "--check")
    assert done.returncode == 1
    assert "goldenpath models promote" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_server_answers_as_an_unknown_user_with_group_0_and_no_rights(server):
    status = Path(f"/proc/{server.workers()[0]}/status").read_text()
    told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert set(told["Uid"].split()) == {str(UID)}
    assert set(told["Gid"].split()) == {"0"}
    assert int(told["CapEff"], 16) == 0
    assert told["NoNewPrivs"].strip() == "1"
    answer = server.post("/predict", RECORD)
    assert answer.status == 200, answer.body
    assert answer.json()["version"].startswith("1.0.0-")
    assert server.get("/model").json()["path"] == "onnx"
    assert server.get("/").status == 200
    assert server.get("/metrics").status == 200


def test_of_the_volume_only_feedback_can_be_written(image, volume, tmp_path):
    closed = [
        "/opt/goldenpath/x",
        "/mnt/goldenpath/x",
        "/mnt/goldenpath/models/x",
        "/var/x",
        "/home/x",
        "/etc/x",
    ]
    opened = ["/mnt/goldenpath/feedback/x", "/tmp/x", "/dev/shm/x"]
    places = [*closed, *opened]
    code = f"""
import json
written = []
for place in {places}:
    try:
        open(place, "w").close()
        written.append(place)
    except OSError:
        pass
print(json.dumps(written))"""
    before = fingerprint(volume)
    done = once(image, volume, tmp_path / "stage", "python", "-c", code)
    assert json.loads(done.stdout) == opened
    Path("/dev/shm/x").unlink()
    (volume / "feedback" / "x").unlink()
    assert fingerprint(volume) == before


def test_a_promotion_on_the_volume_is_followed_by_a_server_that_may_only_read(server, volume):
    version = publish(volume, seed=2)
    promote(volume, version)
    wait_until(lambda: server.post("/predict", RECORD).json()["version"] == version)


def test_the_hands_in_a_namespace_without_a_workbench_can_change_roles(image, volume, tmp_path):
    versions = sorted(path.name for path in (volume / "models" / "covid-death" / "versions").iterdir())
    command = [*JOB["command"], "promote", versions[0], "--why", "looked at the report"]
    done = once(image, volume, tmp_path / "stage", *command, writable=True)
    assert done.returncode == 0, done.stderr
    listed = once(image, volume, tmp_path / "stage", *JOB["command"], *JOB["args"])
    assert "champion" in listed.stdout


def test_sigterm_drains_first_leaves_its_counts_and_ends_within_the_grace_period(server, volume):
    settings = variables(DEPLOYMENT["containers"][0])
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    wait_for(server, 503)
    assert server.post("/predict", RECORD).status == 200  # while it drains it still answers
    assert server.process.wait(DEPLOYMENT["terminationGracePeriodSeconds"]) == 0
    assert time.monotonic() - began >= float(settings["GOLDENPATH_DRAIN_SECONDS"]) - 0.5
    counts = read_counts(FeedbackFolder(volume, MODEL))
    assert counts.problems == ()
    assert sum(one.answers for one in counts.counts) >= 1
    files = [path for path in (volume / "feedback").rglob("*.json") if path.is_file()]
    assert {path.stat().st_uid for path in files} == {UID}
