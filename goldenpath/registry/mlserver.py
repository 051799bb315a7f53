"""Hand a version to a dedicated model server: a folder that MLServer's scikit-learn runtime serves as it is.

Format: https://mlserver.readthedocs.io (model-settings.json, settings.json). That runtime reads joblib files,
which can run code when they are loaded. The file is written here, from the version's verified skops file:
keep it where no other user can write.
"""

import json
from pathlib import Path
from typing import Any

from goldenpath.errors import BadInput
from goldenpath.inference.calibration import Calibration, Knots
from goldenpath.records import Layout
from goldenpath.registry.artifact import calibration_of, load_pipeline, read_record
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import TargetSpec
from goldenpath.volume import faults

JOBLIB = "model.joblib"
RUNTIME = "mlserver_sklearn.SKLearnModel"


def export_mlserver(
    registry: Registry,
    version: str,
    folder: Path,  # made here; several versions may be exported below one parent
    trusted: tuple[str, ...] = (),  # further types that the pipeline may hold, from the library's code
) -> None:
    "Write what MLServer needs. Raises NoModel, NotTrusted, VolumeFault; BadInput where the folder is used."
    manifest = registry.verify(version)
    pipeline = load_pipeline(registry.folder(version), manifest, trusted)
    if calibration := calibration_of(registry.folder(version), manifest):
        pipeline = calibrating(pipeline, calibration)
    target = read_record(registry.folder(version), manifest, "contract.json", ContractSpec).target
    with faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInput(f"{folder} is not empty; name a new folder")
        dump_same(pipeline, folder / JOBLIB)
        (folder / "model-settings.json").write_text(json.dumps(model_settings(manifest, target), indent=2))


def dump_same(value: Any, path: Path) -> None:
    "Write a joblib file that has the same bytes in every process."
    from joblib.numpy_pickle import NumpyPickler

    class Pickler(NumpyPickler):  # type: ignore[misc, unused-ignore]
        # equal texts are one object in some processes and several in others; here they always are one
        def save(self, item: Any, *rest: Any) -> Any:
            return super().save(texts.setdefault(item, item) if type(item) is str else item, *rest)

    texts: dict[str, str] = {}
    with path.open("wb") as file:
        Pickler(file).dump(value)


def calibrating(pipeline: Any, calibration: Calibration) -> Any:
    """Return a classifier that answers with calibrated probabilities.

    It is put together of scikit-learn's own parts, because the other server has no goldenpath: its isotonic
    calibration is linear between knots too, and also divides those of classes by their sum.
    """
    from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier
    from sklearn.ensemble import VotingClassifier

    maps = calibration.maps if len(calibration.maps) > 2 else calibration.maps[-1:]
    raw = VotingClassifier([("pipeline", pipeline)], voting="soft")  # has probabilities alone to calibrate
    raw.estimators_, raw.classes_ = [pipeline], pipeline.classes_
    parts = [isotonic(knots) for knots in maps]
    whole = CalibratedClassifierCV(raw, method="isotonic")
    whole.classes_ = pipeline.classes_
    whole.calibrated_classifiers_ = [
        _CalibratedClassifier(raw, parts, classes=pipeline.classes_, method="isotonic")
    ]
    return whole


def isotonic(knots: Knots) -> Any:
    "Return the regression of scikit-learn that is linear between these knots."
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(out_of_bounds="clip").fit(knots.x, knots.y)


def model_settings(manifest: Manifest, target: TargetSpec) -> dict[str, Any]:
    "Build MLServer's settings: name, runtime and tensors."
    return {
        "name": manifest.model,
        "implementation": RUNTIME,
        "parameters": {"uri": f"./{JOBLIB}", "version": manifest.version, "content_type": "pd"},
        "inputs": tensors(manifest.layout),
        "outputs": [
            {
                "name": target.method,
                "datatype": "FP64",
                "shape": [-1, target.columns],
                "parameters": {"content_type": "np"},
            }
        ],
    }


def tensors(layout: Layout) -> list[dict[str, Any]]:
    "One tensor for each column that the pipeline takes, in its order."
    texts = [("BYTES", "str", name) for name in layout.text]
    numbers = [("FP64", "np", name) for name in layout.number]
    return [
        {"name": name, "datatype": datatype, "shape": [-1], "parameters": {"content_type": content}}
        for datatype, content, name in texts + numbers
    ]
