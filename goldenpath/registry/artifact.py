"""A model folder: write its manifest, verify it before anything is believed, save and load the pipeline.

All writers of the volume can write an artifact. So nothing is decompressed, parsed or built before its
size and hash are known, no link is followed, and what may be built is decided here, never by the artifact.
"""

import hashlib
import io
import json
import os
import stat
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from goldenpath.errors import Incomplete, NotTrusted
from goldenpath.inference.calibration import Calibration
from goldenpath.records import Frozen
from goldenpath.registry.archive import check_archive, nodes_of, refers_to_main
from goldenpath.registry.boosters import check_boosters
from goldenpath.registry.manifest import FileEntry, Manifest
from goldenpath.registry.parts import check_parts
from goldenpath.schema.golden import Golden
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import TargetSpec
from goldenpath.volume import FILE_MODE, faults, open_regular, read_file, sync, write_file

JsonModel = TypeVar("JsonModel", bound=Frozen)

MANIFEST = "manifest.json"
PIPELINE = "model.skops"
EXPLANATION = "explanation.json"  # not in versions of older releases
CALIBRATION = "calibration.json"  # only if the manifest names a calibration
REQUIRED = (PIPELINE, "contract.json", "golden.json")
FORMAT = 1  # the newest manifest format that this library reads

MEGABYTE = 1 << 20
MANIFEST_LIMIT = MEGABYTE  # bytes
_LIMITS = {".skops": 2048 * MEGABYTE, ".onnx": 2048 * MEGABYTE}  # bytes by suffix
_LIMIT = 16 * MEGABYTE  # bytes of any other file

# scikit-learn's own tree types, whose node arrays skops does not check and `check_parts` does, and the type
# of numbers, which a SimpleImputer keeps; skops reads it from an empty array, without pickle.
_HARMLESS = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "numpy.dtype",
)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    "Hash every file of a candidate, write `manifest.json` last and durably; the manifest with its files."
    with faults(folder):
        paths = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
        files = {path.name: FileEntry(sha256=sha256(path), size=path.lstat().st_size) for path in paths}
        complete = manifest.model_copy(update={"files": files})
        (folder / MANIFEST).unlink(missing_ok=True)
        write_file(folder / MANIFEST, complete.model_dump_json(indent=2).encode())
        sync(folder / MANIFEST, FILE_MODE)
        sync(folder)
    return complete


