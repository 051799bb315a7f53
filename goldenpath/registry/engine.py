"""The engine of a version: opened from its files, and proven on its golden records before it may answer."""

from collections.abc import Callable
from pathlib import Path

from goldenpath.errors import GoldenpathError, NotTrusted
from goldenpath.inference.calibration import calibrate, calibrated
from goldenpath.inference.engines import CannotCompile, Engine, OnnxEngine, SklearnEngine
from goldenpath.inference.explanation import Explainer
from goldenpath.inference.proof import prove
from goldenpath.records import Columns, FastPathRecord
from goldenpath.registry.artifact import (
    EXPLANATION,
    calibration_of,
    load_pipeline,
    read_record,
    read_trusted,
)
from goldenpath.registry.manifest import Manifest
from goldenpath.schema.contract import ContractSpec, columns_of_json
from goldenpath.schema.golden import Golden
from goldenpath.schema.targets import AnyTarget

Complete = Callable[[Columns], Columns]  # what the contract hands over -> what the model takes


def open_engine(
    folder: Path,
    manifest: Manifest,
    complete: Complete,
    *,
    fast: bool = True,  # False: scikit-learn answers, for comparison
    trusted: tuple[str, ...] = (),
) -> tuple[Engine, str]:  # the second says why scikit-learn answers; empty if the ONNX model does
    """Open the ONNX model if it is proven, else scikit-learn; calibrate its answers as the version says.

    Raises NotTrusted if neither is proven, VolumeFault.
    """
    try:
        fast_engine, why = _open_onnx(folder, manifest, complete) if fast else (None, "not asked for")
        engine = fast_engine or _open_sklearn(folder, manifest, complete, trusted)
        return calibrated(engine, calibration_of(folder, manifest)), why
    except GoldenpathError:
        raise
    except Exception as error:  # a pipeline may fail in any way when it is asked
        reason = f"cannot be asked here ({type(error).__name__}: {str(error)[:120]})"
        raise NotTrusted(f"version {manifest.version} {reason}; train again") from error


def prove_golden(
    engine: Engine,
    folder: Path,
    manifest: Manifest,
    complete: Complete,
    *,
    singly: bool = False,  # also one by one
    answers_calibrated: bool = False,  # the engine calibrates already, if the version does
) -> FastPathRecord:  # "proven" or "refused", with the reason
    "Ask for the golden records of a version again, and compare with the raw answers stored with them."
    golden = read_record(folder, manifest, "golden.json", Golden)
    spec = read_record(folder, manifest, "contract.json", ContractSpec)
    columns = columns_of_json(spec, golden.records)
    taken = {*engine.layout.text, *engine.layout.number}
    if taken - columns.keys():
        columns = complete(columns)
    if unknown := sorted(taken - columns.keys()):
        raise NotTrusted(
            f"the model asks for {unknown}, which neither contract nor enrich() has; train it again"
        )
    calibration, expected = calibration_of(folder, manifest), golden.scores
    if answers_calibrated:
        calibration, expected = None, calibrate(expected, calibration)
    return prove(engine, columns, expected, manifest.threshold, singly=singly, calibration=calibration)


def target_of(folder: Path, manifest: Manifest) -> AnyTarget:
    "Read what a version predicts. Raises NotTrusted, VolumeFault."
    return read_record(folder, manifest, "contract.json", ContractSpec).target


def explainer_of(folder: Path, manifest: Manifest) -> Explainer | None:
    "Read what explains the answers; None for an older release. Raises NotTrusted, VolumeFault."
    return read_record(folder, manifest, EXPLANATION, Explainer) if EXPLANATION in manifest.files else None


def _open_onnx(folder: Path, manifest: Manifest, complete: Complete) -> tuple[OnnxEngine | None, str]:
    if "model.onnx" not in manifest.files:
        return None, f"no fast path: {manifest.fast_path.reason}"
    try:
        onnx, target = read_trusted(folder, manifest, "model.onnx"), target_of(folder, manifest)
        engine = OnnxEngine(onnx, manifest.layout, target)
        proof = prove_golden(engine, folder, manifest, complete, singly=True)
    except CannotCompile as error:
        return None, f"no fast path: {error}"
    if proof.status != "proven":
        return None, f"fast path refused on the golden rows: {proof.reason}"
    return engine, ""


def _open_sklearn(
    folder: Path, manifest: Manifest, complete: Complete, trusted: tuple[str, ...]
) -> SklearnEngine:
    pipeline, target = load_pipeline(folder, manifest, trusted), target_of(folder, manifest)
    engine = SklearnEngine(pipeline, manifest.layout, target)
    proof = prove_golden(engine, folder, manifest, complete)
    if proof.status != "proven":
        made_with = manifest.environment.get("scikit-learn")
        raise NotTrusted(
            f"version {manifest.version}, made with scikit-learn {made_with}, answers differently here: "
            f"{proof.reason}; use the libraries it was made with, or train again"
        )
    return engine
