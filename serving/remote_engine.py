"""The model somewhere else: contract, enrichment, roles and decision stay here, only the model call goes out.

It speaks the Open Inference Protocol to a server that holds the fitted pipeline of each version under that
version's name, such as MLServer with what `goldenpath models export` writes. If the version is calibrated,
the pipeline there calibrates.
"""

import http.client
import json
import math
import threading
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import numpy as np
from pydantic_core import from_json

from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput, GoldenpathError, NotTrusted
from goldenpath.inference.engines import Score, first_score
from goldenpath.model import enriched
from goldenpath.predict import Predictor, refuse_contract, refuse_major
from goldenpath.records import Columns, Layout
from goldenpath.registry.artifact import read_record
from goldenpath.registry.engine import explainer_of, prove_golden, target_of
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import ContractSpec
from goldenpath.schema.targets import TWO_OUTCOMES, TargetSpec
from goldenpath.settings import Settings


class BackendFailed(GoldenpathError):
    "The backend cannot be reached, or did not answer as it must."


class BackendTimeout(BackendFailed):
    "The backend took too long."


class ServerError(BackendFailed):
    "The backend answered that something is wrong with itself: worth a further try."


class RemoteEngine:
    "One version in a server of its own."

    name = "v2"

    def __init__(
        self,
        url: str,
        name: str,
        version: str,
        layout: Layout,
        timeout: float = 2.0,  # seconds
        retries: int = 1,  # further tries, on a new connection
        target: TargetSpec = TWO_OUTCOMES,
    ) -> None:
        "Parse the URL. Raises BadInput."
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"backend_url {url!r} is not a URL such as http://mlserver:8080")
        self.layout, self.target = layout, target
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/v2/models/{name}/versions/{version}/infer"
        self._timeout, self._tries = timeout, retries + 1
        self._own = threading.local()  # a connection for each thread

    def one(self, text: Sequence[str], number: Sequence[float]) -> Score:
        "Return the scores of one record. Raises BackendFailed, BackendTimeout."
        values: list[list[Any]] = [[value] for value in (*text, *number)]
        return first_score(self._ask(values))

    def many(self, columns: Columns) -> np.ndarray:  # (n,) or (n, k) float64
        "Return the scores of n records. Raises BackendFailed, BackendTimeout."
        values = [columns[name].tolist() for name in (*self.layout.text, *self.layout.number)]
        if not values[0]:
            return self.target.pick(np.empty((0, self.target.columns)))
        return self._ask(values)

    def _ask(self, values: list[list[Any]]) -> np.ndarray:
        outputs = [{"name": self.target.method}]
        body = json.dumps({"inputs": self._tensors(values), "outputs": outputs}).encode()
        fault = BackendFailed("the backend was not asked")
        for _ in range(self._tries):
            try:
                return scores_of(self._post(body), len(values[0]), self.target)
            except TimeoutError:
                self._drop()
                fault = BackendTimeout(f"the backend did not answer within {self._timeout:g} s; try again")
            except ServerError as error:
                self._drop()
                fault = error
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                fault = BackendFailed(f"the backend cannot be reached ({type(error).__name__}); try again")
        raise fault

    def _tensors(self, values: list[list[Any]]) -> list[dict[str, Any]]:
        names = (*self.layout.text, *self.layout.number)
        kinds = ["BYTES"] * len(self.layout.text) + ["FP64"] * len(self.layout.number)
        return [
            {"name": name, "shape": [len(column)], "datatype": kind, "data": nulls_for_nan(column)}
            for name, kind, column in zip(names, kinds, values, strict=True)
        ]

    def _post(self, body: bytes) -> bytes:
        connection = self._connection()
        connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        content = reply.read()
        if reply.status >= 500:
            raise ServerError(f"the backend answered with status {reply.status}; see its log, or try again")
        if reply.status != 200:
            raise BackendFailed(f"the backend refused the call with status {reply.status}; see its log")
        return content

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._own, "connection", None) is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._own.connection = kind(self._host, self._port, timeout=self._timeout)
        return cast(http.client.HTTPConnection, self._own.connection)

    def _drop(self) -> None:
        self._connection().close()
        self._own.connection = None


def nulls_for_nan(values: list[Any]) -> list[Any]:
    "JSON knows no NaN."
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]


def scores_of(content: bytes, rows: int, target: TargetSpec) -> np.ndarray:  # (rows,) or (rows, k)
    "Read the answer. Raises BackendFailed where it is not the protocol's, or of another length."
    try:
        outputs = {tensor["name"]: tensor["data"] for tensor in from_json(content)["outputs"]}
        numbers = np.array(outputs[target.method], dtype=np.float64).reshape(rows, target.columns)
    except (ValueError, KeyError, TypeError) as error:
        raise BackendFailed(f"the backend's answer cannot be read ({type(error).__name__})") from None
    scores = target.pick(numbers)
    likely = not target.outcomes or (scores.min() >= 0 and scores.max() <= 1)
    if not (np.isfinite(scores).all() and likely):
        raise BackendFailed(f"the backend's answer is not a {'probability' if target.outcomes else 'number'}")
    return scores


def open_remote(registry: Registry, settings: Settings, name: str) -> Predictor:
    """Open a version whose model is on another server, verified there on its golden records.

    Raises NoModel, BadInput, NotTrusted, VolumeFault, BackendFailed.
    """
    version = registry.resolve(name)
    manifest, folder = registry.verify(version), registry.folder(version)
    refuse_major(manifest)
    refuse_contract(manifest, read_record(folder, manifest, "contract.json", ContractSpec))
    url, timeout, retries = settings.backend_url, settings.backend_timeout, settings.backend_retries
    target = target_of(folder, manifest)
    engine = RemoteEngine(url, manifest.model, version, manifest.layout, timeout, retries, target)
    proof = prove_golden(engine, folder, manifest, enriched, answers_calibrated=True)
    if proof.status != "proven":
        raise NotTrusted(f"the backend's {version} is another model: {proof.reason}; export it there again")
    why = "the model answers elsewhere (backend = v2)"
    explainer = explainer_of(folder, manifest)
    return Predictor(engine, CONTRACT, manifest.threshold, version, why, manifest, explainer)
