"""Packages of the npm registry, each in a folder of its own below the environment of the tests."""

import fcntl
import subprocess
import sys
from pathlib import Path

OTHERS = Path(sys.prefix) / "others"


def node_package(name: str, version: str) -> Path:
    "Return the folder of a package, installed if it is not there yet."
    folder = OTHERS / f"{name.replace('/', '-')}-{version}"
    OTHERS.mkdir(parents=True, exist_ok=True)
    with (OTHERS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
            subprocess.run([*command, f"{name}@{version}"], check=True, capture_output=True)
            (folder / "complete").touch()
    return folder / "node_modules" / name


def packed_file(name: str, version: str, path: str) -> Path:
    "Return one file of a package whose dependencies are not needed."
    folder = OTHERS / f"{name.replace('/', '-')}-{version}-packed"
    OTHERS.mkdir(parents=True, exist_ok=True)
    with (OTHERS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            folder.mkdir(exist_ok=True)
            command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{name}@{version}"]
            subprocess.run(command, check=True, capture_output=True)
            [archive] = folder.glob("*.tgz")
            subprocess.run(["tar", "xzf", str(archive), "-C", str(folder)], check=True)
            (folder / "complete").touch()
    return folder / "package" / path
