"""One node as its pod would run it: the exact command and environment, in an empty folder.

Where Linux lets us have mounts of our own (root, or user namespaces), the node sees what a pod sees: the
image's Python at /opt/app-root, an empty working folder at /opt/app-root/src, the stand-in volume at its
mount path, a /tmp of its own, and not the project. Elsewhere the same command runs with these paths replaced.
"""

import re
import subprocess
import time
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from goldenpath.cluster.tasks import Task
from goldenpath.errors import BadInput
from goldenpath.programs import running

ROOT = "/opt/app-root"  # of the stock images
WORKING = f"{ROOT}/src"
IN_POD_NOTES = "/mnt/.witness"  # in the pod: what its Python missed, and the outputs that it hands on
MOUNTS = Path("/mnt")  # the only place where volumes can be stood in for
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
MOVED = re.compile(r"(down|up)loaded (\S+) (?:from|to) bucket")  # in the bootstrapper's log

# Mounts of its own, then the node's command. Everything is bound before anything is hidden.
POD = """
set -eu
stage=$1 python=$2 src=$3 witness=$4 project=$5; shift 5
mount -t tmpfs none "$stage"
mkdir "$stage/opt" "$stage/python" "$stage/src" "$stage/witness" "$stage/venv" "$stage/volumes"
mount --rbind /opt "$stage/opt"
mount --bind "$python" "$stage/python"
mount --bind "$src" "$stage/src"
mount --bind "$witness" "$stage/witness"
[ ! -d "$project/.venv" ] || mount --bind "$project/.venv" "$stage/venv"
count=0
while [ "$1" != -- ]; do
    count=$((count + 1)); mkdir "$stage/volumes/$count"
    mount --bind "$1" "$stage/volumes/$count"; eval "path$count=\\$2"; shift 2
done
shift
mount -t tmpfs none /opt
for place in "$stage/opt"/*/; do
    name=$(basename "$place")
    [ "$name" != app-root ] && [ "$name" != '*' ] || continue
    mkdir "/opt/$name"
    mount --rbind "$place" "/opt/$name"
done
mkdir /opt/app-root
mount --bind "$stage/python" /opt/app-root
mount -o remount,bind,ro /opt/app-root
mount --bind "$stage/src" /opt/app-root/src
mount -t tmpfs none /mnt
mkdir /mnt/.witness
mount --bind "$stage/witness" /mnt/.witness
while [ "$count" -gt 0 ]; do
    eval "path=\\$path$count"; mkdir -p "$path"
    mount --bind "$stage/volumes/$count" "$path"; count=$((count - 1))
done
hold=$stage/venv
mount -t tmpfs none "$project"
if [ -e "$hold/bin" ]; then mkdir "$project/.venv"; mount --bind "$hold" "$project/.venv"; fi
mount -t tmpfs -o mode=1777 none /tmp
cd /opt/app-root/src
exec "$@"
"""


class Place(NamedTuple):
    "Where a node runs, on this machine."

    folder: Path  # of this node: src/, witness/, stage/, node.log
    python: Path  # the environment
    project: Path  # hidden from the node
    volumes: dict[str, Path]  # stand-in by name of the claim
    isolation: tuple[str, ...]  # the program that gives mounts of one's own; empty where there is none


class Ran(NamedTuple):
    "What became of it."

    code: int
    seconds: float
    fetched: tuple[str, ...]  # from S3
    sent: tuple[str, ...]  # to S3
    outputs: dict[str, str]  # that other nodes read, by name


def isolation() -> tuple[str, ...]:
    "How this process can have mounts of its own; empty where it may not."
    for options in (("-m",), ("-rm",)):
        command = ["unshare", *options, "sh", "-c", "mount -t tmpfs none /mnt && mount -t tmpfs none /opt"]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError:
            return ()
        if done.returncode == 0:
            return ("unshare", *options)
    return ()


def run_task(task: Task, place: Place) -> Ran:
    "Run a node to its end, its words in `node.log`. Raises BadInput where its volume cannot be stood in for."
    for name in ("src", "witness", "stage"):
        (place.folder / name).mkdir(parents=True)
    command, environ, folder = _isolated(task, place) if place.isolation else _in_place(task, place)
    began = time.monotonic()
    with (place.folder / "node.log").open("wb") as log, running(command, folder, environ, log) as program:
        code = program.wait()
    moved = MOVED.findall((place.folder / "node.log").read_text("utf-8", errors="replace"))
    return Ran(
        code=code,
        seconds=time.monotonic() - began,
        fetched=tuple(name for way, name in moved if way == "down"),
        sent=tuple(name for way, name in moved if way == "up"),
        outputs={
            file.name: file.read_text("utf-8") for file in (place.folder / "witness" / "outputs").glob("*")
        },
    )


def _isolated(task: Task, place: Place) -> tuple[list[str], dict[str, str], Path]:
    mounts: list[str] = []
    for path, claim in task.mounts.items():
        if MOUNTS not in Path(path).parents:
            raise BadInput(f"node {task.label}: volume at {path}: only volumes below {MOUNTS} are replaced")
        mounts += [str(place.volumes[claim]), path]
    stage, src, witness = (str(place.folder / name) for name in ("stage", "src", "witness"))
    setup = [stage, str(place.python), src, witness, str(place.project), *mounts, "--"]
    command = [*place.isolation, "bash", "-c", POD, "pod", *setup, *task.command]
    return command, _environ(task, ROOT, WORKING, IN_POD_NOTES), place.folder


def _in_place(task: Task, place: Place) -> tuple[list[str], dict[str, str], Path]:
    "Without mounts: the same command, /opt/app-root replaced by where the environment lies."
    src = place.folder / "src"
    environ = _environ(task, str(place.python), str(src), str(place.folder / "witness"))
    for claim in list(task.mounts.values())[:1]:
        environ.setdefault("GOLDENPATH_HOME", str(place.volumes[claim]))
    moved = {ROOT: str(place.python), f"{IN_POD_NOTES}/": f"{place.folder / 'witness'}/"}
    moved |= {path: str(place.volumes[claim]) for path, claim in task.mounts.items()}
    command = [
        reduce(lambda word, path: word.replace(path, moved[path]), moved, part) for part in task.command
    ]
    return command, environ, src


def _environ(task: Task, root: str, working: str, witness: str) -> dict[str, str]:
    "Return the variables of the image, of the pipeline and of the import recorder; none of this shell."
    image = {
        "PATH": f"{root}/bin:{SYSTEM_PATH}",
        "HOME": working,
        "APP_ROOT": root,
        "LANG": "C.UTF-8",
        "ELYRA_INSTALL_PACKAGES": "false",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return image | task.environ | {"REHEARSAL_WITNESS": witness}