def read_manifest(folder: Path) -> Manifest:
    "Read the manifest, unverified. Raises NotTrusted if it is missing or invalid, VolumeFault."
    path = folder / MANIFEST
    with faults(path):
        status = _status(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MANIFEST_LIMIT:
            raise NotTrusted(
                f"{path} is a link or no file of at most {MANIFEST_LIMIT} bytes; publish it again"
            )
        content = read_file(path, MANIFEST_LIMIT)
    return parse_manifest(content, folder)


def _status(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except FileNotFoundError:
        if path.parent.is_dir():  # the version is damaged; without its folder, the volume is
            raise Incomplete(f"{path} is missing; publish the version again") from None
        raise


def parse_manifest(content: bytes, folder: Path) -> Manifest:
    "Parse the bytes of a manifest strictly. Raises NotTrusted, naming the folder."
    try:
        values = json.loads(content, object_pairs_hook=_no_double)
    except (ValueError, RecursionError) as error:
        raise NotTrusted(
            f"{folder / MANIFEST} is not JSON ({str(error)[:80]}); publish the version again"
        ) from None
    if isinstance(values, dict) and isinstance(values.get("format"), int) and values["format"] > FORMAT:
        newer = (
            f"format {values['format']} is newer than {FORMAT}, which this library reads; upgrade goldenpath"
        )
        raise NotTrusted(f"{folder / MANIFEST}: {newer}")
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotTrusted(f"{folder / MANIFEST}: {where}: {first['msg']}; publish the version again") from None


def _no_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands twice")
    return values


def verify_files(folder: Path) -> Manifest:
    """Check a model folder against its manifest, cheapest first; nothing in it is decompressed or loaded.

    Raises NotTrusted with the reason, VolumeFault where the volume cannot be read.
    """
    with faults(folder):
        _check_folder(folder)
    manifest = read_manifest(folder)
    with faults(folder):
        _check_names(folder, manifest)
        for name, entry in manifest.files.items():
            _check_size(folder / name, entry)
        for name, entry in manifest.files.items():
            if sha256(folder / name) != entry.sha256:
                raise NotTrusted(
                    f"{folder / name} was altered: its sha256 is not the manifest's; publish it again"
                )
        with os.fdopen(open_regular(folder / PIPELINE), "rb") as file:
            check_archive(file, folder / PIPELINE)
    _check_records(folder, manifest)
    return manifest


def _check_folder(folder: Path) -> None:
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise NotTrusted(
            f"{folder} is a link or a file, not a folder; remove it and publish the version again"
        )


def _check_names(folder: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        if not is_plain(name):
            raise NotTrusted(
                f"{folder / MANIFEST} lists {name!r}, which is not a plain file name; publish it again"
            )
    listed, present = {*manifest.files, MANIFEST}, set(os.listdir(folder))
    for name in sorted(present - listed):
        raise NotTrusted(f"{folder / name} is not in the manifest; remove it or publish the version again")
    for name in sorted((listed | set(REQUIRED)) - present):
        raise Incomplete(f"{folder / name} is missing; publish the version again")
    for name in sorted(set(REQUIRED) - listed):
        raise NotTrusted(f"{folder / MANIFEST} does not list {name}; publish the version again")


def is_plain(name: str) -> bool:
    "Is this the name of an ordinary file in this folder: no path, not hidden, printable ASCII?"
    return name.isascii() and name.isprintable() and not set(name) & set("/\\ ") and name[:1] not in ("", ".")


def size_limit(name: str) -> int:  # bytes
    "Return the size limit of a file of this name."
    return _LIMITS.get(Path(name).suffix, MANIFEST_LIMIT if name.endswith(MANIFEST) else _LIMIT)


def _check_size(path: Path, entry: FileEntry) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise NotTrusted(f"{path} is a link or no regular file; publish the version again")
    limit = size_limit(path.name)
    if max(status.st_size, entry.size) > limit:
        raise NotTrusted(
            f"{path} has {max(status.st_size, entry.size)} bytes, more than {limit}; make it smaller"
        )
    if status.st_size != entry.size:
        raise NotTrusted(
            f"{path} has {status.st_size} bytes, its manifest says {entry.size}; publish it again"
        )


def _check_records(folder: Path, manifest: Manifest) -> None:
    spec = read_record(folder, manifest, "contract.json", ContractSpec)
    if problem := spec.target.threshold_problem(manifest.threshold):
        raise NotTrusted(f"{folder / MANIFEST}: threshold {problem}; publish again")
    if spec.hash != manifest.contract_hash:
        raise NotTrusted(f"{folder / 'contract.json'} is not the contract of the manifest; publish it again")
    golden = read_record(folder, manifest, "golden.json", Golden)
    if golden.records and not golden.fits(spec.target):
        raise NotTrusted(f"{folder / 'golden.json'} does not hold one answer per record; publish it again")
    if not golden.records:
        raise NotTrusted(f"{folder / 'golden.json'} has no records to prove a model with; train it again")
    _check_calibration(folder, manifest, spec.target)


def _check_calibration(folder: Path, manifest: Manifest, target: TargetSpec) -> None:
    calibration = calibration_of(folder, manifest)
    kind, problem = calibration and calibration.kind, calibration and calibration.problem(target)
    if kind != manifest.calibration:
        problem = f"is of kind {kind}, its manifest says {manifest.calibration}"
    if problem:
        raise NotTrusted(f"{folder / CALIBRATION} {problem}; publish it again")


def calibration_of(folder: Path, manifest: Manifest) -> Calibration | None:
    "Read what calibrates the answers of a version, if anything does. Raises NotTrusted, VolumeFault."
    return read_record(folder, manifest, CALIBRATION, Calibration) if CALIBRATION in manifest.files else None


def sha256(path: Path) -> str:
    "Hex digest of a regular file. Raises OSError."
    descriptor = open_regular(path)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_trusted(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Read the bytes of one file and check them: what is loaded is what the manifest names.

    Raises NotTrusted where the file is not in the manifest or was altered after `verify_files`, VolumeFault.
    """
    if name not in manifest.files:
        raise NotTrusted(f"{folder / MANIFEST} does not list {name}; publish the version again")
    entry = manifest.files[name]
    with faults(folder / name):
        content = read_file(folder / name, size_limit(name))
    if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise NotTrusted(f"{folder / name} was altered: its sha256 is not the manifest's; publish it again")
    return content


def read_record(folder: Path, manifest: Manifest, name: str, kind: type[JsonModel]) -> JsonModel:
    "Read a JSON file of a version as a record. Raises NotTrusted, VolumeFault."
    content = read_trusted(folder, manifest, name)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise NotTrusted(f"{folder / name} is not a {kind.__name__}: {why}; publish it again") from None


def save_pipeline(pipeline: Any, path: Path) -> None:
    "Write a fitted pipeline as a skops file."
    import skops.io

    with faults(path):
        skops.io.dump(pipeline, path)


def load_pipeline(folder: Path, manifest: Manifest, trusted: tuple[str, ...] = ()) -> Any:
    """Build the fitted pipeline of a verified folder; `trusted`: further type names, from the reader's code.

    Raises NotTrusted where the file was altered, holds other types, or cannot be built here.
    """
    if others := other_versions(manifest):
        warnings.warn(
            f"version {manifest.version} was made with {others}; its golden rows decide", stacklevel=2
        )
    return pipeline_from(read_trusted(folder, manifest, PIPELINE), folder / PIPELINE, trusted)


def other_versions(manifest: Manifest) -> str:
    "`scikit-learn 1.6.1 (here 1.9.1)` for the libraries that read the pipeline, where they are other ones."
    pairs = [
        (name, manifest.environment.get(name), metadata.version(name)) for name in ("scikit-learn", "skops")
    ]
    return ", ".join(f"{name} {then} (here {now})" for name, then, now in pairs if then and then != now)


def pipeline_from(content: bytes, path: Path, trusted: tuple[str, ...] = ()) -> Any:
    "Build the fitted pipeline of a skops file's bytes, also of a candidate that has no manifest yet."
    check_archive(io.BytesIO(content), path)
    check_types(content, path, trusted)
    return _guarded(lambda skops: _sound(skops.loads(content, trusted=[*_HARMLESS, *trusted]), path), path)


def _sound(pipeline: Any, path: Path) -> Any:
    check_parts(pipeline, path)
    return pipeline


def check_types(content: bytes, path: Path, trusted: tuple[str, ...] = ()) -> None:
    "Refuse a skops file that refers to `__main__` or to types outside of the allow-list. Raises NotTrusted."
    refuse_main(content, path)
    check_boosters(nodes_of(content, path), path)
    unknown = _guarded(lambda skops: skops.get_untrusted_types(data=content), path)
    refused = sorted(set(unknown) - {*_HARMLESS, *trusted})
    if refused:
        names = ", ".join(refused)[:200]
        raise NotTrusted(
            f"{path} holds types that are not allowed: {names}; to trust them, see notebooks/04_model.ipynb"
        )


def refuse_main(content: bytes, path: Path) -> None:
    "Refuse a skops file that refers to `__main__`: no other process could build it. Raises NotTrusted."
    if name := refers_to_main(content, path):
        raise NotTrusted(f"{path} refers to __main__.{name}: move it into an exported cell of 04_model.ipynb")


def _guarded(call: Callable[[Any], Any], path: Path) -> Any:
    # skops raises many types of error, depending on the file; none of it may pass for our own fault.
    import skops.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about versions: the manifest names them, the golden rows decide
            return call(skops.io)
    except NotTrusted:
        raise
    except Exception as error:
        raise NotTrusted(
            f"{path} cannot be built here: {type(error).__name__}: {str(error)[:120]}"
        ) from error
