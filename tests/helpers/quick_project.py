"""The real project with few synthetic rows and one candidate, and what a run of it found."""

from pathlib import Path
from typing import Any

from goldenpath.cluster.workspace import copy_project
from goldenpath.runs.run import read_json
from tests.helpers.project import PROJECT


def make_quick_project(folder: Path) -> Path:
    "Return a copy of the real project with few synthetic rows and one candidate."
    copy_project(PROJECT, folder)
    lines = ["[any]", "model = covid-death", "user = tester", "source = synthetic", "synthetic_rows = 4000"]
    quick = ["candidates = linear", "bootstrap = 20", "growth_seconds = 0"]
    (folder / "settings.ini").write_text("\n".join([*lines, *quick]) + "\n")
    return folder


def of_result(run: Path) -> dict[str, Any]:
    "Return what a run found, without times, and without the version, which is named by its time."
    training, evaluation = read_json(run / "training.json"), read_json(run / "evaluation.json")
    return {
        "data": read_json(run / "data" / "summary.json")["fingerprint"],
        "identity": training["fingerprint_parts"],
        "chosen": training["candidate"],
        "measured": [{**model, "version": ""} for model in evaluation["models"]],
        "threshold": evaluation["threshold"],
        "verdict": read_json(run / "verdict.json")["rules"],
    }
