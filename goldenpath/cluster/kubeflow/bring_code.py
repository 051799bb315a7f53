"""First in every pod: copy the project's code from the volume, and run it only if it is what was exported.

Its source is in the exported pipeline, so it needs the standard library alone.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path


def hash_files(folder: Path, names: list[str]) -> str:
    """Hash files as `find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` does in their folder.

    So anyone can check a snapshot by hand.
    """
    listing = hashlib.sha256()
    for name in sorted(names, key=os.fsencode):
        content = (folder / name).read_bytes()
        listing.update(os.fsencode(f"{hashlib.sha256(content).hexdigest()}  ./{name}\n"))
    return listing.hexdigest()


def list_files(folder: Path) -> list[str]:
    "List all files below a folder, as paths from it."
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def bring_code(code: Path, digest: str, here: Path) -> str:  # why not; "" if the code is here
    "Copy the snapshot into the working folder, and check the copy."
    snapshot = code / digest
    if not snapshot.is_dir():
        return (
            f"there is no {snapshot}: export the pipeline again where this volume is mounted, or with --git, "
            "and check the claim that the run names as `volume`"
        )
    shutil.copytree(snapshot, here, copy_function=shutil.copyfile, dirs_exist_ok=True)
    if hash_files(here, list_files(snapshot)) != digest:
        return f"{snapshot} was changed after the export: delete it, and export the pipeline again"
    return ""


if __name__ == "__main__":
    folder, sha256, *words = sys.argv[1:]
    if reason := bring_code(Path(folder), sha256, Path.cwd()):
        sys.exit(reason)
    os.execv(sys.executable, [sys.executable, "-m", "goldenpath.cluster.kubeflow.pod", *words])
