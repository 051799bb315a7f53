"""A version tells where it comes from, and can be made again."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cli.reproduce import answer, as_recorded, retrain
from goldenpath.registry.manifest import DataSummary, Drawn, Manifest
from goldenpath.registry.registry import Registry, open_registry
from goldenpath.runs.reproduce import reproduce
from goldenpath.runs.run import open_run
from goldenpath.settings import Settings, load_settings
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import evaluate
from goldenpath.steps.publish import publish
from goldenpath.steps.train import train
from tests.helpers.trained_run import step_in


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    "Return settings under which a version of 2,000 stand-in rows was trained and published."
    folder = tmp_path_factory.mktemp("project")
    (folder / "settings.ini").write_text(
        f"[all]\nhome = {folder / 'home'}\nsource = synthetic\nsynthetic_rows = 2000\ngate_margin = 0\n"
        "user = ada@example.org\nauto_promote = yes\nbootstrap = 20\n"
    )
    settings = load_settings(folder / "settings.ini", {})
    step = step_in(open_run(settings, "02_data"), settings)
    make_data(step)
    train(step, seed=7)
    evaluate(step)
    publish(step)
    return settings


def test_the_same_code_and_rows_give_the_same_answers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.folder)
    result = CliRunner().invoke(cli, ["reproduce", "champion"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "the answers are the same: largest difference 0," in result.output
    for line in ("git commit", "library", "scikit-learn", "data fingerprint"):
        assert line in result.output
    assert len(open_registry(settings).versions()) == 1


def test_other_rows_are_named_and_give_other_answers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_other_rows(manifest: Manifest, scratch: Path) -> tuple[DataSummary, Path]:
        other = manifest.data.model_copy(update={"source": "other rows", "drawn": Drawn(rows=1500, seed=3)})
        return retrain(manifest.model_copy(update={"data": other}), scratch)

    monkeypatch.chdir(settings.folder)
    registry = open_registry(settings)
    found = reproduce(registry, registry.versions()[0], with_other_rows, answer)
    assert not found.same_answers
    assert found.difference > 1e-3
    other = {line.what for line in found.compared if not line.same}
    assert {"data", "data fingerprint", "training rows"} <= other
    assert "library" not in other


def test_what_is_retrained_is_what_was_recorded(settings: Settings, tmp_path: Path) -> None:
    manifest = open_registry(settings).manifest(open_registry(settings).versions()[0])
    assert manifest.seed == 7
    again = as_recorded(Settings(), manifest, tmp_path)
    assert (again.source, again.synthetic_rows, again.seed) == ("synthetic", 2000, 42)
    assert (str(again.split), again.home) == (manifest.data.split, str(tmp_path))
    real = manifest.data.model_copy(
        update={"source": "s3://rows/*.parquet", "drawn": None, "split": "day 2020-01-01 2020-02-01"}
    )
    again = as_recorded(Settings(), manifest.model_copy(update={"data": real}), tmp_path)
    assert (again.source, str(again.split)) == ("s3://rows/*.parquet", "day 2020-01-01 2020-02-01")
    signed = Settings(source="s3://ada:pass@rows/*.parquet")
    again = as_recorded(signed, manifest.model_copy(update={"data": real}), tmp_path)
    assert again.source == signed.source
    assert isinstance(open_registry(settings), Registry)
