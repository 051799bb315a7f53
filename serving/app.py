"""The application: a factory that puts the parts together. This file and `predict.py` are the core; every
other file of this folder is one concern, and most are switched by a setting."""

from flask import Flask

from goldenpath.rails.contract import Contract
from goldenpath.rails.settings import Settings
from serving import about, errors, page, predict, requests
from serving.models import Models


class Server(Flask):
    "Flask, whose log holds no submitted value: an error's text may quote the record that caused it."

    def log_exception(self, exc_info: errors.ExcInfo) -> None:
        self.logger.error(errors.where(exc_info))


def create_app(settings: Settings, contract: Contract, models: Models, draining: about.Draining) -> Flask:
    "One application for one worker; it does nothing until it is asked."
    app = Server(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    requests.install(app)
    errors.install(app)
    app.register_blueprint(predict.routes(settings, contract, models))
    app.register_blueprint(about.routes(contract, models, draining))
    if settings.page:
        app.register_blueprint(page.routes(contract, models))
    return app
