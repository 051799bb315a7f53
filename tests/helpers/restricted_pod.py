"""A pod under OpenShift's restricted-v2, as far as one machine can be one.

An unknown user id with group 0 and no capabilities, a read-only file system except /tmp and /dev/shm, no
HOME; the image's folder at /opt/goldenpath as serving/Containerfile lays it, the volume at /mnt/goldenpath;
of a volume that the pod may only read, feedback/ can be a second mount that it may write.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import PROJECT
from tests.helpers.pythons import find_python
from tests.helpers.requirements import needs

UID = 1000680000  # such as a namespace on OpenShift hands out

POD = """
set -eu
stage=$1 image=$2 volume=$3 mode=$4 base=$5; shift 5
mount -t tmpfs none "$stage"
mkdir "$stage/image" "$stage/volume" "$stage/base"
mount --bind "$image" "$stage/image"
mount --bind "$volume" "$stage/volume"
mount --bind "$base" "$stage/base"
mount -t tmpfs none /mnt; mkdir /mnt/goldenpath
mount --bind "$stage/volume" /mnt/goldenpath
mount -o "remount,bind,$mode" /mnt/goldenpath
if [ "$mode" = ro ]; then  # the subPath of a claim, which the node makes with the mode of the volume
    [ -d "$stage/volume/feedback" ] || install -d -m "$(stat -c %a "$volume")" "$stage/volume/feedback"
    mount --bind "$stage/volume/feedback" /mnt/goldenpath/feedback
fi
mount -t tmpfs none /opt; mkdir /opt/goldenpath
mount --bind "$stage/image" /opt/goldenpath
mount -o remount,bind,ro /opt/goldenpath
case $base in /usr*) ;; *)  # an interpreter in a home folder, which is closed to others
    top=/$(echo "$base" | cut -d/ -f2)
    mount -t tmpfs -o mode=755 none "$top"; mkdir -p "$base"
    mount --bind "$stage/base" "$base"
    mount -o remount,bind,ro "$base"
esac
mount -t tmpfs -o mode=1777 none /tmp
mount -o remount,bind,ro /
cd /opt/goldenpath
set -- --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
exec setpriv --reuid UID --regid 0 --clear-groups "$@"
""".replace("UID", str(UID))


def lay_image(folder: Path) -> Path:
    "Return the image's /opt/goldenpath: its copied files and its packages."
    python = find_python("3.12")
    needs("py312", python is not None, "there is no Python 3.12")
    lines = (PROJECT / "serving" / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    for words in (line.split() for line in lines if line.startswith("COPY ") and "--from" not in line):
        copy(PROJECT / words[1], folder / words[2])
    removed = next(line for line in lines if "rm -rf" in line).partition("rm -rf")[2].partition("&&")[0]
    uv = str(Path(sys.executable).parent / "uv")
    run([uv, "venv", "-q", "--relocatable", "--python", str(python), str(folder / "venv")])
    install = [uv, "pip", "install", "-q", "--python", str(folder / "venv" / "bin" / "python")]
    run([*install, "--require-hashes", "-r", str(folder / "requirements.lock")])
    for name in shlex.split(removed):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).unlink(missing_ok=True)
    run(["chmod", "-R", "g=u", str(folder)])
    return folder


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def can_restrict() -> None:
    "Skip where we may not have mounts of our own and change the user."
    tools = all(shutil.which(name) for name in ("unshare", "setpriv"))
    if not tools or os.getuid() != 0:
        pytest.skip("a pod's conditions need root, unshare and setpriv")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mounts of one's own here")


def pod(image: Path, volume: Path, stage: Path, *command: str, writable: bool = False) -> list[str]:
    "Return the command that runs `command` in such a pod."
    stage.mkdir(exist_ok=True)
    ask = [str(image / "venv" / "bin" / "python"), "-c", "import sys; print(sys.base_prefix)"]
    base = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    places = (str(stage), str(image), str(volume), "rw" if writable else "ro", base)
    return ["unshare", "-m", "bash", "-c", POD, "pod", *places, *command]
