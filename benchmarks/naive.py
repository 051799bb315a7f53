"""The service that loads the model on every request, as tutorials show it; for comparison only.

`python -m benchmarks.naive PIPELINE.joblib HOST:PORT`
"""

import json
import sys

import joblib
import pandas as pd
from flask import Flask, Response, request
from granian.constants import Interfaces
from granian.server import Server


def naive_app(pipeline: str) -> Flask:
    "One route, which unpacks the model each time."
    app = Flask(__name__)

    @app.post("/predict")
    def predict() -> Response:
        model = joblib.load(pipeline)
        probability = model.predict_proba(pd.DataFrame([request.get_json()]))[0, 1]
        return Response(json.dumps({"probability": probability}), content_type="application/json")

    return app


if __name__ == "__main__":
    host, _, port = sys.argv[2].rpartition(":")
    served = Server("naive", host, int(port), interface=Interfaces.WSGI, blocking_threads=1)
    served.serve(target_loader=lambda: naive_app(sys.argv[1]), wrap_loader=False)
