"""Model folders as they should be: written, verified, saved and loaded."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from goldenpath.errors import Incomplete, NotTrusted, VolumeFault
from goldenpath.registry.artifact import (
    load_pipeline,
    pipeline_from,
    read_trusted,
    save_pipeline,
    verify_files,
    write_manifest,
)
from tests.helpers.candidates import make_candidate, manifest, pipeline
from tests.helpers.hostile_artifacts import edit_manifest

RNG = np.random.default_rng(42)
ROWS = RNG.random((200, 3))
OUTCOMES = ROWS[:, 0] > 0.5


def test_a_manifest_knows_every_file_and_is_verified_as_written(tmp_path: Path) -> None:
    folder = make_candidate(tmp_path / "c", padding=10)
    found = verify_files(folder)
    assert sorted(found.files) == ["contract.json", "golden.json", "model.skops", "weights.onnx"]
    assert found.files["weights.onnx"].size == 10
    assert found == manifest().model_copy(update={"files": found.files})


def test_a_candidate_that_is_completed_again_is_verified_again(tmp_path: Path) -> None:
    folder = make_candidate(tmp_path / "c")
    (folder / "MODEL_CARD.md").write_text("# A card")
    with pytest.raises(NotTrusted, match=r"MODEL_CARD.md is not in the manifest"):
        verify_files(folder)
    write_manifest(folder, manifest())
    assert "MODEL_CARD.md" in verify_files(folder).files


def test_a_folder_without_a_manifest_is_no_candidate(tmp_path: Path) -> None:
    with pytest.raises(Incomplete, match=r"manifest.json is missing; publish the version again"):
        verify_files(tmp_path)
    with pytest.raises(VolumeFault, match="nowhere: No such file"):
        verify_files(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        RandomForestClassifier(5, random_state=1),
        GradientBoostingClassifier(n_estimators=5, random_state=1),
        HistGradientBoostingClassifier(max_iter=5, random_state=1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learns_own_models_are_loaded_without_a_list(tmp_path: Path, model) -> None:
    model.fit(ROWS, OUTCOMES)
    save_pipeline(model, tmp_path / "model.skops")
    loaded = pipeline_from((tmp_path / "model.skops").read_bytes(), tmp_path / "model.skops")
    assert (loaded.predict_proba(ROWS) == model.predict_proba(ROWS)).all()


def double(rows: np.ndarray) -> np.ndarray:
    "Return a step of somebody's own."
    return rows * 2


def test_an_own_type_is_loaded_only_where_the_code_names_it(tmp_path: Path) -> None:
    save_pipeline(FunctionTransformer(double), tmp_path / "own.skops")
    content = (tmp_path / "own.skops").read_bytes()
    with pytest.raises(NotTrusted, match=r"not allowed: tests.registry.test_artifact.double; .*04_model"):
        pipeline_from(content, tmp_path / "own.skops")
    own = pipeline_from(content, tmp_path / "own.skops", ("tests.registry.test_artifact.double",))
    assert own.transform(ROWS).sum() == pytest.approx(2 * ROWS.sum())


def test_only_what_the_manifest_names_is_read(tmp_path: Path) -> None:
    folder = make_candidate(tmp_path / "c")
    found = verify_files(folder)
    assert read_trusted(folder, found, "golden.json") == (folder / "golden.json").read_bytes()
    with pytest.raises(NotTrusted, match=r"does not list settings.ini"):
        read_trusted(folder, found, "settings.ini")
    (folder / "golden.json").write_text("{}")
    with pytest.raises(NotTrusted, match=r"golden.json was altered"):
        read_trusted(folder, found, "golden.json")


def test_other_library_versions_are_said_in_one_line(tmp_path: Path) -> None:
    import sklearn

    folder = make_candidate(tmp_path / "c", environment={"scikit-learn": sklearn.__version__})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_pipeline(folder, verify_files(folder))
    assert type(loaded) is type(pipeline())
    edit_manifest(folder, environment={"scikit-learn": "1.0.2", "skops": "0.1"})
    with pytest.warns(
        UserWarning, match=r"was made with scikit-learn 1\.0\.2 \(here .*\), skops 0\.1"
    ) as told:
        load_pipeline(folder, verify_files(folder))
    assert len(told) == 1
