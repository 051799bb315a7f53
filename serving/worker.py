"""What one worker process starts with: the registry, the models, the application."""

import gc
import threading
from collections.abc import Callable
from functools import partial

from flask import Flask

from goldenpath.contract import CONTRACT
from goldenpath.predict import Predictor, load_predictor, open_predictor
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.settings import Settings
from serving.app import create_app
from serving.models import Models
from serving.remote_engine import open_remote
from serving.trials import Trials, job_of
from serving.watchers import log
from serving.watchers.queue import every, with_errors_logged

PATIENCE = 15.0  # seconds until a worker answers that it is not ready, while its first check runs


def make_app(settings: Settings, draining: Callable[[], bool], trials: Trials | None = None) -> Flask:
    "Make the application of one worker, with its models loaded and the role log watched."
    log.configure()
    registry = registry_of(settings)
    models = Models(registry, partial(load, registry, settings, trials=trials or Trials()), settings.version)
    follow_roles(models, settings.poll_seconds)
    app = create_app(settings, CONTRACT, models, draining)
    gc.collect()
    gc.freeze()  # what the worker started with stays: no need to go through it again and again
    return app


def follow_roles(models: Models, seconds: float) -> None:
    "Look at the roles now and then every so many seconds; the first look is waited for, but not for ever."
    first = threading.Thread(target=with_errors_logged(models.look, "roles"), name="first look", daemon=True)
    first.start()
    every(1.0, models.watch, "watch")
    first.join(PATIENCE)

    def look() -> None:
        first.join()
        models.look()

    if seconds:
        every(seconds, look, "roles")


def registry_of(settings: Settings) -> Registry:
    "Return the registry that the settings name."
    return Project(settings).registry


def with_version(settings: Settings) -> Settings:
    """Return the settings with the version to serve; a role is resolved once for all workers.

    Raises GoldenpathError where it is not there, or not sound.
    """
    if not settings.version:
        return settings
    registry = registry_of(settings)
    version = registry.resolve(settings.version)
    registry.verify(version)
    return settings.model_copy(update={"version": version})


def load(
    registry: Registry,
    settings: Settings,
    version: str,
    trials: Trials | None = None,  # what launcher and other workers have tried; None: nothing
) -> Predictor:
    "Return a version that can serve: verified, of this code, tried and tested here. Raises GoldenpathError."
    if settings.backend == "v2":
        return open_remote(registry, settings, version)
    if not settings.trial_seconds:
        return open_predictor(registry, version, fast=settings.fast_path)
    job = job_of(settings, registry.folder(version), registry.verify(registry.resolve(version)))
    outcome = (trials or Trials()).of(job).checked()
    predictor = load_predictor(job.folder, fast=outcome.path == "onnx", manifest=job.manifest)
    predictor.why = predictor.why and outcome.why
    return predictor
