"""The checkout that the tests are part of."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

SHARED_FOLDER = "SHARED_TEST_FOLDER"  # variable: what all processes of one test run share
