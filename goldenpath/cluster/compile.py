"""Elyra's own compiler: a pipeline file becomes what Kubeflow Pipelines runs.

The archives of the nodes go to an S3 store on the way, exactly as with Run in the editor.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from goldenpath.cluster.workspace import elyra_pipeline
from goldenpath.errors import GoldenpathError
from goldenpath.programs import last_line
from goldenpath.records import Frozen

CONFIGURATION = "rehearsal"  # name of the runtime configuration that Elyra is given here


class Store(Frozen):
    "An S3 store that Elyra sends archives to."

    endpoint: str
    user: str
    password: str
    bucket: str


def compile_pipeline(
    file: Path,  # of the copy
    root: Path,  # the copy's folder; Elyra takes its working folder for the workspace
    store: Store,
    folder: Path,  # where the result and Elyra's words go
) -> Path:
    "Let Elyra upload the archives and write Kubeflow Pipelines' format to `<folder>/<name>.yaml`."
    command = elyra_pipeline()
    compiled = folder / f"{file.stem}.yaml"
    with tempfile.TemporaryDirectory() as own:
        options = ["--runtime-config", CONFIGURATION, "--format", "yaml", "--overwrite"]
        done = subprocess.run(
            [*command, "export", str(file), *options, "--output", str(compiled)],
            cwd=root,
            env=os.environ | _configured(store, Path(own)),
            capture_output=True,
            text=True,
            check=False,
        )
    (folder / "export.log").write_text(done.stdout + done.stderr, "utf-8")
    if done.returncode or not compiled.is_file():
        raise GoldenpathError(f"Elyra cannot export {file.name}: {complaint(done.stdout + done.stderr)}")
    return compiled


def _configured(store: Store, folder: Path) -> dict[str, str]:
    "Variables under which Elyra knows this one runtime configuration, and leaves nothing in the user's home."
    places = {f"JUPYTER_{kind}_DIR": folder / kind.lower() for kind in ("DATA", "RUNTIME", "CONFIG")}
    runtimes = folder / "data" / "metadata" / "runtimes"
    for place in (*places.values(), runtimes):
        place.mkdir(parents=True, exist_ok=True)
    metadata = {
        "runtime_type": "KUBEFLOW_PIPELINES",
        "engine": "Argo",
        "api_endpoint": store.endpoint,  # never called: an export asks only the store
        "public_api_endpoint": store.endpoint,
        "auth_type": "NO_AUTHENTICATION",
        "cos_endpoint": store.endpoint,
        "cos_auth_type": "USER_CREDENTIALS",
        "cos_username": store.user,
        "cos_password": store.password,
        "cos_bucket": store.bucket,
    }
    record = {"display_name": CONFIGURATION, "schema_name": "kfp", "metadata": metadata}
    (runtimes / f"{CONFIGURATION}.json").write_text(json.dumps(record), "utf-8")
    return {name: str(place) for name, place in places.items()}


def complaint(output: str) -> str:
    "Return the most useful line: the first error, with the next line if it ends with a colon."
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for place, line in enumerate(lines):
        if "[Error]" in line or line.startswith("Error"):
            return " ".join(lines[place : place + 2]) if line.endswith(":") else line
    return last_line(output)
