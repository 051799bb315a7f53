"""The contents of a version's `manifest.json`, and in the smaller records that steps hand on."""

from typing import Literal

from goldenpath.records import FastPathRecord, Frozen, Latency, Layout


class DataSummary(Frozen):
    "What `02_data` read and how it was divided."

    source: str  # file, glob or URL; "synthetic stand-in (N rows, seed S)" where drawn
    synthetic: bool
    fingerprint: str  # sha256 over the sorted row hashes of train, validation and test
    split: str  # the setting that was in force
    rows: dict[str, int]  # read, train, validation, test, set_aside, rejected
    seconds: float


class FileEntry(Frozen):
    sha256: str
    size: int  # bytes


class Manifest(Frozen):
    "The whole story of one version; written last, so a folder without it isn't a candidate."

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
    "What `05_train` hands to `06_evaluate`: the part of the manifest that is known before the evaluation."

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
