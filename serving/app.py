"""The application: a factory that puts the parts together. This file and `routes/predict.py` are the core;
every other file of this folder is one concern, and most are switched by a setting."""

from collections.abc import Callable

from flask import Flask

from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings
from serving import http
from serving.lane import add_lane
from serving.models import Models
from serving.routes import about, docs, inference, outcomes, page, predict
from serving.state import EXTENSION, State


def create_app(
    settings: Settings,
    contract: Contract,
    models: Models,
    draining: Callable[[], bool],  # is the server about to stop?
) -> Flask:
    "One application for one worker, with its background threads."
    app = http.Server(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # it would redirect, to an absolute address
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    state = app.extensions[EXTENSION] = State(settings, contract, models, draining)
    state.traces.install(app)
    http.install(app)
    state.guards.install(app)
    add_routes(app, settings)
    state.watch()
    if settings.lane:
        add_lane(app, state)
    return app


def add_routes(app: Flask, settings: Settings) -> None:
    "Every address that is answered with these settings."
    for routes, switched_on in (
        (predict.predict_routes, True),
        (about.about_routes, True),
        (about.metrics_routes, settings.metrics),
        (about.figures_routes, settings.metrics),
        (page.assets, settings.page or settings.docs),
        (page.page_routes, settings.page),
        (docs.docs_routes, settings.docs),
        (inference.inference_routes, settings.open_inference),
        (outcomes.outcome_routes, settings.outcomes),
    ):
        if switched_on:
            app.register_blueprint(routes)
