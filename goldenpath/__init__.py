"""The shared library of this project: what training and serving have in common, and the steps of training."""

__version__ = "0.1.0"

MODEL_VERSION = "1.0.0"
