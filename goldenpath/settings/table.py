"""`settings.ini` with environment overrides, validated; and what follows from it: home, data, who."""

import configparser
import os
import re
import socket
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.settings.rules import (
    Choice,
    CommaList,
    Floors,
    HttpUrl,
    Listen,
    Name,
    Share,
    Split,
    ThresholdSetting,
    metric_names,
    parse_choice,
    parse_listen,
    parse_threshold,
)
from goldenpath.settings.server import ServerSettings, allowed
from goldenpath.tables.endings import is_other_table, is_table
from goldenpath.tables.feedback_source import FEEDBACK, without_feedback
from goldenpath.tables.split import parse_split
from goldenpath.text.spelling import nearest, nearest_word

PREFIX = "GOLDENPATH_"
MOUNT = Path("/mnt/goldenpath")  # where OpenShift mounts the shared volume
OTHER_NAMES = {"DATA": "SOURCE"}  # further names of variables, read where the main one is not set
PROTECTING = (
    "tokens_file",
    "behind_login",
    "verify_key",
    "require_signature",
)  # without them, more is allowed
NOT_SETTINGS = {"TEST_REQUIRE"}  # variables of the tests

# What Kubernetes puts into every pod for a Service whose name begins with `goldenpath`.
SERVICE_LINK = re.compile(
    r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def _name_of_folder(values: dict[str, Any]) -> str:
    "Make a model's name of the project's folder: `My Model` becomes `my-model`."
    folder = values["file"].parent if values.get("file") else Path.cwd()
    return re.sub(r"[^a-z0-9]+", "-", folder.name.lower())[:40].strip("-") or "model"


class Settings(ServerSettings):
    "Every key, its default, and in the description what it means and what is allowed."

    file: Path | None = None  # the settings.ini that was read, links resolved; None where there is none

    model: Name = Field(
        default_factory=_name_of_folder, description="small letters, digits and hyphens, at most 40"
    )
    source: str = Field(
        "",
        description="a CSV or Parquet file, a glob, a URL, `synthetic`, `feedback` (answered records with an "
        "outcome), `FILE + feedback`, or empty to look",
    )
    home: str = Field("auto", description="a folder, or auto: /mnt/goldenpath if mounted, else volume/")
    split: Split = Field(
        parse_split("hash 0.70 0.15 0.15"),
        description="`hash 0.70 0.15 0.15` (three shares that add up to 1; with `by key`, rows of one key "
        "stay together) or `date_column 2020-11-01 2020-12-01` (first day of validation, first day of test; "
        "`event_time` is the contract's)",
    )
    max_rejected: Share = Field(0.01, description="a share from 0 to 1")
    choose: Choice = Field(
        parse_choice("fastest within 0.01 of the best"),
        description="best, `fastest within 0.01 of the best` (of the time of one answer), or the name of a "
        "candidate of 04_model",
    )
    threshold: ThresholdSetting = Field(
        parse_threshold("best_f1"),
        description="best_f1, recall>=0.8, precision>=0.5, or a number from 0 to 1",
    )
    slices: CommaList = Field((), description="names of columns, separated by commas")
    gate_margin: Share = Field(0.02, description="a number from 0 to 1")
    gate_worse: Share = Field(0.01, description="a number from 0 to 1")
    gate_floors: Floors = Field(
        {},
        description="`roc_auc>=0.8, slice_recall>=0.1`, or `mae<=50` for a metric of which less is better; "
        + metric_names(),
    )
    gate_metrics: CommaList = Field(
        (), description="metrics that baseline and champion are compared by, by comma; empty: the task's own"
    )
    coverage: float = Field(
        0.9, ge=0.5, le=0.99, description="share of outcomes within the interval of a quantity, 0.5 to 0.99"
    )
    auto_promote: Literal["auto", "yes", "no"] = Field("auto", description="auto, yes or no")
    listen: Listen = Field(
        parse_listen("127.0.0.1:8080"), description="address and TCP number, such as 127.0.0.1:8080"
    )
    workers: int = Field(1, ge=1, le=256, description="a whole number from 1 to 256")

    # Further keys, here and in server_settings.py: settings.ini may contain them too.
    project: str = Field("", description="the folder that relative paths start from; empty: settings.ini's")
    synthetic_rows: int = Field(20_000, ge=100, description="rows of the stand-in, at least 100")
    seed: int = Field(  # of the stand-in and of the intervals; the seed of the fit is 05_train's parameter
        42, ge=0, le=2**32 - 1, description="a whole number from 0 to 4294967295"
    )
    candidates: CommaList = Field(
        (), description="names of the candidates that 05_train fits, by comma; empty: all of 04_model"
    )
    train_rows: int = Field(
        0, ge=0, description="most training rows, sampled by the hash that divides rows; 0: all of them"
    )
    train_seconds: float = Field(
        600, gt=0, le=86_400, description="seconds for all fits of 05_train, at most 86400"
    )
    compute: Literal["local", "ray"] = Field(
        "local", description="local (this machine) or ray (a cluster; needs the extra `ray`)"
    )
    compute_address: str = Field(
        "",
        description="address of the Ray cluster: auto within one, or HOST:6379; empty: RAY_ADDRESS",
    )
    partition_mb: int = Field(
        32, ge=1, le=4_096, description="megabytes of a file that are read at a time, 1 to 4096"
    )
    retrain_days: float = Field(
        7,
        ge=0,
        le=3_650,
        description="days between two trainings of a retraining that looks first, 0 to 3650",
    )
    bootstrap: int = Field(200, ge=20, le=100_000, description="resamples of the intervals, 20 to 100000")
    growth_seconds: float = Field(
        5,
        ge=0,
        le=3_600,
        description="seconds for the contrast as rows grow, 0 to 3600; 0: it is not measured",
    )
    server_url: HttpUrl = Field("", description="address of a deployed server, for the contrast over HTTP")
    server_token: str = Field("", repr=False, description="bearer token for it, if it asks for one")
    signing_key: str = Field(
        "", description="private elliptic key (PEM) that publishing signs with; or empty"
    )
    verify_key: str = Field("", description="public key (PEM) that signatures are checked with; or empty")
    require_signature: bool = Field(False, description="yes or no: refuse versions not signed by verify_key")
    user: str = Field("", description="the publisher's name; empty: git e-mail, workbench user or uid@host")

    def changed(self, **values: Any) -> "Settings":
        "Return a copy with other values, read like settings.ini. Raises BadInput as load_settings does."
        try:
            return Settings.model_validate({**dict(self), **values})
        except ValidationError as fault:
            raise BadInput(_explain(fault, {key: (value, "") for key, value in values.items()})) from None

    @property
    def folder(self) -> Path:
        "The project's folder, which relative paths start from."
        if self.project:
            return Path(self.project).expanduser().resolve()
        return self.file.parent if self.file else Path.cwd()

    def home_folder(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Return the folder under which everything shared is stored; it may be missing, except in a pod.

        Raises VolumeFault in a pipeline's pod where the volume is not mounted: what is written into
        the pod itself is lost with it.
        """
        in_pod = environ.get("ELYRA_RUNTIME_ENV") == "kfp"
        if self.home != "auto":
            return self._named_home(in_pod)
        if os.path.ismount(MOUNT):
            return MOUNT
        if in_pod:
            raise VolumeFault(
                f"{MOUNT} is not mounted in this pod, so the run would be lost with it: "
                "mount the volume there in the pipeline's properties, or set GOLDENPATH_HOME"
            )
        return self.folder / "volume"

    def _named_home(self, in_pod: bool) -> Path:
        home = self.folder / Path(self.home).expanduser()
        if in_pod and not home.is_dir():
            raise VolumeFault(f"home {home} is not in this pod: mount the volume there, or change `home`")
        return home

    def writable_home(self, environ: Mapping[str, str] = os.environ) -> Path:
        "Return the same folder, made if it is missing. Raises VolumeFault if it is not writable."
        home = self.home_folder(environ)
        if home.is_symlink() and not home.exists():
            raise VolumeFault(f"home {home} is a link to {os.readlink(home)}, which is not there: mount it")
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise VolumeFault(f"home {home} cannot be made ({fault.strerror}): change `home`") from None
        if not os.access(home, os.W_OK | os.X_OK):
            raise VolumeFault(
                f"home {home} is not writable for user id {os.getuid()}: change `home` or its rights"
            )
        return home

    def data_source(self, environ: Mapping[str, str] = os.environ) -> str:
        """Where the rows come from: a path, a glob, a URL, "synthetic", or "feedback" if from nowhere else.

        Raises BadInput in a pod where nothing is found: only `source = synthetic` draws a stand-in there.
        """
        source = self._file_source
        if source in ("synthetic", FEEDBACK) or "://" in source:
            return source
        if source:
            return str(self.folder / Path(source).expanduser())
        home = self.home_folder(environ)
        file = _only_file(home / "data") or _only_file(self.folder / "data")
        if not file and environ.get("ELYRA_RUNTIME_ENV") == "kfp":
            raise BadInput(f"no rows in {home / 'data'}: put a file there, or say `source = synthetic`")
        return file or "synthetic"

    @property
    def adds_feedback(self) -> bool:
        "Are answered records with a known outcome among the rows?"
        return without_feedback(self.source)[1]

    @property
    def _file_source(self) -> str:
        source, adds = without_feedback(self.source)
        if adds and source in ("", "synthetic"):
            raise BadInput(
                f"source = '{self.source}': name a file beside feedback, or write `feedback` alone"
            )
        return source

    def data_places(self, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        "Every place that training rows are looked for in: the source that is named, or two folders."
        if self._file_source == FEEDBACK:
            return ()
        if self.source:
            return (self.data_source(environ),)
        return tuple(str(place / "data") for place in (self.home_folder(environ), self.folder))

    def promotes(self, environ: Mapping[str, str] = os.environ) -> bool:
        "May the pipeline make what it publishes champion? `auto`: only in the project's own folder."
        if self.auto_promote != "auto":
            return self.auto_promote == "yes"
        return self.home_folder(environ).resolve().is_relative_to(self.folder.resolve())

    def who_am_i(self, environ: Mapping[str, str] = os.environ) -> str:
        "Return the name beside a change: `user`, else git's e-mail, else the workbench, else uid@host."
        workbench = environ.get("NB_PREFIX", "").rstrip("/").rpartition("/")[2]
        return self.user or _git_email(self.folder) or workbench or f"{os.getuid()}@{socket.gethostname()}"


# Every key; those of the server last, because fewer people look for them.
ALL = [name for name in Settings.model_fields if name != "file"]
KEYS = tuple(sorted(ALL, key=ServerSettings.model_fields.__contains__))


def load_settings(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read settings: defaults, then settings.ini, then the environment.

    Without `file`, the settings.ini of the working directory or of the nearest folder above it is read,
    else the one beside the package, else none. Raises BadInput that names key, value and what is allowed.
    """
    file = file or _find_file()
    file = file.resolve() if file else None
    in_file = {key: (value, f"{file}") for key, value in _read_file(file).items()} if file else {}
    values = in_file | {key: (value, _variable(key)) for key, value in _read_environ(environ).items()}
    try:
        return Settings(file=file, **{key: value for key, (value, _) in values.items()})  # type: ignore[arg-type]
    except ValidationError as fault:
        raise BadInput(_explain(fault, values)) from None


def _find_file() -> Path | None:
    here = Path.cwd()
    beside_package = Path(__file__).resolve().parents[2]
    folders = [here, *here.parents, beside_package]
    return next((folder / "settings.ini" for folder in folders if (folder / "settings.ini").is_file()), None)


def _read_file(file: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",), default_section="")
    try:
        parser.read_string(file.read_text("utf-8"), source=file.name)
    except OSError as fault:
        raise BadInput(f"settings cannot be read from {file} ({fault.strerror})") from None
    except (configparser.Error, UnicodeDecodeError) as fault:
        raise BadInput(f"{file} is not a settings file: {' '.join(str(fault).split())}") from None
    return _flatten(parser, file)


def _flatten(parser: configparser.ConfigParser, file: Path) -> dict[str, str]:
    "One dictionary of all sections: sections are headings only, a key stands once in the file."
    values: dict[str, str] = {}
    for section in parser.sections():
        for key, value in parser.items(section):
            if key not in KEYS:
                raise BadInput(f"{file} [{section}]: unknown key '{key}' (value '{value}'){_way_out(key)}")
            if key in values:
                raise BadInput(f"{file} [{section}]: key '{key}' is in the file twice; keep one line")
            values[key] = value
    return values


def _way_out(key: str) -> str:
    return nearest(key, KEYS) or f"; known keys: {', '.join(KEYS)}"


def check_variables(environ: Mapping[str, str] = os.environ) -> None:
    "Raise BadInput for a variable that was probably meant to protect a server, and is misspelt."
    for name in unknown_variables(environ):
        key = nearest_word(name, KEYS) or next(
            (key for key in PROTECTING if key.split("_")[0] in name.lower()), ""
        )
        if key in PROTECTING:
            raise BadInput(
                f"variable {PREFIX}{name} is not a setting, and {_variable(key)} protects the server; "
                "correct its name, or unset it"
            )


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    "Return the variables with our prefix, without it, that aren't settings."
    settings = OTHER_NAMES.keys() | NOT_SETTINGS | {key.upper() for key in KEYS}
    return sorted(_named(environ).keys() - settings)


def _named(environ: Mapping[str, str]) -> dict[str, str]:
    ours = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
    return {name: value for name, value in ours.items() if value and not SERVICE_LINK.fullmatch(name)}


def _read_environ(environ: Mapping[str, str]) -> dict[str, str]:
    "Read settings from variables; empty ones count as not set, service links are ignored."
    named = _named(environ)
    for other, main in OTHER_NAMES.items():
        if other in named:
            named.setdefault(main, named[other])
    for name in unknown_variables(environ):
        near = nearest(name, [key.upper() for key in KEYS]).replace("'", f"'{PREFIX}", 1)
        warnings.warn(f"variable {PREFIX}{name} is not a setting and is not used{near}", stacklevel=3)
    return {key: _text(key, named[key.upper()]) for key in KEYS if key.upper() in named}


def _text(key: str, value: str) -> str:
    "Check a value, which is written into records later. Raises BadInput if its bytes are not text."
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{_variable(key)} = {value!a} is not UTF-8; write it as text") from None
    return value


def _variable(key: str) -> str:
    return f"{PREFIX}{key.upper()}"


def _explain(fault: ValidationError, values: Mapping[str, tuple[Any, str]]) -> str:
    "Describe the first wrong key in one line: place, value, problem, allowed values."
    first = fault.errors()[0]
    key = str(first["loc"][0])
    value, where = values.get(key, ("", _variable(key)))  # not set, but needed by another key
    place = f"{where} =" if where == _variable(key) else f"{where}: {key} =".removeprefix(": ")
    reason = f": {first['ctx']['error']}" if first["type"] == "value_error" else ""
    return f"{place} '{value}' is not allowed{reason}; allowed: {allowed(Settings.model_fields[key])}"


def _only_file(folder: Path) -> str | None:
    "Find the one data file of a folder. Raises BadInput if there are several, or only unreadable ones."
    files = sorted(path for path in folder.glob("*") if is_table(path.name))
    others = sorted(path.name for path in folder.glob("*") if is_other_table(path.name))
    if others and not files:
        raise BadInput(
            f"{folder} holds {others[0]}, which is not read: write it as CSV or Parquet, or name another "
            "file (or `synthetic`) as `source`"
        )
    if len(files) > 1:
        raise BadInput(f"{folder} holds {len(files)} data files: name one, or a glob, as `source`")
    return str(files[0]) if files else None


def _git_email(folder: Path) -> str:
    command = ["git", "-C", str(folder), "config", "user.email"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
