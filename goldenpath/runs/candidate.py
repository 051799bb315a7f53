"""The candidate of a run: trained by `05_train`, completed by `06_evaluate` even if the gate refuses it."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.leaderboard import LEADERBOARD, CandidateEntry, Leaderboard
from goldenpath.evaluation.record import Evaluation
from goldenpath.feedback.profile import PROFILE, Profile
from goldenpath.inference.calibration import Calibration
from goldenpath.inference.engines import CannotCompile, Engine, SklearnEngine, compile_onnx
from goldenpath.inference.explanation import learn_explainer
from goldenpath.inference.proof import Paths, open_fast_path, single_rows
from goldenpath.measure.stopwatch import latency, time_calls
from goldenpath.records import Columns, FastPathRecord, Latency, Layout
from goldenpath.registry.artifact import (
    CALIBRATION,
    EXPLANATION,
    pipeline_from,
    save_pipeline,
    write_manifest,
)
from goldenpath.registry.manifest import DataSummary, Manifest, TrainingRecord
from goldenpath.runs.fits import TrainingRows
from goldenpath.runs.run import Run
from goldenpath.runs.wide import columns_of_frame
from goldenpath.schema.contract import Contract, columns_of_json
from goldenpath.schema.golden import Golden, pool
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import TargetSpec


@dataclass(frozen=True)
class Candidate:
    "A trained model in the folder of a run."

    run: Run
    folder: Path
    record: TrainingRecord
    paths: Paths

    @property
    def leaderboard(self) -> Leaderboard | None:
        "The leaderboard that it comes from; None for a candidate from before there was one."
        file = self.folder / LEADERBOARD
        return Leaderboard.model_validate_json(file.read_bytes()) if file.exists() else None

    def calibrated(self, calibration: Calibration | None) -> "Candidate":
        "Return the same candidate with calibrated answers, or without if there is nothing to calibrate by."
        return replace(self, paths=replace(self.paths, calibration=calibration))

    def complete(
        self,
        manifest: Manifest,
        golden: Golden,
        verdict: Verdict,
        card: Mapping[str, bytes],  # by file name
        profile: Profile,
    ) -> Manifest:
        "Write the remaining files, and the manifest last: a folder without a manifest is not a candidate."
        if manifest.fast_path.status == "refused":  # kept in the run, where a person can look at it
            os.replace(self.folder / "model.onnx", self.run.output("refused/model.onnx"))
        (self.folder / "golden.json").write_text(golden.model_dump_json(), "utf-8")
        (self.folder / "verdict.json").write_text(verdict.model_dump_json(indent=2), "utf-8")
        (self.folder / PROFILE).write_text(profile.model_dump_json(), "utf-8")
        for name, content in card.items():
            (self.folder / name).write_bytes(content)
        (self.folder / CALIBRATION).unlink(missing_ok=True)  # of an evaluation before this one
        if self.paths.calibration:
            (self.folder / CALIBRATION).write_text(self.paths.calibration.model_dump_json(), "utf-8")
        return write_manifest(self.folder, manifest)

    def manifest(
        self,
        evaluation: Evaluation,
        fast_path: FastPathRecord,
        timed: dict[str, Latency],
        seconds: float,  # that the evaluation took so far
    ) -> Manifest:
        "Gather the history of a version, without the hashes of its files."
        data = self.run.record("data/summary.json", DataSummary)
        metrics = evaluation.models[0].metrics.items()
        return Manifest(
            **self.record.model_dump(
                exclude={"seconds", "onnx", "published_as", "clash", "candidate", "choice"}
            ),
            run=self.run.id,
            threshold=evaluation.threshold.value if evaluation.threshold else None,
            threshold_rule=evaluation.threshold.rule if evaluation.threshold else "",
            half_width=evaluation.half_width,
            calibration=None if self.paths.calibration is None else self.paths.calibration.kind,
            metrics={name: metric.value for name, metric in metrics if metric.value is not None},
            data=data,
            seconds={"data": data.seconds, **self.record.seconds, "evaluate": round(seconds, 3)},
            fast_path=fast_path,
            latency=timed,
            files={},
        )


@dataclass(frozen=True)
class SavedModel:
    "A fitted pipeline in a folder, with its compiled model if it has one."

    folder: Path
    pipeline: Any
    layout: Layout
    target: TargetSpec
    seconds: dict[str, float]  # to save and to compile
    onnx: str  # why there is no compiled model

    def fields(self, leaderboard: Leaderboard) -> dict[str, Any]:
        "Return what the record of the training says of it."
        return {
            "layout": self.layout,
            "seconds": {"fit": leaderboard.entry.fit_seconds, **self.seconds},
            "onnx": self.onnx,
            "candidate": leaderboard.chosen,
            "choice": leaderboard.reason,
        }

    def paths(self) -> Paths:
        "Open both ways to answer."
        fast, why_not = open_fast_path(self.folder / "model.onnx", self.layout, self.onnx, self.target)
        return Paths(SklearnEngine(self.pipeline, self.layout, self.target), fast, why_not)


def write_candidate(
    folder: Path,  # made if it is missing
    pipeline: Any,  # fitted
    layout: Layout,
    contract: Contract,
) -> SavedModel:
    "Write what is known before the evaluation: pipeline, compiled model, contract."
    folder.mkdir(parents=True, exist_ok=True)
    started = perf_counter()
    save_pipeline(pipeline, folder / "model.skops")
    (folder / "contract.json").write_text(contract.spec.model_dump_json(indent=2))
    saved, reason = perf_counter(), ""
    try:
        (folder / "model.onnx").write_bytes(compile_onnx(pipeline, layout))
    except (CannotCompile, ImportError) as error:
        reason = str(error)
    seconds = {"save": saved - started, "compile": perf_counter() - saved}
    return SavedModel(folder, pipeline, layout, contract.target, seconds, reason)


def save_candidates(
    run: Run,
    models: Mapping[str, Any],  # fitted pipelines by name
    layout: Layout,
    contract: Contract,
) -> dict[str, SavedModel]:
    "Write every candidate into the run, where `keep_candidate` leaves the chosen one."
    saved = {}
    for name, pipeline in models.items():
        run.doing(f"saving and compiling {name}")
        saved[name] = write_candidate(run.folder / "candidates" / name, pipeline, layout, contract)
    run.doing("timing the candidates")
    return saved


COMPARED_ROWS = 2_000  # of the proof
TIMED_CALLS, TIMED_WITHIN = 100, 0.5  # single answers, and seconds for all of them


def with_costs(
    entry: CandidateEntry,
    saved: SavedModel,
    frame: Any,  # pandas.DataFrame of training rows, as the pipeline takes it
) -> CandidateEntry:
    "Complete a line of the leaderboard: does the fast path hold, what does an answer take, how large is it?"
    paths = saved.paths()
    first = {name: frame[name].to_numpy()[:COMPARED_ROWS] for name in frame}
    proof = paths.prove(first, 0.5 if saved.target.task == "binary" else None)
    engine: Engine = paths.fast if proof.status == "proven" and paths.fast else paths.sklearn
    single = single_rows(first, saved.layout, TIMED_CALLS)
    seconds = time_calls(lambda values: engine.one(*values), single, 10, TIMED_WITHIN)
    files = ("model.skops", "model.onnx") if engine is paths.fast else ("model.skops",)
    size = sum((saved.folder / name).stat().st_size for name in files)
    costs = {"fast_path": proof, "engine": engine.name, "latency": latency(seconds), "size": size}
    return entry.model_copy(update=costs)


def keep_candidate(
    run: Run,
    saved: SavedModel,
    leaderboard: Leaderboard,
    columns: Mapping[str, NDArray[Any]],  # training rows as the contract reads them
    rows: TrainingRows,  # the same as the model takes them
) -> None:
    "Make the chosen one the candidate of the run, with leaderboard and explainer beside it; the others go."
    folder = run.output("candidate/model.skops").parent
    for earlier in (folder, run.folder / "refused"):
        shutil.rmtree(earlier, ignore_errors=True)
    os.replace(saved.folder, folder)
    shutil.rmtree(saved.folder.parent)
    complete = columns_of_frame(rows.frame)
    explainer = learn_explainer(saved.pipeline, saved.layout, saved.target, columns, complete, rows.weight)
    (folder / EXPLANATION).write_text(explainer.model_dump_json(), "utf-8")
    (folder / LEADERBOARD).write_text(leaderboard.model_dump_json(indent=2), "utf-8")


def open_candidate(
    run: Run,
    trusted: tuple[str, ...] = (),  # types of an estimator that may be loaded besides the usual ones
) -> Candidate:
    """Load both paths of the candidate; one of an older run is copied first, because a run never changes.

    Raises BadInput if no run holds one, NotTrusted, VolumeFault.
    """
    record = run.record("training.json", TrainingRecord)
    folder, trained = run.output("candidate/model.skops").parent, run.input("candidate/model.skops").parent
    refused = run.folder / "refused/model.onnx"  # by an evaluation of this run that was cut off
    if refused.exists():
        os.replace(refused, folder / "model.onnx")
    if trained != folder:
        for name in ("model.skops", "model.onnx", "contract.json", LEADERBOARD, EXPLANATION):
            if (trained / name).exists():
                shutil.copyfile(trained / name, folder / name)
    file = folder / "model.skops"
    pipeline = pipeline_from(file.read_bytes(), file, trusted)
    target = ContractSpec.model_validate_json((folder / "contract.json").read_bytes()).target
    fast, without_fast = open_fast_path(folder / "model.onnx", record.layout, record.onnx, target)
    engine = SklearnEngine(pipeline, record.layout, target)
    return Candidate(run, folder, record, Paths(engine, fast, without_fast))


def prove_twice(
    paths: Paths,
    held_out: Columns,  # of validation and test rows, complete
    spec: ContractSpec,
    threshold: float | None,
    complete: Callable[[Columns], Columns],  # the model's own `enriched`
    choose: Callable[..., Golden],  # and its `choose_golden`
) -> tuple[FastPathRecord, Golden]:
    "Compare scikit-learn and ONNX on the held-out rows, then on the golden records made here."
    proof = paths.prove(held_out, threshold)
    drawn = pool(spec)
    columns = complete(columns_of_json(spec, drawn.records))
    fast = paths.fast.many(columns) if proof.status == "proven" and paths.fast else None
    golden = choose(drawn, paths.sklearn.many(columns), fast, threshold, calibration=paths.calibration)
    if proof.status == "proven":
        again = paths.prove(complete(columns_of_json(spec, golden.records)), threshold)
        if again.status != "proven":
            proof = again.model_copy(update={"reason": f"on golden rows: {again.reason}"})
    return proof, golden
