"""Runs in MLflow: found by a tag of ours, made where there is none, completed where something is new."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goldenpath.tracking.address import MlflowAddress
from goldenpath.tracking.facts import (
    CANDIDATE_TAG,
    FAILED_TAG,
    NOT_DUE_TAG,
    OF_RUN_TAG,
    RUN_TAG,
    RunFacts,
)

PARENT_TAG = "mlflow.parentRunId"
DIGEST_TAG = "goldenpath.mirrored"  # written last: hash of the facts that are there
FILES_TAG = "goldenpath.files"  # hashes of the files that are there
DIGEST_LENGTH = 36  # characters of a data set's digest in MLflow
_METRICS, _BATCH = 800, 100  # at most in one request: metrics; parameters, and tags


@dataclass(frozen=True)
class RunMirror:
    "The runs of one model in MLflow."

    client: Any  # mlflow.MlflowClient
    address: MlflowAddress
    experiment: str  # id: where new runs are made

    def mirror(self, facts: RunFacts) -> str:
        "Make the run in MLflow say these facts; return its id there. Nothing is written if it does."
        run = self.find(facts.name) or self._make_once(facts)
        if run.data.tags.get(DIGEST_TAG) != facts.digest:
            self._complete(run, facts)
            self._mirror_candidates(run, facts)
            self._end(run, facts)
        return str(run.info.run_id)

    def find(self, name: str) -> Any | None:  # mlflow.entities.Run
        "Return the oldest run of this name, in any experiment."
        return next(iter(self._search(RUN_TAG, name)), None)

    def _search(self, tag: str, value: str) -> list[Any]:
        places = [experiment.experiment_id for experiment in self._experiments()]
        runs = self.client.search_runs(places, f"tags.`{tag}` = '{value}'", max_results=1_000)
        return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    def _experiments(self) -> Iterator[Any]:
        page = self.client.search_experiments()
        yield from page
        while page.token:
            page = self.client.search_experiments(page_token=page.token)
            yield from page

    def _make_once(self, facts: RunFacts) -> Any:
        "Make a run. Two steps may do so at once: of theirs, all but the oldest are deleted again."
        made = self._make(facts, self.address.parent)
        first = self.find(facts.name) or made
        if first.info.run_id != made.info.run_id:
            self.client.delete_run(made.info.run_id)
        return first

    def _make(self, facts: RunFacts, parent: str) -> Any:
        tags = {**facts.tags, **({PARENT_TAG: parent} if parent else {})}
        return self.client.create_run(
            self.experiment, start_time=facts.started, tags=tags, run_name=facts.name
        )

    def _complete(self, run: Any, facts: RunFacts) -> None:
        from mlflow.entities import Metric, Param, RunTag

        metrics = [
            Metric(name, value, facts.ended, 0)
            for name, value in facts.metrics.items()
            if run.data.metrics.get(name) != value
        ]
        parameters = [
            Param(name, value) for name, value in facts.parameters.items() if name not in run.data.params
        ]
        tags = [RunTag(name, value) for name, value in facts.tags.items() if run.data.tags.get(name) != value]
        while metrics or parameters or tags:
            self.client.log_batch(run.info.run_id, metrics[:_METRICS], parameters[:_BATCH], tags[:_BATCH])
            metrics, parameters, tags = metrics[_METRICS:], parameters[_BATCH:], tags[_BATCH:]
        for name in {FAILED_TAG, NOT_DUE_TAG} & set(run.data.tags) - set(facts.tags):
            self.client.delete_tag(run.info.run_id, name)  # the run was resumed
        self._log_data(run, facts)
        self._upload(run, facts)

    def _log_data(self, run: Any, facts: RunFacts) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        there = {one.dataset.digest for one in run.inputs.dataset_inputs} if run.inputs else set()
        if facts.data is None or facts.data.fingerprint[:DIGEST_LENGTH] in there:
            return
        data = facts.data
        source = json.dumps({"uri": data.source})
        profile = json.dumps({"fingerprint": data.fingerprint, "split": data.split, **data.rows})
        digest = data.fingerprint[:DIGEST_LENGTH]
        dataset = Dataset("rows", digest, "goldenpath", source, profile=profile)
        context = InputTag("mlflow.data.context", "training")
        self.client.log_inputs(run.info.run_id, [DatasetInput(dataset, [context])])

    def _upload(self, run: Any, facts: RunFacts) -> None:
        there = _hashes_in(run.data.tags.get(FILES_TAG, ""))
        changed = {name: facts.files[name] for name, one in facts.hashes.items() if there.get(name) != one}
        if not changed:
            return
        with TemporaryDirectory() as folder:
            for name, content in changed.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            self.client.log_artifacts(run.info.run_id, folder)
        self.client.set_tag(run.info.run_id, FILES_TAG, json.dumps(facts.hashes))

    def _mirror_candidates(self, run: Any, facts: RunFacts) -> None:
        if not facts.candidates:
            return
        there = {child.data.tags.get(CANDIDATE_TAG): child for child in self._search(OF_RUN_TAG, facts.name)}
        for candidate in facts.candidates:
            child = there.get(candidate.tags[CANDIDATE_TAG])
            child = child or self._make(candidate, run.info.run_id)
            if child.data.tags.get(DIGEST_TAG) != candidate.digest:
                self._complete(child, candidate)
                self._end(child, candidate)

    def _end(self, run: Any, facts: RunFacts) -> None:
        name = run.info.run_id
        if facts.status == "RUNNING":
            self.client.update_run(name, status="RUNNING")
        else:
            self.client.set_terminated(name, facts.status, facts.ended)
        self.client.set_tag(name, DIGEST_TAG, facts.digest)


def _hashes_in(tag: str) -> dict[str, str]:
    "Read the hashes of the files that are there; of hundreds of files the server keeps half a tag."
    try:
        return dict(json.loads(tag))
    except ValueError:
        return {}


def experiment_of(client: Any, address: MlflowAddress, environ: Mapping[str, str], model: str) -> str:
    "Return the id of the experiment of new runs; made if it is missing."
    given = address.experiment or environ.get("MLFLOW_EXPERIMENT_ID", "")
    if given:
        return given
    name = environ.get("MLFLOW_EXPERIMENT_NAME", "") or model
    experiment = client.get_experiment_by_name(name)
    return str(experiment.experiment_id if experiment else client.create_experiment(name))
