"""What one worker process starts with: the registry, the models, the application."""

import gc
from functools import partial

from flask import Flask

from goldenpath.contract import CONTRACT
from goldenpath.errors import NotTrusted
from goldenpath.predict import Predictor, open_predictor
from goldenpath.registry.registry import Registry, open_registry
from goldenpath.settings import Settings
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
    models = Models(registry, partial(load, registry, settings), settings.version)
    models.look()
    app = create_app(settings, CONTRACT, models, draining)
    if settings.poll_seconds:
        every(settings.poll_seconds, models.look, "roles")
    gc.collect()
    gc.freeze()  # what the worker started with stays: no need to go through it again and again
    return app


def registry_of(settings: Settings) -> Registry:
    "The registry that the settings name."
    return open_registry(settings)


def with_version(settings: Settings) -> Settings:
    """The settings with the one version to serve, a role resolved once for all workers, also later ones.

    Raises GoldenpathError where it is not there, or not sound.
    """
    if not settings.version:
        return settings
    registry = registry_of(settings)
    version = registry.resolve(settings.version)
    registry.verify(version)
    return settings.model_copy(update={"version": version})


def load(registry: Registry, settings: Settings, version: str) -> Predictor:
    "A version that can answer: verified, of this code, proven here. Raises GoldenpathError."
    if settings.backend == "v2":
        return open_remote(registry, settings, version)
    predictor = open_predictor(registry, version, fast=settings.fast_path)
    if predictor.version != version:
        raise NotTrusted(f"the folder of {version} holds {predictor.version}; publish that version again")
    return predictor
