"""`goldenpath reproduce`: train a version again, and say what is not as it was."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from goldenpath.cli.terminal import say, show, styled, table
from goldenpath.errors import without_credentials
from goldenpath.evaluation.leaderboard import leaderboard_in
from goldenpath.registry.manifest import DataSummary, Manifest
from goldenpath.settings import Settings, load_settings


@click.command("reproduce")
@click.argument("version")
def reproduce_version(version: str) -> None:
    """Train VERSION again from the present code and data, and compare its answers on the golden rows.

    Commit, library, environment and data are compared with those on record. Nothing is published.
    Exit code 1: the answers are others.
    """
    from goldenpath.project import Project
    from goldenpath.runs import reproduce

    registry = Project().registry
    reproduction = reproduce.reproduce(registry, registry.resolve(version), retrain, answer)
    listing = table(f"reproduction of {reproduction.version}", "", "recorded", "present", "")
    for line in reproduction.compared:
        listing.add_row(
            line.what, line.recorded, line.present, "same" if line.same else styled("other", "bold")
        )
    show(listing)
    apart = f"largest difference {reproduction.difference:.3g}, {reproduction.labels} other labels"
    say(f"the answers are {'the same' if reproduction.same_answers else 'not the same'}: {apart}")
    click.get_current_context().exit(0 if reproduction.same_answers else 1)


def retrain(manifest: Manifest, scratch: Path) -> tuple[DataSummary, Path]:
    "Run the steps data and train with their recorded settings, in a scratch home."
    from goldenpath.project import Project, Step
    from goldenpath.runs.run import open_run
    from goldenpath.steps.data import make_data
    from goldenpath.steps.train import train

    settings = load_settings()
    stored = leaderboard_in(Project(settings).registry.folder(manifest.version), manifest)
    if settings.changed(source=manifest.data.source).adds_feedback:
        say("answered records are today's: answers and outcomes come in, and are removed by age")
        (scratch / "feedback").symlink_to(Project(settings).feedback.path.parent.resolve())
    settings = as_recorded(settings, manifest, scratch, stored.chosen if stored else "linear")
    step = Step(Project(settings), open_run(settings, "02_data"))
    data = make_data(step)
    train(step, manifest.seed)
    return data, step.run.folder / "candidate"


def as_recorded(
    settings: Settings,
    manifest: Manifest,
    scratch: Path,
    candidate: str = "",  # that was chosen; "" if the version does not say
) -> Settings:
    "Return the settings that decide what is trained, taken from the manifest."
    recorded: dict[str, Any] = {
        "home": str(scratch),
        "split": manifest.data.split,
        "source": settings.source if _is_recorded(settings.source, manifest) else manifest.data.source,
    }
    if candidate:
        recorded |= {"choose": candidate, "candidates": candidate}
    if drawn := manifest.data.drawn:
        recorded |= {"source": "synthetic", "synthetic_rows": drawn.rows, "seed": drawn.seed}
    return settings.changed(**recorded)


def _is_recorded(source: str, manifest: Manifest) -> bool:
    "Check for the recorded source; the record lacks the login or the signature that reading it may need."
    return without_credentials(source) == manifest.data.source


def answer(candidate: Path, records: list[dict[str, object]]) -> Any:  # (n,) float64
    "Return scikit-learn's predictions of a candidate that was not judged."
    from goldenpath.contract import CONTRACT
    from goldenpath.inference.engines import SklearnEngine, layout_of
    from goldenpath.model import TRUSTED_TYPES, enriched
    from goldenpath.registry.artifact import PIPELINE, pipeline_from
    from goldenpath.schema.contract import columns_of_json

    columns = enriched(columns_of_json(CONTRACT.spec, records))
    file = candidate / PIPELINE
    pipeline = pipeline_from(file.read_bytes(), file, TRUSTED_TYPES)
    return np.asarray(SklearnEngine(pipeline, layout_of(columns), CONTRACT.target).many(columns))
