"""What is tried for a server: once for the launcher and all workers, and again only after a while."""

import multiprocessing
import os
import pickle
from multiprocessing import resource_sharer
from pathlib import Path

import pytest

from goldenpath.records import Latency
from goldenpath.registry.registry import Registry
from goldenpath.registry.trial import Job, Outcome
from serving import trials as module
from serving.__main__ import slow
from serving.trials import Trials, begin, finish, job_of
from serving.worker import load
from tests.helpers import hostile_artifacts as hostile
from tests.helpers.candidates import manifest
from tests.helpers.serving_app import client, models_of, settings_of
from tests.helpers.serving_fixtures import MODEL, promote, publish

MANIFEST = manifest()
REFUSED = Outcome(refused="it crashes")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(folder=tmp_path, manifest=MANIFEST)


def loaded(job: Job) -> int:
    "How often its version was loaded."
    file = job.folder / "loaded"
    return len(file.read_text().splitlines()) if file.exists() else 0


def ask(trials: Trials, job: Job) -> None:
    module.load_predictor = hostile.counts  # type: ignore[assignment]
    trials.of(job).checked()


def test_a_worker_that_is_started_anew_knows_what_was_tried(job: Job) -> None:
    trials = Trials()
    copy = pickle.loads(pickle.dumps(trials))
    trials.note(job, REFUSED)
    assert copy.known(job) == REFUSED
    resource_sharer.stop()


FORKS = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # beside pytest's own threads


@FORKS
def test_workers_that_ask_at_once_try_a_version_once(job: Job) -> None:
    trials = Trials()
    workers = [multiprocessing.get_context("fork").Process(target=ask, args=(trials, job)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert loaded(job) == 1
    assert trials.known(job) == Outcome(path="onnx")


def test_another_manifest_or_path_is_another_trial(job: Job) -> None:
    trials = Trials()
    trials.note(job, Outcome(path="onnx"))
    assert trials.known(job)
    assert not trials.known(job.model_copy(update={"fast": False}))
    altered = MANIFEST.model_copy(update={"threshold": 0.4})
    assert not trials.known(job.model_copy(update={"manifest": altered}))


def test_a_refused_version_is_tried_again_after_a_while(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = Trials()
    monkeypatch.setattr(module, "load_predictor", hostile.counts)
    trials.note(job, REFUSED)
    assert trials.of(job) == REFUSED
    monkeypatch.setattr(module, "AGAIN", 0)
    assert trials.of(job) == Outcome(path="onnx")
    assert loaded(job) == 1


def test_a_fault_of_the_volume_is_not_remembered(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = Trials()
    monkeypatch.setattr(module, "load_predictor", hostile.meets_a_fault)
    assert trials.of(job).fault
    monkeypatch.setattr(module, "load_predictor", hostile.counts)
    assert trials.of(job).path == "onnx"


@FORKS
def test_a_worker_that_dies_in_its_trial_leaves_it_to_the_others(job: Job) -> None:
    trials = Trials()
    pid = os.fork()
    if pid == 0:
        with trials._turn(job):
            os._exit(0)
    os.waitpid(pid, 0)
    with trials._turn(job):
        assert trials.known(job) is None


def test_a_champion_that_crashes_its_trial_answers_nobody_and_the_last_good_one_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = publish(home, 1), publish(home, 2)
    promote(home, good)
    models = models_of(home, trial_seconds=60)
    assert models.live.problems == ()
    monkeypatch.setattr(module, "load_predictor", hostile.crashes)
    promote(home, bad)
    models.look()
    ready = client(home, models).get("/health/ready")
    assert (ready.status_code, ready.json["version"]) == (200, good)
    crash = "ended the process that loaded it (Segmentation fault); train it again"
    assert ready.json["problems"] == [
        f"{bad} cannot answer: version {bad} {crash}",
        f"{good} answers instead of {bad}",
    ]


def test_what_was_tried_on_scikit_learn_is_loaded_on_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = publish(home, 1)
    monkeypatch.setattr(module, "load_predictor", hostile.prints)
    registry = Registry(home, MODEL)
    predictor = load(registry, settings_of(home, trial_seconds=60), version)
    assert (predictor.path, predictor.why) == ("sklearn", "fast: True")


def test_what_the_launcher_has_tried_no_worker_tries_again(home: Path) -> None:
    champion, shadow, other = (publish(home, seed) for seed in (1, 2, 3))
    promote(home, champion)
    promote(home, shadow, "shadow")
    settings, registry, trials = settings_of(home, trial_seconds=60), Registry(home, MODEL), Trials()
    outcomes = finish(trials, begin(settings, registry))
    assert [(manifest.version, outcome.path) for manifest, outcome in outcomes] == [
        (champion, "onnx"),
        (shadow, "onnx"),
    ]
    known = {
        name: trials.known(job_of(settings, registry.folder(name), registry.verify(name)))
        for name in (champion, shadow, other)
    }
    assert known == {champion: Outcome(path="onnx"), shadow: Outcome(path="onnx"), other: None}
    pinned = settings.model_copy(update={"version": other})
    assert [manifest.version for manifest, _ in finish(trials, begin(pinned, registry))] == [other]
    assert begin(settings_of(home, trial_seconds=0), registry) == []


def test_what_the_launcher_could_not_load_is_left_to_the_workers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(home, publish(home, 1))
    monkeypatch.setattr(module, "load_predictor", hostile.crashes)
    settings, registry, trials = settings_of(home, trial_seconds=60), Registry(home, MODEL), Trials()
    [(manifest, outcome)] = finish(trials, begin(settings, registry))
    assert "Segmentation fault" in outcome.refused
    assert trials.known(job_of(settings, registry.folder(manifest.version), manifest)) is None


def test_the_start_says_what_scikit_learn_costs() -> None:
    slower, faster = Latency(p50=0.0067, p95=1, p99=1), Latency(p50=8.9e-6, p95=1, p99=1)
    both = MANIFEST.model_copy(update={"latency": {"sklearn": slower, "onnx": faster}})
    told = f"scikit-learn answers for {MANIFEST.version}: no fast path: it was not compiled"
    cost = "; a record takes 6.70 ms in the model instead of 8.90 µs, as measured after training"
    assert slow(both, "no fast path: it was not compiled") == told + cost
    unknown = MANIFEST.model_copy(update={"latency": {}})
    assert slow(unknown, "no fast path: it was not compiled") == told
