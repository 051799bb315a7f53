"""Where podman, skopeo and docker keep their credentials for container registries."""

import json
import os
from pathlib import Path
from typing import Any

from goldenpath.errors import BadInput


def credential_files() -> list[Path]:
    "List the files in which podman, skopeo and docker keep credentials, the nearest first."
    environ = os.environ.get
    runtime = environ("XDG_RUNTIME_DIR")
    return [
        Path(path)
        for path in (
            environ("REGISTRY_AUTH_FILE"),
            runtime and f"{runtime}/containers/auth.json",
            Path(environ("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers" / "auth.json",
            Path(environ("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json",
        )
        if path
    ]


def credentials(host: str, name: str) -> dict[str, Any]:
    """Return what the first file that knows a registry says of it, in the form of docker's config.json.

    Raises BadInput, without the content, if a file is not valid, or if REGISTRY_AUTH_FILE does not exist.
    """
    required = os.environ.get("REGISTRY_AUTH_FILE")
    for file in credential_files():
        if not file.is_file():
            if required == str(file):
                raise BadInput(f"REGISTRY_AUTH_FILE names {file}, which is not there")
            continue
        entry = _of_host(_read(file), host, name)
        if entry:
            return entry
    return {"auths": {}}


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"credentials {file} cannot be read: {error.strerror}") from None
    except ValueError:
        values = None
    if not isinstance(values, dict) or not isinstance(values.get("auths", {}), dict):
        raise BadInput(f"credentials {file} are not JSON in the form of docker's config.json; log in again")
    return values


def _of_host(values: dict[str, Any], host: str, name: str) -> dict[str, Any]:
    # podman's keys may continue after the host: the longest that fits counts
    parts = [host, *name.split("/")]
    keys = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    entry = next((values["auths"][key] for key in keys if key in values.get("auths", {})), None)
    if isinstance(entry, dict) and entry.get("auth"):
        return {"auths": {host: entry}}
    helper = (values.get("credHelpers") or {}).get(host) or values.get("credsStore")
    return {"auths": {}, "credsStore": helper} if helper else {}
