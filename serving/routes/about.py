"""What the server says of itself: its model, its contract, its health."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g

from goldenpath.errors import NoModel
from goldenpath.predict import Predictor
from goldenpath.registry.manifest import Manifest
from goldenpath.schema.contract import Contract
from serving.http import reply
from serving.models import Live, Models

Draining = Callable[[], bool]  # is the server about to stop?


def routes(contract: Contract, models: Models, draining: Draining) -> Blueprint:
    "The blueprint; readiness fails first when the server is about to stop."
    about = Blueprint("about", __name__)

    @about.get("/model")
    def model() -> Response:
        "The champion, and who else is loaded: version, roles, metrics, threshold, contract, training time."
        live = models.live
        told = describe(champion_of(live))
        return reply({**told, "roles": roles_of(live), "problems": list(live.problems)})

    @about.get("/contract")
    def record_schema() -> Response:
        "JSON Schema of one record."
        return reply(contract.json_schema(), with_id=False)

    @about.get("/health/live")
    def live() -> Response:
        "The process answers."
        return reply({"live": True})

    @about.get("/health/ready")
    def ready() -> Response:
        "There is a model to answer with, and the server is not about to stop."
        now = models.live
        problems = [*now.problems, *(["the server is about to stop"] if draining() else [])]
        good = now.champion is not None and not draining()
        version = now.champion.version if now.champion else None
        detail = {} if g.get("stranger") else {"version": version, "problems": problems}
        return reply({"ready": good, **detail}, 200 if good else 503)

    return about


def champion_of(live: Live) -> Predictor:
    "The champion, whatever share of the requests the challenger answers. Raises NoModel."
    return live.champion or live.pick()


def describe(predictor: Predictor) -> dict[str, Any]:
    "One version, in the words of its manifest."
    told = manifest_of(predictor)
    return {
        "model": told.model,
        "version": told.version,
        "model_version": told.model_version,
        "created": told.created,
        "synthetic": told.synthetic,
        "threshold": told.threshold,
        "threshold_rule": told.threshold_rule,
        "metrics": told.metrics,
        "contract_hash": told.contract_hash,
        "training_seconds": told.seconds.get("fit"),
        "seconds": told.seconds,
        "rows": told.data.rows,
        "path": predictor.path,
        "why": predictor.why,
    }


def manifest_of(predictor: Predictor) -> Manifest:
    "What a loaded version says of itself."
    if predictor.manifest is None:
        raise NoModel(f"version {predictor.version} was not loaded from a registry")
    return predictor.manifest


def roles_of(live: Live) -> dict[str, Any]:
    "Who is used for what, as loaded here."
    names: dict[str, str | None] = dict.fromkeys(("champion", "challenger", "shadow"))
    names |= {role: predictor.version for role, predictor in live.holders}
    return {**names, "challenger_share": live.roles.challenger_share if live.challenger else 0.0}
