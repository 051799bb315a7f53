"""What the server says of itself: its model, its contract, its health, what it has counted."""

from typing import Any, Literal

from flask import Blueprint, Response, g
from pydantic import ConfigDict, RootModel

from goldenpath.errors import NoModel
from goldenpath.predict import Predictor
from goldenpath.registry.manifest import Manifest
from serving.http import JsonReply, Operation, described, reply, reply_as_is
from serving.models import Live
from serving.state import State, state
from serving.watchers.metrics import Figures

about_routes = Blueprint("about", __name__)
metrics_routes = Blueprint("metrics", __name__)
figures_routes = Blueprint("figures", __name__)


class ModelReply(JsonReply):
    "The champion in the words of its manifest, and who else is loaded."

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"required": ["id", "model", "version", "threshold"]}
    )

    model: str
    version: str
    model_version: str
    created: str
    synthetic: bool
    threshold: float | None
    threshold_rule: str
    metrics: dict[str, float]
    contract_hash: str
    training_seconds: float | None
    seconds: dict[str, float]  # of every phase of its training
    rows: Any
    path: str  # which engine answers
    why: str  # why it is not the ONNX model
    roles: dict[str, Any]
    feedback: str  # what is kept of requests to it
    problems: list[str]


class JsonSchemaReply(RootModel[dict[str, Any]]):
    "A JSON Schema."


class AliveReply(JsonReply):
    "The process answers."

    live: Literal[True]


class ReadyReply(JsonReply):
    "Is there a model to answer with? A caller without a token learns nothing else."

    model_config = ConfigDict(json_schema_extra={"required": ["id", "ready"]})

    ready: bool
    version: str | None = None
    problems: tuple[str, ...] = ()


@about_routes.get("/model")
@described(Operation(ModelReply))
def model() -> Response:
    "Describe the champion and the other loaded versions: roles, metrics, threshold, contract, training time."
    worker = state()
    champion = champion_of(worker.live)
    return reply(describe_model(champion, worker))


@about_routes.get("/contract")
@described(Operation(JsonSchemaReply))
def record_schema() -> Response:
    "Return the JSON Schema of one record."
    return reply_as_is(state().contract.json_schema())


@about_routes.get("/health/live", endpoint="live")
@described(Operation(AliveReply))
def process_live() -> Response:
    "Report that the process is alive."
    return reply(AliveReply(live=True))


@about_routes.get("/health/ready", endpoint="ready")
@described(Operation(ReadyReply, reply_if_not_ready=True))
def model_loaded() -> Response:
    "Report whether a model is loaded, and the server is not about to stop."
    live, draining = state().live, state().draining()
    problems = [*live.problems, *(["the server is about to stop"] if draining else [])]
    good = live.champion is not None and not draining
    version = live.champion.version if live.champion else None
    detail: dict[str, Any] = {} if g.get("stranger") else {"version": version, "problems": problems}
    return reply(ReadyReply(ready=good, **detail), 200 if good else 503)


@metrics_routes.get("/metrics", endpoint="show")
@described(Operation(text="text/plain"))
def exposition() -> Response:
    "Return all metrics, for Prometheus."
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(state().counted().together()), content_type=CONTENT_TYPE_LATEST)


@figures_routes.get("/live", endpoint="show")
@described(Operation(Figures))
def figures_now() -> Response:
    "Show current requests, latencies, roles, problems, and agreement of the shadow."
    return reply(state().figures())


def champion_of(live: Live) -> Predictor:
    "Describe the champion, independently of the challenger's share. Raises NoModel."
    return live.champion or live.pick()


def describe_model(predictor: Predictor, worker: State) -> ModelReply:
    "One version in the words of its manifest, and the roles beside it."
    manifest = manifest_of(predictor)
    return ModelReply(
        model=manifest.model,
        version=manifest.version,
        model_version=manifest.model_version,
        created=manifest.created,
        synthetic=manifest.synthetic,
        threshold=manifest.threshold,
        threshold_rule=manifest.threshold_rule,
        metrics=manifest.metrics,
        contract_hash=manifest.contract_hash,
        training_seconds=manifest.seconds.get("fit"),
        seconds=manifest.seconds,
        rows=manifest.data.rows,
        path=predictor.path,
        why=predictor.why,
        roles=worker.live.assignment,
        feedback=feedback_of(worker, predictor.version),
        problems=worker.problems,
    )


def feedback_of(worker: State, version: str) -> str:
    "Say what is kept of requests to a version."
    setting = worker.settings.feedback
    if worker.feedback is None or worker.feedback.has_profile(version):
        return setting
    return f"{setting}, but no fields and scores are counted: {version} has no profile"


def manifest_of(predictor: Predictor) -> Manifest:
    "Describe a loaded version."
    if predictor.manifest is None:
        raise NoModel(f"version {predictor.version} was not loaded from a registry")
    return predictor.manifest
