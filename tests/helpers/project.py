"""The checkout that the tests are part of."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
