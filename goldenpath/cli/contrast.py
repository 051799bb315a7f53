"""`goldenpath contrast`."""

import sys
from pathlib import Path

import click

from goldenpath.cli.terminal import Progress, near, say, show, tell_failure
from goldenpath.cluster.step import run_step
from goldenpath.errors import BadInput
from goldenpath.measure.contrast import Contrast, contrast_table, growth_sentence
from goldenpath.runs.run import read_json
from goldenpath.settings import load_settings

STEP = "09_contrast"


@click.command("contrast")
@click.argument("version", required=False)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PNG file to write: training against rows, beside the running server.",
)
def show_contrast(version: str | None, picture: Path | None) -> None:
    """Measure training time against prediction time, for VERSION or the one published last."""
    given, settings = {"version": version} if version else {}, load_settings()
    if picture and picture.suffix != ".png":
        raise BadInput(f"{picture} does not end in .png: the picture is a PNG file")
    if picture and not settings.growth_seconds:
        raise BadInput(f"no {picture}: growth_seconds = 0 leaves out what it shows; set it to 5 or more")
    outcome = run_step(settings, STEP, given, Progress([STEP]))
    if outcome.failure:
        tell_failure(outcome)
        sys.exit(outcome.exit_code)
    contrast = Contrast.model_validate(read_json(outcome.run / "contrast.json"))
    show(contrast_table(contrast))
    say(f"run {outcome.run.name}, in {near(outcome.run)}")
    if picture:
        write_picture(contrast, picture)


def write_picture(contrast: Contrast, file: Path) -> None:
    "Write the picture of a contrast as rows grow. Raises BadInput if there is none."
    from goldenpath.report.growth_plot import plot_growth
    from goldenpath.report.plots import png_of

    if not contrast.grown:
        raise BadInput(f"no {file}: training was not timed on two numbers of rows; raise growth_seconds")
    file.write_bytes(png_of(plot_growth(contrast, contrast.grown)))
    say(f"{file}: {growth_sentence(contrast)}")
