"""Real, small versions to serve: fitted on drawn records of the project's own contract, and published."""

import atexit
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np

from goldenpath.contract import CONTRACT
from goldenpath.evaluation.leaderboard import LEADERBOARD
from goldenpath.feedback.profile import PROFILE
from goldenpath.inference.engines import OnnxEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.explanation import learn_explainer
from goldenpath.inference.proof import compare_answers
from goldenpath.model import build_pipeline, choose_golden
from goldenpath.records import Columns, FastPathRecord
from goldenpath.registry.artifact import save_pipeline, write_manifest
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema import golden
from goldenpath.schema.contract import columns_of_json
from tests.helpers import candidates
from tests.helpers.drawn_profiles import profile_of_columns
from tests.helpers.leaderboards import made_up_leaderboard

MODEL = "covid-death"
ROWS = 2_000
THRESHOLD = 0.4
SIGNS = ("Yes", "70 - 79 Years", "80+ Years")


def records(n: int, seed: int) -> list[dict[str, Any]]:
    "n different-looking records that keep the contract."
    drawn = golden.pool(CONTRACT.spec, n, seed)
    return drawn.records[drawn.corners :]


def outcomes(rows: list[dict[str, Any]], seed: int) -> np.ndarray:  # (n,) bool
    "Outcomes that depend on the fields, with chance in them."
    signs = [sum(value in SIGNS for value in row.values()) for row in rows]
    return np.array(signs) + np.random.default_rng(seed).normal(size=len(rows)) > 2


def publish(
    home: Path,
    seed: int = 1,
    compiled: bool = True,
    model: str = MODEL,
    profiled: bool = True,  # with the profile that counts need
    **changes: Any,
) -> str:
    "Fit, compile, prove and publish a version; the seed makes another model of it."
    return Registry(home, model).publish(built(seed, compiled, model, profiled, tuple(changes.items())))


@cache
def built(
    seed: int, compiled: bool, model: str, profiled: bool, changes: tuple[tuple[str, Any], ...]
) -> Path:
    "Return the candidate of a version, made once for all tests of this process."
    folder = Path(mkdtemp(prefix="goldenpath-candidate-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    make_candidate(folder / "candidate", seed, compiled, profiled, model=model, **dict(changes))
    return folder / "candidate"


def promote(home: Path, version: str, role: str = "champion", share: float = 0.0) -> None:
    "Give a version a role."
    Registry(home, MODEL).promote(version, role, share, why="a test", who="ada@example.org")


def make_candidate(
    folder: Path, seed: int, compiled: bool, profiled: bool = True, **changes: Any
) -> Manifest:
    "Return a complete candidate folder of the default pipeline."
    folder.mkdir(parents=True)
    rows = records(ROWS, seed)
    columns = columns_of_json(CONTRACT.spec, rows)
    layout = layout_of(columns)
    pipeline = build_pipeline(layout, seed).fit(frame_of(columns, layout), outcomes(rows, seed))
    onnx = compile_onnx(pipeline, layout) if compiled else None
    record = _write_model(folder, pipeline, onnx, columns)
    (folder / "contract.json").write_text(CONTRACT.spec.model_dump_json())
    explainer = learn_explainer(pipeline, layout, CONTRACT.target, columns, columns)
    (folder / "explanation.json").write_text(explainer.model_dump_json())
    (folder / LEADERBOARD).write_text(made_up_leaderboard().model_dump_json())
    if profiled:
        scores = pipeline.predict_proba(frame_of(columns, layout))[:, 1]
        labels = [CONTRACT.target.outcomes[int(score >= THRESHOLD)] for score in scores]
        profile = profile_of_columns(CONTRACT.spec, columns, scores, labels)
        (folder / PROFILE).write_text(profile.model_dump_json())
    told = manifest_of(seed, layout=layout, fast_path=record, **changes)
    return write_manifest(folder, told)


def _write_model(folder: Path, pipeline: Any, onnx: bytes | None, columns: Columns) -> FastPathRecord:
    save_pipeline(pipeline, folder / "model.skops")
    layout = layout_of(columns)

    def answer(rows: Columns) -> np.ndarray:
        return pipeline.predict_proba(frame_of(rows, layout))[:, 1]

    drawn = golden.pool(CONTRACT.spec, 500)
    pooled = columns_of_json(CONTRACT.spec, drawn.records)
    fast: Callable[[Columns], np.ndarray] | None = OnnxEngine(onnx, layout).many if onnx else None
    chosen = choose_golden(drawn, answer(pooled), fast(pooled) if fast else None, THRESHOLD)
    (folder / "golden.json").write_text(chosen.model_dump_json())
    if onnx is None or fast is None:
        return FastPathRecord(status="absent", reason="not compiled in this test")
    (folder / "model.onnx").write_bytes(onnx)
    return compare_answers(answer(columns), fast(columns), THRESHOLD)


def manifest_of(seed: int, **changes: Any) -> Manifest:
    "Return the manifest of a candidate, before its files are hashed."
    identity = sha256(str(seed).encode()).hexdigest()
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    version = f"{changes.get('model_version', '1.0.0')}-{now}-{identity[:8]}"
    named = {
        "version": version,
        "identity": identity,
        "threshold": THRESHOLD,
        "threshold_rule": "0.4",
        "seed": seed,
    }
    return candidates.manifest(**{"spec": CONTRACT.spec, **named, **changes})
