"""From notebook to served model, measured: one library for exploring, training, batch and HTTP prediction."""

__version__ = "0.1.0"

MODEL_VERSION = "1.0.0"
