"""Run in an environment of its own: ask a server by NVIDIA's client, and print what it answered as JSON.

`python ask_triton.py HOST:PORT MODEL RECORDS.json [gzip]`; the client knows nothing of goldenpath.
"""

import json
import sys

import numpy as np
import tritonclient.http as triton

TYPES = {"BYTES": np.object_, "FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_}


def main() -> None:
    address, model, file, *packed = sys.argv[1:]
    client = triton.InferenceServerClient(address)
    told = client.get_model_metadata(model)
    with open(file) as opened:
        records = json.load(opened)
    inputs = [tensor(one, [record[one["name"]] for record in records]) for one in told["inputs"]]
    outputs = [output["name"] for output in told["outputs"]]
    named = [triton.InferRequestedOutput(outputs[1], binary_data=False)]
    options = {"request_compression_algorithm": packed[0]} if packed else {}
    all_outputs = client.infer(model, inputs, request_id="triton-1", **options)
    one_output = client.infer(model, inputs, outputs=named, model_version=told["versions"][0])
    said = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready() and client.is_model_ready(model),
        "server": client.get_server_metadata(),
        "told": told,
        "id": all_outputs.get_response()["id"],
        "outputs": {name: all_outputs.as_numpy(name).tolist() for name in outputs},
        "again": one_output.as_numpy(outputs[1]).tolist(),
        "only": one_output.as_numpy(outputs[0]) is None,
        "refused": refusal(client, model, inputs[1:]),
        "binary": refusal(client, model, [binary(one) for one in inputs]),
    }
    print(json.dumps(said))


def tensor(told: dict, values: list) -> triton.InferInput:
    made = triton.InferInput(told["name"], [len(values)], told["datatype"])
    made.set_data_from_numpy(np.array(values, dtype=TYPES[told["datatype"]]), binary_data=False)
    return made


def binary(one: triton.InferInput) -> triton.InferInput:
    made = triton.InferInput(one.name(), one.shape(), one.datatype())
    value = "x" if one.datatype() == "BYTES" else 1
    values = np.array([value] * one.shape()[0], dtype=TYPES[one.datatype()])
    made.set_data_from_numpy(values, binary_data=True)
    return made


def refusal(client: triton.InferenceServerClient, model: str, inputs: list) -> str:
    try:
        client.infer(model, inputs)
    except triton.InferenceServerException as error:
        return f"{error.status()} {error.message()}"
    return "not refused"


if __name__ == "__main__":
    main()
