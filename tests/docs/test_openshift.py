"""The manifests: valid, rendered by kustomize, and in step with the code and with the pipelines."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.settings import KEYS, MOUNT, SERVICE_LINK, load_settings
from goldenpath.settings.rules import parse_listen
from serving.launcher import Draining, check_access
from serving.worker import make_app
from tests.helpers.manifests import (
    OPENSHIFT,
    OVERLAYS,
    PROJECT,
    assert_valid,
    compose,
    containers,
    one,
    pod_of,
    pods_of,
    rendered,
    variables,
    written,
)

WRITTEN = list(written())
FROM_STORAGE = "components/kserve-storage/"  # whose pods KServe puts together: test_openshift_storage.py
PODS = [
    (name, pod)
    for name, document in WRITTEN
    for pod in pods_of(document)
    if not name.startswith(FROM_STORAGE)
]
WRITERS = ("gp-workbench", "retraining", "models", "code", "ray-head", "ray-worker")
each_pod = pytest.mark.parametrize(("name", "pod"), PODS, ids=[name for name, _ in PODS])


def test_every_manifest_fits_its_published_schema():
    assert_valid(OPENSHIFT)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_renders_and_is_valid(overlay, tmp_path):
    found = rendered(f"overlays/{overlay}")
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(found))
    assert_valid(tmp_path)
    assert {document["metadata"]["namespace"] for document in found} in (
        {"goldenpath-dev"},
        {"goldenpath-prod"},
        {"redhat-ods-applications"},
    )


def test_the_claim_is_the_one_that_the_pipelines_mount():
    claim = one(
        tuple(d for _, d in WRITTEN if d["metadata"]["name"] == "goldenpath"), "PersistentVolumeClaim"
    )
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for file in sorted((PROJECT / "pipelines").glob("*.pipeline")):
        for node in read_pipeline(file).nodes:
            for volume in node.parameters["mounted_volumes"]:
                assert (volume["pvc_name"], volume["path"]) == (claim["metadata"]["name"], str(MOUNT))


def test_the_storage_class_stands_in_one_place():
    named = [name for name, document in WRITTEN if "storageClassName" in json.dumps(document)]
    assert named == ["base/volume.yaml"]


@each_pod
def test_the_volume_is_mounted_where_the_code_looks_for_it(name, pod):
    claims = {v["name"]: v["persistentVolumeClaim"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
    assert claims["goldenpath"]["claimName"] == "goldenpath"
    for container in containers(pod):
        (mount,) = [m for m in container["volumeMounts"] if m["mountPath"] == str(MOUNT)]
        writes = container["name"] in WRITERS
        assert mount["name"] == "goldenpath"
        assert mount.get("readOnly", False) != writes
        assert claims["goldenpath"].get("readOnly", False) is False  # else no mount of it could be written


@each_pod
def test_a_server_may_write_its_feedback_and_nothing_else_of_the_volume(name, pod):
    feedback = FeedbackFolder(MOUNT, "any").path.relative_to(MOUNT).parts[0]
    for container in containers(pod):
        mounts = [m for m in container["volumeMounts"] if m["name"] == "goldenpath"]
        parts = {m["mountPath"]: m["subPath"] for m in mounts if "subPath" in m}
        serves = container["name"] in ("serving", "kserve-container")
        assert parts == ({str(MOUNT / feedback): feedback} if serves else {})
        assert all(not mount.get("readOnly", False) for mount in mounts if "subPath" in mount)


@each_pod
def test_every_variable_of_ours_is_a_setting_with_an_allowed_value(name, pod):
    for container in containers(pod):
        ours = {key: value for key, value in variables(container).items() if key.startswith("GOLDENPATH_")}
        assert {key.removeprefix("GOLDENPATH_").lower() for key in ours} <= set(KEYS)
        load_settings(PROJECT / "settings.ini", ours)


@each_pod
def test_no_pod_of_ours_gets_the_variables_of_services(name, pod):
    assert pod["enableServiceLinks"] is False


def test_no_service_makes_a_variable_that_looks_like_a_setting():
    names = [document["metadata"]["name"] for _, document in WRITTEN]
    services = [
        d["metadata"]["name"] for _, d in WRITTEN if d["kind"] in ("Service", "Notebook", "InferenceService")
    ]
    assert services
    assert not [name for name in services if name.startswith("goldenpath")]
    assert SERVICE_LINK.fullmatch("SERVING_PORT")
    assert "goldenpath" in names  # the claim may be called so: claims make no variables


@each_pod
def test_every_container_of_ours_runs_under_restricted_v2(name, pod):
    for container in containers(pod):
        context = {**pod.get("securityContext", {}), **container["securityContext"]}
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "runAsUser" not in context
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        if "workbench" not in name:  # where people install packages
            assert context["readOnlyRootFilesystem"] is True
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]
            assert pod["automountServiceAccountToken"] is False


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> set[str]:
    "Return the addresses of the real application."
    environ = {"GOLDENPATH_HOME": str(tmp_path_factory.mktemp("home"))}
    settings = load_settings(PROJECT / "settings.ini", environ)
    return {str(rule) for rule in make_app(settings, Draining()).url_map.iter_rules()}


def server_of(name: str) -> dict[str, Any]:
    "Return the server's container in a component."
    return next(pod for file, pod in PODS if file.startswith(f"components/{name}/"))["containers"][0]


def test_probes_ask_for_addresses_of_the_server_on_the_port_that_it_listens_on(routes):
    server = server_of("serving")
    listen = parse_listen(variables(server)["GOLDENPATH_LISTEN"])
    named = {entry["name"]: entry["containerPort"] for entry in server["ports"]}
    assert listen.host == "0.0.0.0"
    assert list(named.values()) == [listen.port]
    probes = {kind: server[kind]["httpGet"] for kind in server if kind.endswith("Probe")}
    assert {probe["path"] for probe in probes.values()} <= routes
    assert probes["readinessProbe"]["path"] == "/health/ready"
    assert probes["livenessProbe"]["path"] == "/health/live"
    assert {named.get(probe["port"], probe["port"]) for probe in probes.values()} == {listen.port}


def test_under_kserve_only_the_proxy_in_the_pod_reaches_the_server():
    "It needs no token on loopback; `behind_login` would open it to whatever can reach the pod."
    server = server_of("kserve")
    settings = load_settings(PROJECT / "settings.ini", variables(server))
    assert (settings.listen.host, settings.behind_login) == ("127.0.0.1", False)
    check_access(settings, settings.listen.host)
    # the platform's proxy asks this port on localhost
    assert [entry["containerPort"] for entry in server["ports"]] == [settings.listen.port]


@pytest.mark.parametrize(("kind", "path"), [("livenessProbe", "live"), ("readinessProbe", "ready")])
def test_under_kserve_the_probes_are_commands_that_tell_a_good_answer_from_a_bad_one(kind, path, routes):
    server = server_of("kserve")
    python, flag, code, url = server[kind]["exec"]["command"]
    address, _, asked = url.removeprefix("http://").partition("/")
    assert (python, address) == ("python", variables(server)["GOLDENPATH_LISTEN"])
    assert f"/{asked}" == f"/health/{path}"
    assert f"/{asked}" in routes
    with answering(200) as good, answering(503) as bad:
        exits = [
            subprocess.run([sys.executable, flag, code, f"{here}/{asked}"]).returncode for here in (good, bad)
        ]
    assert exits == [0, 1]


@contextlib.contextmanager
def answering(status: int) -> Iterator[str]:
    "Yield the address of a server that answers everything with this status."

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_pod_has_time_to_drain_and_to_finish():
    deployment = next(d for _, d in WRITTEN if d["kind"] == "Deployment")
    pod = pod_of(deployment)
    settings = load_settings(PROJECT / "settings.ini", variables(pod["containers"][0]))
    assert settings.drain_seconds > 0
    assert pod["terminationGracePeriodSeconds"] >= settings.drain_seconds + settings.grace_seconds + 10


def test_route_service_and_deployment_meet():
    found = tuple(d for name, d in WRITTEN if name.startswith("components/serving/"))
    route, service, deployment = (one(found, kind) for kind in ("Route", "Service", "Deployment"))
    port = service["spec"]["ports"][0]
    assert route["spec"]["to"]["name"] == service["metadata"]["name"]
    assert route["spec"]["port"]["targetPort"] == port["name"]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert port["targetPort"] in [p["name"] for p in pod_of(deployment)["containers"][0]["ports"]]


def test_the_service_monitor_asks_the_service_for_its_metrics(routes, tmp_path):
    found = tuple(yaml.safe_load_all(compose(tmp_path, ["serving", "monitoring"]).stdout))
    monitor, service = one(found, "ServiceMonitor"), one(found, "Service")
    endpoint = monitor["spec"]["endpoints"][0]
    assert endpoint["path"] in routes
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_tokens_are_read_where_the_secret_is_mounted():
    pod = pod_of(one(rendered("overlays/prod"), "Deployment"))
    serving = pod["containers"][0]
    mount = next(m for m in serving["volumeMounts"] if m["name"] == "tokens")
    assert Path(variables(serving)["GOLDENPATH_TOKENS_FILE"]).parent == Path(mount["mountPath"])


def test_the_init_container_asks_the_server_itself():
    pod = pod_of(next(d for _, d in WRITTEN if d["kind"] == "Deployment"))
    (check,) = pod["initContainers"]
    done = subprocess.run(
        [sys.executable, "-m", "serving", "--help"], cwd=PROJECT, capture_output=True, text=True
    )
    assert check["args"] == ["--check"]
    assert "--check" in done.stdout


def test_prod_has_no_workbench_and_no_training():
    kinds = {document["kind"] for document in rendered("overlays/prod")}
    assert kinds.isdisjoint({"Notebook", "CronJob", "DataSciencePipelinesApplication", "BuildConfig"})
    assert {"NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Route"} <= kinds


def test_one_command_of_models_is_a_patch_of_the_job():
    command = ["promote", "1.0.0-x", "--why", "looked at the report"]
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": command}]
    job = one(rendered("overlays/prod/models"), "Job")
    done = subprocess.run(
        ["kubectl", "patch", "--local", "-f", "-", "--type=json", "-p", json.dumps(patch), "-o", "yaml"],
        input=yaml.safe_dump(job),
        capture_output=True,
        text=True,
        check=True,
    )
    container = pod_of(yaml.safe_load(done.stdout))["containers"][0]
    assert [*container["command"], *container["args"]] == ["python", "-m", "goldenpath", "models", *command]


# Images


def test_the_containerfiles_are_clean():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    files = [str(PROJECT / folder / "Containerfile") for folder in ("serving", "runtime-images")]
    done = subprocess.run([str(hadolint), *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_images_that_are_built_are_those_that_are_run_and_offered():
    parts = [d for name, d in WRITTEN if name == "components/images/images.yaml"]
    built = [d["spec"] for d in parts if d["kind"] == "BuildConfig"]
    streams = {d["metadata"]["name"] for d in parts if d["kind"] == "ImageStream"}
    assert {spec["output"]["to"]["name"].partition(":")[0] for spec in built} == streams
    for spec in built:
        assert (PROJECT / spec["strategy"]["dockerStrategy"]["dockerfilePath"]).is_file()
    offered = json.loads((PROJECT / "runtime-images" / "goldenpath.json").read_text())
    stream = one(rendered("overlays/applications"), "ImageStream")
    (tag,) = stream["spec"]["tags"]
    (definition,) = json.loads(tag["annotations"]["opendatahub.io/runtime-image-metadata"])
    assert offered["metadata"]["image_name"] == tag["from"]["name"]
    assert f"goldenpath-runtime:{tag['name']}" in {spec["output"]["to"]["name"] for spec in built}
    assert definition["display_name"] == offered["display_name"]
    assert "image_name" not in definition["metadata"]


def test_a_build_starts_only_when_somebody_names_its_commit():
    built = [d for _, d in WRITTEN if d["kind"] == "BuildConfig"]
    assert [d["metadata"]["name"] for d in built if d["spec"].get("triggers")] == []


def test_what_is_offered_in_the_editor_has_elyras_form():
    definitions = sorted((PROJECT / "runtime-images").glob("*.json"))
    assert [file.stem for file in definitions] == ["goldenpath", "stock"]
    for file in definitions:
        told = json.loads(file.read_text())
        assert told["schema_name"] == "runtime-image"
        assert re.fullmatch(r"[^/\s]+/[^/\s]+/[^/\s:]+:[\w.-]+", told["metadata"]["image_name"])


def test_the_workbench_offers_the_projects_images():
    notebook = next(pod for name, pod in PODS if "workbench" in name)["containers"][0]
    path = Path(variables(notebook)["ELYRA_METADATA_PATH"])
    home = next(m["mountPath"] for m in notebook["volumeMounts"] if m["name"] == "home")
    assert path.relative_to(home) == Path("goldenpath/lab")
    assert (PROJECT / "lab" / "metadata" / "runtime-images" / "goldenpath.json").is_file()


def pins(file: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", file.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_servers_lock_is_a_part_of_the_lock():
    all_pins, serving = pins(PROJECT / "requirements.lock"), pins(PROJECT / "serving" / "requirements.lock")
    assert {name for name, versions in serving.items() if not versions <= all_pins.get(name, set())} == set()
    assert serving.keys() >= {"flask", "granian", "onnxruntime", "scikit-learn", "skops"}
    assert serving.keys().isdisjoint(
        {"jupyterlab", "odh-elyra", "nbdev", "papermill", "matplotlib", "pyarrow"}
    )


def test_the_runtime_images_lock_changes_nothing_that_the_stock_image_has():
    stock = pins(PROJECT / "runtime-images" / "stock-runtime-3.6-py312.txt")
    added = pins(PROJECT / "runtime-images" / "requirements.lock")
    assert {name for name, versions in added.items() if name in stock and versions != stock[name]} == set()
    assert "onnxruntime" in added.keys() - stock.keys()
