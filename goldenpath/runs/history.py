"""What runs were about, in a few figures each, to list them and to lay them side by side."""

from pathlib import Path
from typing import Any

from pydantic import Field

from goldenpath.evaluation.tasks import EVERY_METRIC, label
from goldenpath.records import Frozen
from goldenpath.runs.executed import read_step
from goldenpath.runs.run import find_record, steps_of
from goldenpath.runs.taken_over import taken_over_in, taken_over_in_words


class RunSummary(Frozen):
    "One run; what it did not reach is None or empty. What it reads from an older run counts as its own."

    id: str
    steps: dict[str, str]  # status by step: done, or running (it failed, or it still does)
    parent: str  # id of the run that it reads from
    source: str  # of the rows
    synthetic: bool | None
    rows: int | None  # of training
    data: str  # fingerprint of the rows
    seed: int | None
    metrics: dict[str, float]  # on the test rows
    threshold: float | None
    verdict: str  # passed, refused, or empty
    version: str  # the candidate's name
    published: bool
    seconds: float | None  # of all steps that ran in it
    taken_over: dict[str, str] = Field(default_factory=dict)  # id of the run in which a step worked, by step


def summarise(folder: Path) -> RunSummary:
    "Return the metrics of one run, from the records of its steps."
    notes, taken_over = steps_of(folder), taken_over_in(folder)
    data = find_record(folder, "data/summary.json")
    training = find_record(folder, "training.json")
    evaluation = find_record(folder, "evaluation.json")
    return RunSummary(
        id=folder.name,
        steps={name: str(note.get("status")) for name, note in notes.items()},
        parent=next((str(note["parent"]) for note in notes.values() if note.get("parent")), ""),
        source=data.get("source", ""),
        synthetic=data.get("synthetic"),
        rows=data.get("rows", {}).get("train"),
        data=data.get("fingerprint", ""),
        seed=training.get("seed"),
        metrics=_metrics(evaluation),
        threshold=evaluation.get("threshold", {}).get("value"),
        verdict=_verdict(find_record(folder, "verdict.json")),
        version=training.get("version", ""),
        published=bool(find_record(folder, "published.json")),
        seconds=_seconds(folder, {name: note for name, note in notes.items() if name not in taken_over}),
        taken_over=taken_over,
    )


def _seconds(folder: Path, notes: dict[str, dict[str, Any]]) -> float | None:
    "Return the seconds of each step, from its executed notebook with kernel start, else from its record."
    took = []
    for name, note in notes.items():
        try:
            took.append(read_step(folder / "notebooks" / f"{name}.ipynb").seconds)
        except (OSError, ValueError):
            took.append(note.get("seconds") or 0.0)
    return round(sum(took), 1) if took else None


def _metrics(evaluation: dict[str, Any]) -> dict[str, float]:
    models = evaluation.get("models") or [{"metrics": {}}]
    metrics = models[0]["metrics"]
    return {
        name: metrics[name]["value"]
        for name in EVERY_METRIC
        if metrics.get(name, {}).get("value") is not None
    }


def _verdict(verdict: dict[str, Any]) -> str:
    if not verdict:
        return ""
    failed = [rule for rule in verdict.get("rules", []) if rule.get("result") == "fail"]
    return "refused" if failed else "passed"


def laid_side_by_side(runs: list[RunSummary]) -> dict[str, list[str]]:
    "Every figure of every run as text, by name; empty lines are left out."
    lines: dict[str, list[str]] = {
        "steps done": [_steps(run) for run in runs],
        "taken over from": [taken_over_in_words(run.taken_over) for run in runs],
        "reads from": [run.parent for run in runs],
        "rows from": [run.source for run in runs],
        "training rows": [_number(run.rows) for run in runs],
        "data fingerprint": [run.data[:12] for run in runs],
        "seed": [_number(run.seed) for run in runs],
        **{label(name): [_share(run.metrics.get(name)) for run in runs] for name in EVERY_METRIC},
        "threshold": [_share(run.threshold) for run in runs],
        "verdict": [run.verdict for run in runs],
        "version": [run.version for run in runs],
        "published": ["yes" if run.published else "" for run in runs],
        "seconds": ["" if run.seconds is None else f"{run.seconds:.1f}" for run in runs],
    }
    return {name: cells for name, cells in lines.items() if any(cells)}


def _steps(run: RunSummary) -> str:
    done = ", ".join(name for name, status in run.steps.items() if status == "done")
    open_ones = ", ".join(name for name, status in run.steps.items() if status != "done")
    return f"{done}; not finished: {open_ones}" if open_ones else done


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
