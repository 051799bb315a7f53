"""From notebook to served model, measured: one library for exploring, training, batch and HTTP prediction."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

MODEL_VERSION = "1.2.0"

FRONT_DOOR = {
    "Project": "goldenpath.project",
    "Step": "goldenpath.project",
    "open_predictor": "goldenpath.predict",
    "open_step": "goldenpath.project",
}


def __getattr__(name: str) -> Any:
    "Import what is asked for, and only then: `import goldenpath` itself loads nothing heavy."
    if name in FRONT_DOOR:
        return getattr(import_module(FRONT_DOOR[name]), name)
    raise AttributeError(f"module 'goldenpath' has no attribute '{name}'")
