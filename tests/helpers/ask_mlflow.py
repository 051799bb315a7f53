"""Asks an MLflow server with MLflow's own client, in an environment that has no goldenpath: prints JSON.

`ask_mlflow.py all`: experiments, runs, versions; `ask_mlflow.py predict URI FILE`: answers to records.
"""

import json
import sys
from typing import Any

from mlflow import MlflowClient


def everything(client: MlflowClient) -> dict[str, Any]:
    "Return what the server holds, with the times at which it was changed."
    places = [experiment.experiment_id for experiment in client.search_experiments()]
    models = client.search_registered_models()
    return {
        "experiments": {one.experiment_id: one.name for one in client.search_experiments()},
        "runs": [described(client, run) for run in client.search_runs(places, max_results=1_000)],
        "versions": [dict(version) for version in client.search_model_versions()],
        "models": [{**dict(model), "latest_versions": None} for model in models],
    }


def described(client: MlflowClient, run: Any) -> dict[str, Any]:
    return {
        "id": run.info.run_id,
        "experiment": run.info.experiment_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "times": [run.info.start_time, run.info.end_time],
        "tags": run.data.tags,
        "parameters": run.data.params,
        "metrics": run.data.metrics,
        "history": {name: len(client.get_metric_history(run.info.run_id, name)) for name in run.data.metrics},
        "data": [
            {**dict(one.dataset), "tags": {tag.key: tag.value for tag in one.tags}}
            for one in run.inputs.dataset_inputs
        ],
        "files": [*files(client, run.info.run_id, "")],
    }


def files(client: MlflowClient, run: str, folder: str) -> Any:
    for one in client.list_artifacts(run, folder):
        if one.is_dir:
            yield from files(client, run, one.path)
        else:
            yield one.path


def answers(uri: str, file: str) -> Any:
    import pandas as pd
    from mlflow.pyfunc import load_model

    with open(file) as stream:
        return load_model(uri).predict(pd.DataFrame(json.load(stream))).to_dict("list")


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    result = answers(*words) if kind == "predict" else everything(MlflowClient())
    print("ANSWER", json.dumps(result, default=str))
