"""The small project with a gate: 06_evaluate writes a verdict, and 07_publish publishes."""

import json
import shutil
from pathlib import Path

from tests.helpers.project import PROJECT
from tests.helpers.small_project import exported, make_project, step, write_pipeline

JUDGE = """step.run.output("verdict.json").write_text({verdict!r})
step.run.output("training.json").write_text({training!r})"""
PUBLISH = 'step.run.output("published.json").write_text("{}")'


def verdict_json(result: str) -> str:
    "Return a verdict whose one rule came out like this."
    rule = {
        "name": "roc_auc at least",
        "value": 0.7123456,
        "threshold": 0.9,
        "result": result,
        "detail": "a floor",
    }
    return json.dumps(
        {"version": "1.0.0-x", "synthetic": True, "champion": None, "roles_number": 0, "rules": [rule]}
    )


def make_gated_project(folder: Path, result: str = "pass", clash: str = "") -> Path:
    "Return the small project with a gate, whose rule comes out like this."
    project = make_project(folder)
    shutil.copytree(PROJECT / "runtime-images", project / "runtime-images")
    judge = JUDGE.format(verdict=verdict_json(result), training=json.dumps({"clash": clash}))
    for name, module, body in (("06_evaluate", "evaluate", judge), ("07_publish", "publish", PUBLISH)):
        (project / "notebooks" / f"{name}.ipynb").write_text(step(name, module, body))
        (project / "goldenpath" / "steps" / f"{module}.py").write_text(exported(module))
    write_pipeline(project, ("02_data", "05_train", "06_evaluate", "07_publish"))
    return project
