"""Real, small candidates for the tests of the registry: a fitted pipeline, its contract, its manifest."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from goldenpath.records import FastPathRecord, Latency, Layout
from goldenpath.registry.artifact import save_pipeline, write_manifest
from goldenpath.registry.manifest import DataSummary, Manifest
from goldenpath.schema.definition import Target
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.spec import ContractSpec

TARGET = Target(column="left", positive="Yes", negative="No")
COLOUR = FieldSpec(name="colour", kind="level", levels=("blue", "red"))
AGE = FieldSpec(name="age", kind="number", lower=0, upper=120)
SPEC = ContractSpec(fields=(COLOUR, AGE), target=TARGET)


def make_candidate(
    folder: Path,
    number: int = 1,  # tells candidates apart: identity and second of the name
    *,
    spec: ContractSpec = SPEC,
    padding: int = 0,  # bytes of a further file, for a model of a certain size
    **changes: Any,  # of the manifest
) -> Path:
    "Return a complete candidate; equal arguments make equal files."
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.skops").write_bytes(fitted())
    (folder / "contract.json").write_text(spec.model_dump_json())
    (folder / "golden.json").write_text(golden())
    if padding:
        (folder / "weights.onnx").write_bytes(bytes(padding))
    write_manifest(folder, manifest(number, spec, **changes))
    return folder


def manifest(number: int = 1, spec: ContractSpec = SPEC, **changes: Any) -> Manifest:
    "Return the manifest of such a candidate, before its files are hashed."
    identity = f"{number:08x}" + "0" * 56
    model_version = changes.get("model_version", "1.0.0")
    seconds = f"{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}"
    plain: dict[str, Any] = {
        "version": f"{model_version}-20261121T{seconds}Z-{identity[:8]}",
        "model": "churn",
        "model_version": model_version,
        "created": "2026-11-21T00:00:00+00:00",
        "who": "ada@example.org",
        "run": "20261121T000000Z-abcdef",
        "synthetic": False,
        "seed": 42,
        "identity": identity,
        "fingerprint": "f" * 64,
        "fingerprint_parts": {"contract": spec.hash, "pipeline": "LogisticRegression()", "postprocess": "p"},
        "contract_hash": spec.hash,
        "layout": Layout(text=("colour",), number=("age",)),
        "threshold": 0.5,
        "threshold_rule": "0.5",
        "metrics": {"roc_auc": 0.9},
        "data": summary(),
        "seconds": {"fit": 0.1},
        "environment": {"python": "3.11.7"},
        "git_commit": "",
        "library_hash": "a" * 64,
        "fast_path": FastPathRecord(status="absent", reason="not compiled in this test"),
        "latency": {"sklearn": Latency(p50=0.002, p95=0.003, p99=0.004)},
        "files": {},
    }
    return Manifest(**{**plain, **changes})


def summary() -> DataSummary:
    "Return what the rows were."
    return DataSummary(
        source="rows.csv",
        synthetic=False,
        fingerprint="d" * 64,
        split="hash 0.70 0.15 0.15",
        rows={"read": 6, "train": 4, "validation": 1, "test": 1, "set_aside": 0, "rejected": 0},
        seconds=0.1,
    )


@cache
def fitted() -> bytes:
    "Return a fitted pipeline of one text and one number column, as skops writes it."
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        save_pipeline(pipeline(), Path(folder, "model.skops"))
        return Path(folder, "model.skops").read_bytes()


@cache
def golden() -> str:
    "Return what that pipeline answers to one record."
    import pandas as pd

    record = {"colour": "blue", "age": 10.0}
    probability = float(pipeline().predict_proba(pd.DataFrame([record]))[0, 1])
    return json.dumps({"records": [record], "probability": [probability], "label": [probability >= 0.5]})


def pipeline() -> Any:
    "Return the same pipeline, as Python objects."
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pd.DataFrame({"colour": ["blue", "red"] * 3, "age": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]})
    encode = ColumnTransformer(
        [("colour", OneHotEncoder(handle_unknown="ignore"), ["colour"])], remainder="passthrough"
    )
    return make_pipeline(encode, LogisticRegression(random_state=42)).fit(rows, [0, 0, 0, 1, 1, 1])
