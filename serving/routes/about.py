"""What the server says of itself: its model, its contract, its health, what it has counted."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, g

from goldenpath.errors import NoModel
from goldenpath.predict import Predictor
from goldenpath.registry.manifest import Manifest
from serving.http import reply
from serving.models import Live
from serving.state import state

routes = Blueprint("about", __name__)
metrics_routes = Blueprint("metrics", __name__)
figures_routes = Blueprint("figures", __name__)


@routes.get("/model")
def model() -> Response:
    "The champion, and who else is loaded: version, roles, metrics, threshold, contract, training time."
    live = state().live
    roles = {"roles": live.assignment, "problems": list(live.problems)}
    return reply({**describe(champion_of(live)), **roles})


@routes.get("/contract")
def record_schema() -> Response:
    "JSON Schema of one record."
    return reply(state().contract.json_schema(), with_id=False)


@routes.get("/health/live", endpoint="live")
def process_live() -> Response:
    "The process answers."
    return reply({"live": True})


@routes.get("/health/ready", endpoint="ready")
def model_loaded() -> Response:
    "There is a model to answer with, and the server is not about to stop."
    live, draining = state().live, state().draining()
    problems = [*live.problems, *(["the server is about to stop"] if draining else [])]
    good = live.champion is not None and not draining
    version = live.champion.version if live.champion else None
    detail = {} if g.get("stranger") else {"version": version, "problems": problems}
    return reply({"ready": good, **detail}, 200 if good else 503)


@metrics_routes.get("/metrics", endpoint="show")
def exposition() -> Response:
    "Every number, for Prometheus."
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(state().counted().together()), content_type=CONTENT_TYPE_LATEST)


@figures_routes.get("/live", endpoint="show")
def figures_now() -> Response:
    "What goes on right now: requests, times, roles, problems, agreement of the shadow."
    return reply(asdict(state().figures()))


def champion_of(live: Live) -> Predictor:
    "The champion, whatever share of the requests the challenger answers. Raises NoModel."
    return live.champion or live.pick()


def describe(predictor: Predictor) -> dict[str, Any]:
    "One version, in the words of its manifest."
    manifest = manifest_of(predictor)
    return {
        "model": manifest.model,
        "version": manifest.version,
        "model_version": manifest.model_version,
        "created": manifest.created,
        "synthetic": manifest.synthetic,
        "threshold": manifest.threshold,
        "threshold_rule": manifest.threshold_rule,
        "metrics": manifest.metrics,
        "contract_hash": manifest.contract_hash,
        "training_seconds": manifest.seconds.get("fit"),
        "seconds": manifest.seconds,
        "rows": manifest.data.rows,
        "path": predictor.path,
        "why": predictor.why,
    }


def manifest_of(predictor: Predictor) -> Manifest:
    "What a loaded version says of itself."
    if predictor.manifest is None:
        raise NoModel(f"version {predictor.version} was not loaded from a registry")
    return predictor.manifest
