"""Clients of the Open Inference Protocol that nobody here wrote, each in an environment of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

from goldenpath.measure.environments import isolated_python
from tests.helpers.patience import LONG
from tests.helpers.project import PROJECT
from tests.helpers.serving_fixtures import MODEL

CLIENTS = {"triton": "tritonclient[http]==2.73.0", "kserve": "kserve==0.15.2"}


def asked_by(client: str, listen: str, records: list[dict[str, Any]], folder: Path, *more: str) -> Any:
    "Return what a client received from a server for these records."
    file = folder / "records.json"
    file.write_text(json.dumps(records))
    python = isolated_python(client, CLIENTS[client])
    script = PROJECT / "tests" / "helpers" / f"ask_{client}.py"
    command = [python, script, listen, MODEL, file, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
