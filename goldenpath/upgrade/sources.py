"""Where the newer state comes from: a checkout, a wheel, an address, or a recorded repository."""

import shutil
import zipfile
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import goldenpath
from goldenpath.errors import BadInput
from goldenpath.origin.history import git, is_checkout, without_login
from goldenpath.origin.record import read_origin
from goldenpath.origin.shipment import CARRIED, Shipment, make_shipment, own_shipment, unpack

MEMBER = "goldenpath/origin/shipment.tar.gz"  # of a wheel
DOWNLOAD_WITHIN = 60.0  # seconds without a byte


def get_shipment(source: str, project: Path, folder: Path) -> Shipment:
    """Bring what `source` ships into an empty folder.

    Empty: what the running program carries, if it is not the project's own, else the source that the project
    has recorded. Raises BadInput if there is none, or if it cannot be read.
    """
    if not source:
        if Path(goldenpath.__file__).resolve().parents[1] != project:
            return own_shipment(folder)
        source = recorded_source(project)
    path = Path(source).expanduser()
    if path.is_dir():
        return make_shipment(path.resolve(), folder)
    if path.suffix == ".whl" and path.is_file():
        return _of_wheel(path, folder)
    if source.endswith(".whl") and source.startswith(("https://", "http://")):
        return _downloaded(source, folder)
    if "://" in source or source.startswith("git@"):
        return _cloned(source, "", folder)
    if path.is_absolute() or "/" in source:
        raise BadInput(f"--from {source}: there is no such folder or wheel")
    return _cloned(recorded_source(project), source, folder)


def recorded_source(project: Path) -> str:
    "Return where a project came from. Raises BadInput if that is not written down."
    record = read_origin(project)
    if record is None or not record.source:
        raise BadInput(
            f"{project} does not record where it came from: use --from with a checkout of goldenpath, its "
            "address, or a wheel"
        )
    return record.source


def address_of(source: str, project: Path) -> str:
    "Return what to record as the source: the address of a repository rather than a folder of this machine."
    path = Path(source).expanduser() if source else Path(goldenpath.__file__).resolve().parents[1]
    if path.is_dir() and is_checkout(path):
        remotes = git(path, "remote").decode().split()
        return git(path, "remote", "get-url", remotes[0]).decode().strip() if remotes else str(path.resolve())
    if "://" in source or source.startswith("git@"):
        return "" if source.endswith(".whl") else source
    record = read_origin(project)
    return record.source if record else ""


def _of_wheel(wheel: Path, folder: Path) -> Shipment:
    with TemporaryDirectory() as aside:
        archive = Path(aside) / CARRIED.name
        try:
            with zipfile.ZipFile(wheel) as packed, packed.open(MEMBER) as member, archive.open("wb") as file:
                shutil.copyfileobj(member, file)
        except (OSError, KeyError, zipfile.BadZipFile):
            raise BadInput(f"{wheel} is not a wheel of goldenpath that carries the project") from None
        return unpack(archive, folder)


def _downloaded(address: str, folder: Path) -> Shipment:
    address = without_login(address)  # urllib takes it for a part of the host, and repeats it in its errors
    with TemporaryDirectory() as aside:
        wheel = Path(aside) / address.rsplit("/", 1)[-1]
        try:
            with urlopen(address, timeout=DOWNLOAD_WITHIN) as reply, wheel.open("wb") as file:
                shutil.copyfileobj(reply, file)
        except (OSError, HTTPException, ValueError) as fault:  # the last two: of what is not an address
            raise BadInput(f"{address} cannot be downloaded ({fault})") from None
        return _of_wheel(wheel, folder)


def _cloned(address: str, version: str, folder: Path) -> Shipment:
    with TemporaryDirectory() as aside:
        git(Path.cwd(), "clone", "--quiet", "--no-checkout", "--", address, aside)
        git(Path(aside), "checkout", "--quiet", "--detach", _commit(Path(aside), version))
        return make_shipment(Path(aside), folder)


def _commit(clone: Path, version: str) -> str:
    "Find the commit of a tag, branch or commit. Raises BadInput if there is none of this name."
    names = [version, f"v{version}", f"origin/{version}"] if version else ["HEAD"]
    for name in names:
        try:
            return git(clone, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
        except BadInput:
            continue
    raise BadInput(
        f"--from {version}: there is neither a file of this name nor such a tag where it came from"
    )
