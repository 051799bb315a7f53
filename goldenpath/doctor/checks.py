"""What works here and what does not: each check says what it found and, if it is bad, the fix."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from goldenpath.cluster.checkout import environment_project
from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import GoldenpathError
from goldenpath.runs.notebook import stale_notebooks, strangers
from goldenpath.settings import Settings, load_settings
from goldenpath.tables.feedback_source import FEEDBACK

SMALLEST, LARGEST = (3, 11), (3, 14)  # versions of Python
Status = Literal["good", "note", "bad"]  # a note is worth knowing and stops nothing


@dataclass(frozen=True)
class Finding:
    "What one check found."

    what: str
    status: Status
    detail: str
    remedy: str = ""


def good(what: str, detail: str) -> Finding:
    "Return a finding that all is well."
    return Finding(what, "good", detail)


def note(what: str, detail: str, remedy: str = "") -> Finding:
    "Return a finding that is worth knowing and stops nothing."
    return Finding(what, "note", detail, remedy)


def bad(what: str, detail: str, remedy: str = "") -> Finding:
    "Return a finding that something does not work."
    return Finding(what, "bad", detail, remedy)


Check = Callable[[Settings], Iterator[Finding]]


def examine(further: tuple[Check, ...] = ()) -> list[Finding]:
    "Every check in turn; one that breaks is a finding too. `further`: checks that need the exported modules."
    try:
        settings = load_settings()
    except GoldenpathError as fault:
        return [bad("settings", str(fault), "correct that line")]
    findings = [good("settings", str(settings.file or "defaults only"))]
    for check in (*CHECKS, *further):
        try:
            findings += check(settings)
        except GoldenpathError as fault:
            findings.append(bad(_name(check), str(fault)))
        except Exception as fault:  # a fault of ours in one check must not hide what the others find
            findings.append(bad(_name(check), f"this check broke: {type(fault).__name__}: {fault}"))
    return findings


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check").removeprefix("check_").replace("_", " ")


def check_python(settings: Settings) -> Iterator[Finding]:
    "Is this Python one that the project is tested with?"
    here = sys.version_info[:2]
    detail = f"{sys.version.split()[0]} at {sys.executable}"
    fits = SMALLEST <= here <= LARGEST
    yield good("Python", detail) if fits else bad("Python", detail, "use 3.11 to 3.14")


def check_environment(settings: Settings) -> Iterator[Finding]:
    "Find out for which project the project's own environment was made: a copy has another one's."
    environment = settings.folder / ".venv"
    project = environment_project(environment) if not environment.is_symlink() else None
    if project is None:
        return
    if project.resolve() == settings.folder.resolve():
        yield good("environment", str(environment))
        return
    yield bad(
        "environment",
        f"{environment} was made for {project}: its programs run the library there",
        f"run `make .venv/ready` in {settings.folder}",
    )


def check_home(settings: Settings) -> Iterator[Finding]:
    "Can everything shared be written? Tried, not asked."
    home = settings.writable_home()
    try:
        with tempfile.NamedTemporaryFile(dir=home, prefix=".doctor-"):
            pass
    except OSError as fault:
        yield bad(
            "home",
            f"{home} cannot be written ({fault.strerror})",
            "change `home` in settings.ini, or the folder's rights",
        )
        return
    mounted = "a mount" if os.path.ismount(home) else "a folder on this machine"
    yield good("home", f"{home}, {mounted}")


def check_data(settings: Settings) -> Iterator[Finding]:
    "Where would the rows come from?"
    source = settings.data_source()
    if source == "synthetic":
        yield note(
            "data",
            "no rows found: the synthetic stand-in would be drawn",
            f"put one file into {settings.folder / 'data'}, or name one as `source` in settings.ini",
        )
    elif source == FEEDBACK:
        yield good("data", "answered records whose outcome is known (see `goldenpath outcomes`)")
    elif "://" in source:
        yield good("data", f"{source} (an address: not tried)")
    else:
        yield _local_rows(source)


def _local_rows(source: str) -> Finding:
    "List the files behind a path, a folder or a glob."
    try:
        from goldenpath.tables.sources import find_files

        files = find_files(source)
    except ImportError:  # the server's image
        return note("data", f"{source}: not tried, fsspec is not installed")
    except GoldenpathError as fault:
        return bad("data", str(fault), "correct `source` in settings.ini")
    detail = source if len(files) == 1 else f"{len(files)} files: {source}"
    return good("data", detail)


def check_exports(settings: Settings) -> Iterator[Finding]:
    "Do the modules say what the notebooks say?"
    if not (settings.folder / "notebooks").is_dir():
        yield note("exports", "no notebooks here: this is not a checkout of the project")
        return
    for problem, remedy in strangers(settings.folder / "notebooks"):
        yield note("exports", problem, remedy)
    stale = stale_notebooks(settings.folder / "notebooks", settings.folder / "goldenpath")
    if stale:
        yield bad("exports", "; ".join(stale), "make export")
    else:
        yield good("exports", "every module says what its notebook says")


def check_pipelines(settings: Settings) -> Iterator[Finding]:
    "Are the pipeline files sound?"
    for file in sorted((settings.folder / "pipelines").glob("*.pipeline")):
        traps = check_pipeline(file)
        worst: Status = "bad" if any(trap.level == "error" for trap in traps) else "note"
        more = f" (and {len(traps) - 1} more)" if len(traps) > 1 else ""
        detail = f"{traps[0]}{more}" if traps else "no trap found"
        remedy = f"goldenpath pipeline check pipelines/{file.name}" if traps else ""
        yield Finding(f"pipeline {file.stem}", worst if traps else "good", detail, remedy)


PROGRAMS = (
    ("papermill", "papermill", "steps and pipelines cannot run: use `make run`, or the workbench image"),
    (
        "elyra-pipeline",
        "odh-elyra",
        "pipelines cannot run here, single steps can: use `make run`, or the workbench image",
    ),
    (
        "nbdev-export",
        "nbdev",
        "edited notebooks are not exported by themselves: `make export` where nbdev is",
    ),
    ("granian", "granian", "gunicorn serves instead, more slowly"),
)


def check_programs(settings: Settings) -> Iterator[Finding]:
    "Look for the programs that are started; say what it means if one is missing."
    has_steps = (settings.folder / "notebooks").is_dir()  # not in the serving image, which has no papermill
    for program, package, without in PROGRAMS:
        if find_program(program):
            yield good(program, _version(package))
        else:
            needed = (program == "papermill" and has_steps) or (
                program == "granian" and not find_program("gunicorn")
            )
            yield Finding(program, "bad" if needed else "note", "not installed", without)


def check_fast_path(settings: Settings) -> Iterator[Finding]:
    "Can compiled models run here at all?"
    version = _version("onnxruntime")
    if version:
        yield good("fast path", f"onnxruntime {version}")
    else:
        remedy = "install onnxruntime (it comes with `make`, and with the serving image)"
        yield note("fast path", "no onnxruntime: scikit-learn answers", remedy)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


CHECKS: tuple[Check, ...] = (
    check_python,
    check_environment,
    check_home,
    check_data,
    check_exports,
    check_pipelines,
    check_programs,
    check_fast_path,
)
