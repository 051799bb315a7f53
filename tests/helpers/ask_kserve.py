"""Run in an environment of its own: ask a server by KServe's client, and print what it answered as JSON.

`python ask_kserve.py HOST:PORT MODEL RECORDS.json`; the client knows nothing of goldenpath.
"""

import asyncio
import json
import sys
import urllib.request

from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


async def main() -> None:
    address, model, file = sys.argv[1:]
    with open(file) as opened:
        records = json.load(opened)
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    url = f"http://{address}"
    metadata = json.load(urllib.request.urlopen(f"{url}/v2/models/{model}"))
    inputs = [
        InferInput(
            tensor["name"], [len(records)], tensor["datatype"], [record[tensor["name"]] for record in records]
        )
        for tensor in metadata["inputs"]
    ]
    answer = await client.infer(url, InferRequest(model_name=model, infer_inputs=inputs), model_name=model)
    said = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url) and await client.is_model_ready(url, model),
        "outputs": {output.name: output.data for output in answer.outputs},
        "shapes": {output.name: output.shape for output in answer.outputs},
    }
    print(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main())
