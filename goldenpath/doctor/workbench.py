"""What the doctor looks at in a workbench: the shared volume, the pipeline server, S3, images, the library.

Outside a workbench only those checks speak that mean something there.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import goldenpath
from goldenpath.cluster.images import image_names
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.cluster.submit import Runtime, find_runtime, metadata_folders
from goldenpath.doctor.checks import Check, Finding, bad, good, note
from goldenpath.errors import BadInput
from goldenpath.measure.machine import Mount, mount_of, read_mounts
from goldenpath.project import Project
from goldenpath.runs.notebook import code_cells, has_tag, read_notebook
from goldenpath.runs.provenance import library_hash
from goldenpath.settings import MOUNT, Settings

SLOW_TO_SEE = 5.0  # seconds for which a name may be cached before role changes are missed
WAIT = 3.0  # seconds for S3 to take a connection


def in_workbench(environ: Mapping[str, str] = os.environ) -> bool:
    "OpenShift AI tells a workbench its own path."
    return bool(environ.get("NB_PREFIX"))


def check_shared_volume(settings: Settings) -> Iterator[Finding]:
    "Is home on a volume that others see too, soon enough, and that strangers cannot change?"
    yield from judge_volume(settings.home_folder(), read_mounts(), in_workbench())


def judge_volume(home: Path, mounts: list[Mount], workbench: bool) -> Iterator[Finding]:
    "Report what the mounts mean for home."
    mount = mount_of(home, mounts)
    if workbench and not mount.network:
        yield bad(
            "shared volume",
            f"{home} is on {mount.kind} at {mount.place}: pipeline pods and servers do not see it",
            f"mount the claim `goldenpath` (ReadWriteMany) at {MOUNT}, or set `home`",
        )
    elif mount.network:
        yield from _judge_network(home, mount)
    others = [entry for entry in mounts if entry.network and entry != mount and _is_for_people(entry)]
    for other in others:
        yield note(
            "other mount",
            f"{other.place} is a network mount ({other.kind}) that home does not use",
            f"if runs and versions should live there: home = {other.place}",
        )


def _is_for_people(mount: Mount) -> bool:
    return not str(mount.place).startswith(("/proc", "/sys", "/run", "/dev", "/etc", "/var/lib"))


def _judge_network(home: Path, mount: Mount) -> Iterator[Finding]:
    if mount.kind in ("cifs", "smb3"):
        yield bad(
            "shared volume",
            f"{mount.place} is SMB, whose renames are not atomic: two people can lose a version",
            "use a class with the NFS protocol (docs/openshift.md, volume)",
        )
        return
    seconds = remembers(mount)
    if seconds > SLOW_TO_SEE:
        yield note(
            "shared volume",
            (
                f"{mount.place} ({mount.kind}) caches names for up to {seconds:.0f} s, so servers see a "
                "promotion that late"
            ),
            "mount it with actimeo=1 (docs/openshift.md, volume)",
        )
    elif home.exists() and home.stat().st_mode & 0o002:
        yield bad(
            "shared volume",
            f"all users may write to {home}, so its versions cannot be trusted",
            f"chmod o-w {home}",
        )
    else:
        yield good("shared volume", f"{mount.place}, {mount.kind}")


def remembers(mount: Mount) -> float:
    "Seconds for which an NFS client believes what it saw of a folder; 0 elsewhere."
    if not mount.kind.startswith("nfs"):
        return 0.0
    options = dict(option.partition("=")[::2] for option in mount.options.split(","))
    if "noac" in options:
        return 0.0
    return float(options.get("actimeo") or options.get("acdirmax") or 60)


def check_link(settings: Settings) -> Iterator[Finding]:
    "JupyterLab opens only files below its root: does `volume` in the project lead to home?"
    home, link = settings.home_folder(), settings.folder / "volume"
    if not in_workbench() or home == link:
        return
    if link.resolve() == home.resolve():
        yield good("volume link", f"{link} leads to {home}")
    else:
        remedy = f"ln -s {home} {link}"
        detail = f"{link} does not lead to {home}: JupyterLab cannot open the reports there"
        yield note("volume link", detail, remedy)


def check_pipeline_server(settings: Settings) -> Iterator[Finding]:
    "Check that Elyra has a runtime to submit to, and that its store answers."
    try:
        runtime = find_runtime()
    except BadInput as fault:
        if in_workbench():
            remedy = "create the pipeline server, then stop and start this workbench"
            yield bad("pipeline server", str(fault), remedy)
        return
    yield good("pipeline server", f"{runtime.name}: {runtime.api}")
    yield judge_store(runtime)


def judge_store(runtime: Runtime) -> Finding:
    "Can a connection be made to the S3 store that Elyra uploads to?"
    address = urlsplit(runtime.store)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), WAIT).close()
    except (OSError, ValueError) as fault:
        return bad(
            "S3",
            f"{runtime.store} takes no connection ({fault})",
            "correct host and port of the pipeline server's object storage; look at network policies",
        )
    return good("S3", f"{runtime.store} takes connections")


def check_images(settings: Settings) -> Iterator[Finding]:
    "Is every image of the pipelines one that the editor offers?"
    folders = [settings.folder / "runtime-images", *metadata_folders("runtime-images")]
    images = image_names(folders)
    used = {
        str(node.parameters.get("runtime_image", "")): file.name
        for file in sorted((settings.folder / "pipelines").glob("*.pipeline"))
        for node in read_pipeline(file).nodes
    }
    for image, where in used.items():
        if image not in images:
            yield note(
                "images",
                f"{where} runs in {image}, which no definition here knows",
                "add it to runtime-images/, or choose one that the editor offers",
            )
    if used and used.keys() <= images:
        yield good("images", f"{len(used)} in use, offered by the editor")


def check_library(settings: Settings) -> Iterator[Finding]:
    "Is the library that travels into pods the one that runs here, and that made the champion?"
    travels = settings.folder / "notebooks" / "goldenpath"
    here = Path(goldenpath.__file__).resolve().parent
    if travels.is_dir() and travels.resolve() != here:
        same = library_hash(travels.resolve()) == library_hash(here)
        yield Finding(
            "library",
            "note" if same else "bad",
            (
                f"pods get {travels.resolve()}, but this Python imports {here}"
                + ("" if same else ", which is other code")
            ),
            f"cd {settings.folder}, then python -m goldenpath ...",
        )
        return
    yield from _made_here(settings)


def _made_here(settings: Settings) -> Iterator[Finding]:
    registry = Project(settings).registry
    champion = registry.roles().champion
    if champion and registry.manifest(champion).library_hash != library_hash():
        yield note(
            "library",
            f"the champion {champion} was made by other code than the code here",
            f"goldenpath models show {champion} names its commit",
        )
        return
    yield good("library", "pods get the code that runs here")


def check_tags(settings: Settings) -> Iterator[Finding]:
    "Has every step still its `parameters` tag? Some editors drop tags when they save."
    lost = [
        file.name
        for file in _steps(settings.folder / "notebooks")
        if not has_tag(read_notebook(file), "parameters")
    ]
    if lost:
        remedy = f"git checkout notebooks/{lost[0]}, or tag the cell again (property inspector, cell tags)"
        detail = f"{', '.join(lost)}: no cell carries the tag `parameters`"
        yield bad("parameters tags", detail, remedy)
    elif (settings.folder / "notebooks").is_dir():
        yield good("parameters tags", "every step has its own")


def _steps(folder: Path) -> list[Path]:
    "List the notebooks that are steps."
    files = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    return [file for file in files if any("open_step" in cell for cell in code_cells(read_notebook(file)))]


CLUSTER: tuple[Check, ...] = (
    check_shared_volume,
    check_link,
    check_pipeline_server,
    check_images,
    check_library,
    check_tags,
)
