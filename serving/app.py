"""The application: a factory that puts the parts together. This file and `predict.py` are the core; every
other file of this folder is one concern, and most are switched by a setting."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter

from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings
from serving import guards, http, trace
from serving.asking import asking
from serving.guards import InFlight, tokens_of
from serving.memo import remembering
from serving.models import Models
from serving.observing import Observer
from serving.routes import about, docs, inference, page, predict
from serving.watchers.queue import every, told_once


class Server(Flask):
    "Flask, whose log holds no submitted value: an error's text may quote the record that caused it."

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        "No route here depends on the host and no address is absolute: Flask need not work out the caller's."
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", None, "http", request.path, request.method)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        "No view here is asynchronous; Flask would look at each function of a request to find out."
        return func

    def log_exception(self, exc_info: http.ExcInfo) -> None:
        "The answer names this id."
        self.logger.error("request %s: %s", trace.trace().id, http.where(exc_info))


def create_app(settings: Settings, contract: Contract, models: Models, draining: about.Draining) -> Flask:
    "One application for one worker, with its background threads."
    app = Server(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # it would redirect, to an absolute address
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    observer = Observer(settings, models)
    trace.install(app, observer.sinks)
    http.install(app)
    guard(app, settings, observer.in_flight)
    ask = asking(contract, models)
    if settings.memo:
        ask = remembering(ask, models, settings.memo)
    app.register_blueprint(predict.routes(ask, contract, models, settings.max_batch, observer.answered))
    app.register_blueprint(about.routes(contract, models, draining))
    if settings.page or settings.docs:
        app.register_blueprint(page.assets())
    if settings.page:
        app.register_blueprint(page.routes(contract, models, observer.figures))
    if settings.open_inference:
        known = (settings.model, contract, models, settings.max_batch, draining)
        spoken = inference.routes(*known, observer.answered)
        app.register_blueprint(spoken)
    observer.install(app)
    if settings.docs:
        app.register_blueprint(docs.routes(app, contract, settings.model, bool(settings.tokens_file)))
    return app


def guard(app: Flask, settings: Settings, in_flight: InFlight) -> None:
    "Who may ask, from where, and how many at once."
    if settings.cors_origins:
        guards.allow_origins(app, settings.cors_origins.replace(",", " ").split())
    if settings.tokens_file:
        tokens = tokens_of(settings)
        look = told_once(tokens.look, "tokens")
        look()  # a worker that follows a dead one starts whatever became of the file, and lets nobody in
        every(1.0, look, "tokens")
        tokens.install(app)
    in_flight.install(app)
