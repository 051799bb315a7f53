"""Training and publishing, as the steps do them: what is recorded, recognised, refused and promoted."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pytest

import goldenpath.steps.train as train_step
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput, GateRefused
from goldenpath.evaluation.gate import Verdict
from goldenpath.predict import open_predictor
from goldenpath.project import Project, Step
from goldenpath.registry.manifest import TrainingRecord
from goldenpath.registry.registry import Registry
from goldenpath.runs.run import open_run
from goldenpath.settings import Settings, load_settings
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import evaluate
from goldenpath.steps.publish import Published, publish
from goldenpath.steps.train import clash_ahead, outcome_of, train, warn_ahead
from tests.helpers.trained_run import step_in

Result = TypeVar("Result")

OPEN_GATE = {
    "GATE_FLOORS": "",
    "AUTO_PROMOTE": "yes",
    "SYNTHETIC_ROWS": "6000",
    "BOOTSTRAP": "40",
    "CANDIDATES": "linear",
}


def settings_for(home: Path, source: str = "synthetic", **changes: str) -> Settings:
    "Return the project's settings with another home."
    wanted = {"HOME": str(home), "SOURCE": source, "USER": "ada@example.org", **OPEN_GATE, **changes}
    return load_settings(environ={f"GOLDENPATH_{key}": value for key, value in wanted.items()})


def done(settings: Settings, name: str, work: Callable[[Step], Result]) -> Result:
    "One step alone, in a run of its own that reads from the newest."
    run = open_run(settings, name)
    result = work(step_in(run, settings))
    run.note("done")
    return result


def trained(settings: Settings, seed: int = 1) -> TrainingRecord:
    "Train on the newest run's rows and judge the candidate."
    record = done(settings, "05_train", partial(train, seed=seed))
    done(settings, "06_evaluate", evaluate)
    return record


def published(settings: Settings) -> Published:
    "Publish the newest candidate."
    return done(settings, "07_publish", publish)


@pytest.fixture
def settings(home: Path) -> Settings:
    "Return settings whose home holds a run with synthetic rows."
    made = settings_for(home)
    done(made, "02_data", make_data)
    return made


def test_a_candidate_becomes_a_champion_that_answers_and_is_mended_by_publishing_it_again(settings: Settings):
    record = trained(settings)
    result = published(settings)
    assert (result.version, result.already, result.champion) == (record.version, False, True)
    registry = Registry(settings.home_folder(), settings.model)
    manifest = registry.verify(result.version)
    assert manifest.synthetic
    assert manifest.environment["scikit-learn"]
    assert {"fit", "save", "compile"} <= set(manifest.seconds)
    assert manifest.fast_path.status == "proven"
    assert set(manifest.files) >= {
        "model.skops",
        "model.onnx",
        "golden.json",
        "contract.json",
        "MODEL_CARD.md",
    }
    assert open_predictor(registry).path == "onnx"
    assert registry.roles().who == "ada@example.org"
    damaged = registry.folder(result.version) / "model.onnx"
    damaged.unlink()
    damaged.write_bytes(b"")
    assert published(settings).champion
    assert open_predictor(registry).path == "onnx"


def test_the_same_code_rows_and_seed_are_recognised_and_nothing_is_published_twice(settings: Settings):
    first = trained(settings)
    published(settings)
    again = trained(settings)
    assert again.identity == first.identity
    assert again.published_as == first.version
    result = published(settings)
    assert result.already
    assert result.version == first.version
    assert result.note == f"already published as {first.version}"
    assert Registry(settings.home_folder(), settings.model).versions() == [first.version]


def test_the_same_training_judged_again_is_recognised_and_not_published_twice(settings: Settings):
    first = trained(settings)
    published(settings)
    done(settings, "06_evaluate", evaluate)
    result = published(settings)
    assert (result.version, result.already, result.champion) == (first.version, True, True)
    assert Registry(settings.home_folder(), settings.model).versions() == [first.version]


def test_another_seed_is_another_version_under_the_same_model_version(settings: Settings):
    first = trained(settings, seed=1)
    published(settings)
    second = trained(settings, seed=2)
    published(settings)
    assert first.fingerprint == second.fingerprint
    assert Registry(settings.home_folder(), settings.model).versions() == [first.version, second.version]


def test_another_model_under_the_same_model_version_trains_and_is_not_published(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    first = trained(settings)
    published(settings)
    assert clash_ahead(Project(settings)) == ""
    plain = train_step.build_pipeline

    def stronger(layout, seed=0, task="binary", candidate="linear"):
        changes = {"estimator__C": 10.0} if candidate == "linear" else {}
        return plain(layout, seed, task, candidate).set_params(**changes)

    monkeypatch.setattr(train_step, "build_pipeline", stronger)
    with pytest.warns(UserWarning, match="this candidate will not be published: the model differs from"):
        record = trained(settings)
    changed = f"the model differs from {first.version}: linear.estimator.C: 1.0 -> 10.0"
    assert record.clash == f"{changed}; raise MODEL_VERSION in goldenpath/__init__.py"
    assert clash_ahead(Project(settings)) == record.clash
    with pytest.raises(GateRefused, match=r"estimator\.C: 1\.0 -> 10\.0"):
        published(settings)
    monkeypatch.setattr(train_step, "MODEL_VERSION", "1.0.1")
    assert trained(settings).clash == ""
    assert published(settings).version.startswith("1.0.1-")


def test_what_is_wrong_with_enrich_is_left_to_the_step_that_it_stops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    trained(settings)
    published(settings)

    def broken(columns):
        raise RuntimeError("no feature store")

    monkeypatch.setattr(train_step, "enriched", broken)
    with pytest.raises(RuntimeError):
        clash_ahead(Project(settings))
    warn_ahead(Project(settings))


def test_a_refused_candidate_stays_in_its_run_and_is_not_published(home: Path):
    strict = settings_for(home, GATE_FLOORS="roc_auc>=0.9999")
    done(strict, "02_data", make_data)
    trained(strict)
    with pytest.raises(GateRefused, match=r"is refused: roc_auc at least: 0\.\d+ \(asked for 0.9999\)"):
        published(strict)
    registry = Registry(home, strict.model)
    assert registry.versions() == []
    assert list(home.glob("runs/*/candidate/manifest.json"))
    verdict = next(home.glob("runs/*/verdict.json"))
    assert not Verdict.model_validate_json(verdict.read_text()).passed


def test_without_auto_promotion_the_note_says_how_to_promote(home: Path):
    careful = settings_for(home, AUTO_PROMOTE="auto")  # this home is not the project's own folder
    done(careful, "02_data", make_data)
    trained(careful)
    result = published(careful)
    assert not result.champion
    assert f"`goldenpath models promote {result.version} --why ...` makes it champion" in result.note


def test_roles_that_changed_since_the_verdict_are_not_overwritten(settings: Settings):
    first = trained(settings, seed=1)
    published(settings)
    second = trained(settings, seed=2)
    registry = Registry(settings.home_folder(), settings.model)
    registry.promote(first.version, why="somebody was faster", who="bob@example.org")
    result = published(settings)
    assert result.version == second.version
    assert not result.champion
    assert "bob@example.org changed the roles" in result.note
    assert registry.roles().champion == first.version


def test_a_stand_in_never_replaces_a_champion_of_real_rows(home: Path, real_rows: Path):
    real = settings_for(home, source=str(real_rows))
    done(real, "02_data", make_data)
    champion = trained(real)
    assert published(real).champion
    drawn = settings_for(home)
    done(drawn, "02_data", make_data)
    trained(drawn)
    result = published(drawn)
    assert not result.champion
    assert "stand-in" in result.note
    assert Registry(home, real.model).roles().champion == champion.version


@pytest.mark.parametrize("outcome", ["positive", "negative"])
def test_a_single_outcome_teaches_nothing(outcome: str):
    value = getattr(CONTRACT.target, outcome)
    rows = pd.DataFrame({CONTRACT.target.column: np.repeat(value, 5)})
    with pytest.raises(BadInput, match=f"all 5 training rows have .* = '{value}': .* both outcomes"):
        outcome_of(rows, CONTRACT)


def test_a_slice_that_is_no_column_is_refused_before_the_fit(settings: Settings) -> None:
    changed = settings.changed(slices="sex, age_grp")
    with pytest.raises(BadInput, match=r"slices in settings.ini names 'age_grp'.*did you mean 'age_group'"):
        done(changed, "05_train", partial(train, seed=1))
