"""What stands in a version's `manifest.json`, and in the smaller records that steps hand on."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    "A value that travels between functions and into JSON: immutable, unknown keys refused."

    model_config = ConfigDict(frozen=True, extra="forbid")


class Layout(Frozen):
    "The columns that the fitted pipeline takes, in order: one text tensor and one number tensor."

    text: tuple[str, ...]
    number: tuple[str, ...]


class DataSummary(Frozen):
    "What `02_data` read and how it was divided."

    source: str  # file, glob or URL; "synthetic stand-in (N rows, seed S)" where drawn
    synthetic: bool
    fingerprint: str  # sha256 over the sorted row hashes of train, validation and test
    split: str  # the setting that was in force
    rows: dict[str, int]  # read, train, validation, test, set_aside, rejected
    seconds: float


class Latency(Frozen):
    "Percentiles of single calls, in seconds."

    p50: float
    p95: float
    p99: float


class FastPathRecord(Frozen):
    "What is known of the compiled model, and why."

    status: Literal["proven", "unproven", "refused", "absent"]
    reason: str  # one line; "" where proven
    rows: int = 0  # held-out rows on which both paths were compared
    max_difference: float | None = None  # largest difference of probability on them


class FileEntry(Frozen):
    sha256: str
    size: int  # bytes


class Manifest(Frozen):
    "The whole story of one version; written last, so a folder without it is no candidate."

    format: Literal[1] = 1
    version: str
    model: str
    model_version: str
    created: str  # UTC, ISO 8601
    who: str
    run: str
    synthetic: bool
    seed: int
    identity: str  # sha256 of fingerprint, data fingerprint and seed: equal means the same model again
    fingerprint: str
    fingerprint_parts: dict[str, str]  # as provenance.fingerprint takes it apart, to name a difference
    contract_hash: str
    layout: Layout
    threshold: float
    threshold_rule: str
    metrics: dict[str, float]
    data: DataSummary
    seconds: dict[str, float]  # of every phase
    environment: dict[str, str]  # python, goldenpath and the libraries that matter
    git_commit: str  # "" where unknown; "+changes" appended where the tree was not clean
    library_hash: str  # sha256 over the library's own files
    fast_path: FastPathRecord
    latency: dict[str, Latency]  # "sklearn" and "onnx", one record in process
    files: dict[str, FileEntry]


class TrainingRecord(Frozen):
    "What `05_train` hands to `06_evaluate`: the part of the manifest that is known before anybody judged."

    version: str
    model: str
    model_version: str
    created: str
    who: str
    synthetic: bool
    seed: int
    identity: str
    fingerprint: str
    fingerprint_parts: dict[str, str]
    contract_hash: str
    layout: Layout
    seconds: dict[str, float]  # fit, compile, save
    environment: dict[str, str]
    git_commit: str
    library_hash: str
    onnx: str  # why there is no compiled model; "" where there is one
    published_as: str  # the version that is this very model already; "" where there is none
    clash: str  # why publishing will be refused (MODEL_VERSION names another model); "" where it will not
