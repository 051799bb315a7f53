"""The contents of a version's `manifest.json`, and of the smaller records that steps hand on."""

import re
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from goldenpath.inference.calibration import CalibrationKind
from goldenpath.records import FastPathRecord, Frozen, Latency, Layout

DRAWN = re.compile(r"\(([\d,]+) rows, seed (\d+)\)$")  # in `source`, before `drawn` was a field of its own


class Drawn(Frozen):
    "How many synthetic rows were drawn, and by which seed: what draws the same rows again."

    rows: int
    seed: int


class DataSummary(Frozen):
    "What `02_data` read and how it was divided."

    source: str  # as in the settings; "synthetic stand-in (N rows, seed S)" where drawn
    synthetic: bool
    drawn: Drawn | None = None  # None if the rows were read
    answered: int | None = None  # rows read from feedback; None if the source does not add them
    fingerprint: str  # sha256 over the sorted row hashes of train, validation and test
    split: str  # the setting that was in force
    rows: dict[str, int]  # read, train, validation, test, set_aside, rejected, perhaps left_out
    seconds: float

    @model_validator(mode="before")
    @classmethod
    def _with_drawn(cls, values: Any) -> Any:
        "Complete a record of an older release, which said in `source` alone what was drawn."
        if not (isinstance(values, dict) and values.get("synthetic") is True and "drawn" not in values):
            return values
        drawn = DRAWN.search(str(values.get("source")))
        return (
            values | {"drawn": Drawn(rows=int(drawn[1].replace(",", "")), seed=int(drawn[2]))}
            if drawn
            else values
        )


class FileEntry(Frozen):
    sha256: str
    size: int  # bytes


class Origin(Frozen):
    "Where a candidate comes from: code, data, environment, who and when."

    version: str
    model: str
    model_version: str
    created: str  # UTC, ISO 8601
    who: str
    synthetic: bool
    seed: int
    identity: str  # sha256 of fingerprint, data fingerprint and seed: equal means the same model again
    fingerprint: str
    fingerprint_parts: dict[str, str]  # as `registry.fingerprint` takes it apart, to name a difference
    contract_hash: str
    layout: Layout
    environment: dict[str, str]  # python, goldenpath and the libraries that matter
    git_commit: str  # "" where unknown; "+changes" appended where the tree was not clean
    library_hash: str  # sha256 over the library's own files


class TrainingRecord(Origin):
    "What `05_train` hands to `06_evaluate`: what is known before the evaluation."

    seconds: dict[str, float]  # fit, compile, save
    onnx: str  # why there is no compiled model; "" where there is one
    published_as: str  # the version that was this very model when it was trained; "" where there was none
    clash: str  # why publishing will be refused (MODEL_VERSION names another model); "" where it will not
    candidate: str = ""  # its name in 04_model
    choice: str = ""  # why it was chosen, in words


class Manifest(Origin):
    "The whole story of one version; written last, so a folder without it isn't a candidate."

    format: Literal[1] = 1
    run: str
    threshold: float | None  # of two outcomes: from which probability on the answer is positive
    threshold_rule: str
    metrics: dict[str, float]
    data: DataSummary
    seconds: dict[str, float]  # of every phase
    fast_path: FastPathRecord
    latency: dict[str, Latency]  # "sklearn" and "onnx", one record in process
    files: dict[str, FileEntry]
    half_width: float | None = None  # of the interval around a predicted quantity
    calibration: CalibrationKind | None = None  # of the maps in its calibration.json, if there are any

    @model_serializer(mode="wrap")
    def _without_what_is_absent(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        later = ("half_width", "calibration")
        return {name: value for name, value in dump(self).items() if name not in later or value is not None}
