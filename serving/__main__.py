"""The program that answers: `python -m serving`. Every setting also has its variable, GOLDENPATH_<KEY>."""

import os
import sys
from collections.abc import Mapping
from functools import partial

import click

from goldenpath.errors import GoldenpathError
from goldenpath.measure.stopwatch import in_words
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.trial import can_limit_memory
from goldenpath.settings import Settings, load_settings
from goldenpath.settings.rules import Address
from goldenpath.text.plain import put, say
from serving.launcher import Draining, check_start, constant, launch


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", "-V", help="Serve this version alone.")
@click.option("--listen", "-l", help="Address to listen on, such as 127.0.0.1:8080.")
@click.option("--workers", "-w", type=click.IntRange(1, 256), help="Worker processes.")
@click.option(
    "--bare", is_flag=True, help="Answer a constant, to measure the web server alone, and load nothing."
)
@click.option("--check", is_flag=True, help="Only try whether there is a model that can answer, and stop.")
def start(version: str | None, listen: str | None, workers: int | None, bare: bool, check: bool) -> None:
    """Answer predictions over HTTP.

    Without --version the champion answers, and every change of roles is followed while the server runs.
    """
    given = {"version": version, "listen": listen, "workers": workers}
    try:
        settings = with_options(load_settings(), given)
        if check:
            try_model(settings)
        elif bare:
            check_start(settings)
            launch(settings, lambda: constant, Draining())
        else:
            serve(settings)
    except GoldenpathError as fault:
        say(f"error: {fault}")
        sys.exit(fault.exit_code)


def with_options(settings: Settings, given: Mapping[str, object]) -> Settings:
    "Return the settings, overridden by the command line. Raises BadInput."
    variables = {f"GOLDENPATH_{key.upper()}": str(value) for key, value in given.items() if value is not None}
    return load_settings(settings.file, os.environ | variables) if variables else settings


def serve(settings: Settings) -> None:
    "Say where, and serve until stopped. Raises GoldenpathError."
    from serving.trials import Trials, begin, finish
    from serving.worker import make_app, registry_of, with_version

    settings = with_version(settings)
    begun = begin(settings, registry_of(settings))
    check_start(settings)  # imports the web server meanwhile
    draining, trials = Draining(), Trials()
    say(f"goldenpath serves {settings.model} on {visible_address(settings.listen)}")
    if settings.trial_seconds and not can_limit_memory():
        say("a new version may take any amount of memory when it is tried: only Linux can limit it")
    for manifest, outcome in finish(trials, begun):
        if outcome.path == "sklearn":
            say(slow(manifest, outcome.why if settings.fast_path else "the setting `fast_path` is off"))
    launch(settings, partial(make_app, settings, draining, trials), draining)


def slow(manifest: Manifest, why: str) -> str:
    "Say that scikit-learn answers, why, and what it costs."
    took, instead = (manifest.latency.get(path) for path in ("sklearn", "onnx"))
    cost = f"; a record takes {in_words(took.p50)} in the model" if took else ""
    if took and instead:
        cost += f" instead of {in_words(instead.p50)}"
    measured = ", as measured after training" if took else ""
    return f"scikit-learn answers for {manifest.version}: {why}{cost}{measured}"


def try_model(settings: Settings) -> None:
    "Say which version would answer, and how. Raises GoldenpathError where none can."
    from serving.worker import load, registry_of

    registry = registry_of(settings)
    predictor = load(registry, settings, registry.resolve(settings.version or "champion"))
    how = "by the fast path" if predictor.path == "onnx" else f"by scikit-learn: {predictor.why}"
    put(f"{predictor.version} can answer, {how}")


def visible_address(listen: Address) -> str:
    "Return the URL to open in a browser; in a workbench, below its own URL."
    if prefix := os.environ.get("NB_PREFIX"):
        return f"{prefix}/proxy/{listen.port}/ (after your workbench's host name)"
    return f"http://{listen}/"


if __name__ == "__main__":
    start()
