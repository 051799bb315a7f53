"""A version is tried in a process of its own: whatever loading it does, the process that asked goes on."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenpath.errors import NotTrusted, VolumeFault
from goldenpath.predict import load_predictor
from goldenpath.registry import trial
from goldenpath.registry.manifest import FileEntry
from goldenpath.registry.trial import Forked, Job, Load, Outcome, allowance, try_version
from tests.helpers import hostile_artifacts as hostile
from tests.helpers.candidates import manifest
from tests.helpers.serving_fixtures import built

MANIFEST = manifest()
MEGABYTE = 1 << 20


def forked(load: Load, job: Job) -> Outcome:
    return Forked(load, job).outcome()


WAYS = pytest.mark.parametrize("attempt", [try_version, forked])
Attempt = Callable[[Load, Job], Outcome]


def job(seconds: int = 60) -> Job:
    return Job(folder=Path.cwd(), manifest=MANIFEST, seconds=seconds)


@WAYS
def test_a_sound_version_says_on_which_path_it_answers(attempt: Attempt) -> None:
    folder = built(1, True, "covid-death", True, ())
    manifest = load_predictor(folder).manifest
    assert manifest
    outcome = attempt(load_predictor, Job(folder=folder, manifest=manifest))
    assert outcome.checked() == Outcome(path="onnx")


@WAYS
@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (hostile.crashes, r"ended the process that loaded it \(Segmentation fault\); train it again"),
        (
            hostile.takes_all_memory,
            r"needs more than \d+ MB of memory; give it more, or train a smaller model",
        ),
        (hostile.leaves, r"ended the process that loaded it \(exit code 0\); train it again"),
        (hostile.breaks, r"cannot be loaded \(ValueError: X has 7 features\); train it again"),
    ],
)
def test_a_version_that_would_end_a_worker_is_refused(attempt: Attempt, load: Load, reason: str) -> None:
    with pytest.raises(NotTrusted, match=f"^version {MANIFEST.version} {reason}$"):
        attempt(load, job()).checked()


def test_a_version_that_never_finishes_loading_is_refused_when_its_time_is_over() -> None:
    with pytest.raises(NotTrusted, match=r"not loaded and proven within 1 s; .* `trial_seconds`"):
        forked(hostile.never_returns, job(seconds=1)).checked()


@WAYS
def test_errors_of_ours_come_back_as_they_are(attempt: Attempt) -> None:
    with pytest.raises(NotTrusted, match=r"^it answers differently here$"):
        attempt(hostile.is_refused, job()).checked()
    with pytest.raises(VolumeFault, match=r"^the volume is away for a moment$"):
        attempt(hostile.meets_a_fault, job()).checked()


@WAYS
def test_what_is_printed_while_loading_is_no_outcome(attempt: Attempt) -> None:
    plain = job().model_copy(update={"fast": False})
    assert attempt(hostile.prints, plain) == Outcome(path="sklearn", why="fast: False")


def test_a_trial_without_standard_streams_still_has_an_outcome() -> None:
    kept = [os.dup(stream) for stream in (0, 1, 2)]
    try:
        os.closerange(0, 3)
        outcome = forked(hostile.prints, job())
    finally:
        for stream, copy in enumerate(kept):
            os.dup2(copy, stream)
            os.close(copy)
    assert outcome.path == "sklearn"


def container(folder: Path, limit: str, taken: int) -> None:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.stat").write_text(f"anon {taken}\nfile 99999999999\n")


def test_a_trial_gets_no_more_memory_than_its_container_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "CONTAINER", tmp_path)
    large = MANIFEST.model_copy(update={"files": {"model.skops": FileEntry(sha256="", size=100 * MEGABYTE)}})
    assert allowance(large) == (512 + 8 * 100) * MEGABYTE
    container(tmp_path, "max", 0)
    assert allowance(large) == (512 + 8 * 100) * MEGABYTE
    container(tmp_path, str(1024 * MEGABYTE), 300 * MEGABYTE)
    assert allowance(large) == 724 * MEGABYTE
    container(tmp_path, str(512 * MEGABYTE), 500 * MEGABYTE)
    assert allowance(large) == 256 * MEGABYTE
