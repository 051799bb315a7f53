"""What one worker process starts with: the registry, the models, the application."""

import gc
from functools import partial

from flask import Flask

from goldenpath.contract import CONTRACT
from goldenpath.predict import Predictor, open_predictor
from goldenpath.rails.errors import NotTrusted
from goldenpath.rails.registry import Registry, open_registry
from goldenpath.rails.settings import Settings
from serving import logs
from serving.about import Draining
from serving.app import create_app
from serving.backend import open_remote
from serving.background import every
from serving.models import Models


def make_app(settings: Settings, draining: Draining) -> Flask:
    "The application of one worker, with its models loaded and the role log watched."
    logs.configure()
    registry = registry_of(settings)
    pinned = registry.resolve(settings.version) if settings.version else ""
    models = Models(registry, partial(load, registry, settings), pinned)
    models.look()
    app = create_app(settings, CONTRACT, models, draining)
    if settings.poll_seconds and not pinned:
        every(settings.poll_seconds, models.look, "roles")
    gc.collect()
    gc.freeze()  # what the worker started with stays: no need to go through it again and again
    return app


def registry_of(settings: Settings) -> Registry:
    "The registry that the settings name."
    return open_registry(settings)


def check_version(settings: Settings) -> None:
    "Before anything starts: is the one version to serve there, and sound? Raises GoldenpathError."
    if settings.version:
        registry = registry_of(settings)
        registry.verify(registry.resolve(settings.version))


def load(registry: Registry, settings: Settings, version: str) -> Predictor:
    "A version that can answer: verified, of this code, proven here. Raises GoldenpathError."
    if settings.backend == "v2":
        return open_remote(registry, settings, version)
    predictor = open_predictor(registry, version, fast=settings.fast_path)
    if predictor.version != version:
        raise NotTrusted(f"the folder of {version} holds {predictor.version}; publish that version again")
    return predictor
