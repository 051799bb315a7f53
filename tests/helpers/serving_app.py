"""The application in this process, for what needs no web server: one Flask client on a real version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from goldenpath.contract import CONTRACT
from goldenpath.settings import Settings
from serving.app import create_app
from serving.models import Models
from serving.state import State
from serving.worker import load, registry_of
from tests.helpers.serving_fixtures import MODEL

# neither counts nor feedback nor lines for good requests, and versions that need no trial
QUIET = {"metrics": False, "log_sample": 0.0, "feedback": "off", "trial_seconds": 0}


def models_of(home: Path, **settings: Any) -> Models:
    "Return the models of a home, after one look at its roles."
    chosen = settings_of(home, **settings)
    registry = registry_of(chosen)
    models = Models(registry, lambda version: load(registry, chosen, version))
    models.look()
    return models


def settings_of(home: Path, **settings: Any) -> Settings:
    return Settings(**{"home": str(home), "model": MODEL, **QUIET, **settings})


def client(
    home: Path,
    models: Models | None = None,
    draining: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> FlaskClient:
    "Return a client of the application with these settings."
    chosen = settings_of(home, **settings)
    return create_app(chosen, CONTRACT, models or models_of(home), draining).test_client()


def worker(home: Path, **settings: Any) -> State:
    "Return what the routes of a worker on this home work with."
    return State(settings_of(home, **settings), CONTRACT, models_of(home), lambda: False)
