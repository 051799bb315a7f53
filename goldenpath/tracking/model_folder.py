"""A version as an MLflow model: its files as they are, the code that answers, the contract as signature.

MLflow loads it through `goldenpath.pyfunc`, which verifies the files and reads the pipeline with skops. No
file of it is a pickle.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import goldenpath
from goldenpath.errors import NotTrusted
from goldenpath.registry.artifact import MANIFEST, read_record, read_trusted
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.spec import ContractSpec
from goldenpath.volume import read_file

LOADER = "goldenpath.pyfunc"
# The rooms of the library that answer; what trains, reports and manages stays out.
ANSWERING = (
    *("errors", "records", "text", "volume", "programs", "schema", "tables", "settings", "measure"),
    *("inference", "registry", "contract", "model", "predict", "pyfunc"),
)
NEEDED = ("numpy", "pandas", "pydantic", "scikit-learn", "skops")
MANIFEST_BYTES = 1 << 20


def write_model_folder(registry: Registry, version: str, folder: Path) -> Manifest:
    "Write a version as an MLflow model. Raises NoModel, NotTrusted, VolumeFault."
    from mlflow.pyfunc import save_model

    source = registry.folder(version)
    manifest = registry.check(source, version)
    refuse_other_code(manifest)
    with TemporaryDirectory() as scratch:
        data, code = Path(scratch, "version"), Path(scratch, "goldenpath")
        data.mkdir()
        for name in manifest.files:
            (data / name).write_bytes(read_trusted(source, manifest, name))
        (data / MANIFEST).write_bytes(read_file(source / MANIFEST, MANIFEST_BYTES))
        copy_code(code)
        save_model(
            str(folder),
            loader_module=LOADER,
            data_path=str(data),
            code_paths=[str(code)],
            pip_requirements=requirements(manifest),
            signature=signature_of(read_record(source, manifest, "contract.json", ContractSpec)),
            metadata={"goldenpath.version": version, "goldenpath.model": manifest.model},
        )
    return manifest


def refuse_other_code(manifest: Manifest) -> None:
    "Raise NotTrusted for a version that this code cannot load: MLflow would hold a model that never answers."
    ours, theirs = (name.partition(".")[0] for name in (goldenpath.MODEL_VERSION, manifest.model_version))
    if ours != theirs:
        raise NotTrusted(
            f"version {manifest.version} is of major version {theirs} and this code of {ours}: "
            "mirror it from a checkout of the code that made it"
        )


def copy_code(folder: Path) -> None:
    "Copy the part of the library that answers."
    library = Path(goldenpath.__file__).parent
    folder.mkdir()
    shutil.copy(library / "__init__.py", folder)
    for room in ANSWERING:
        if (library / f"{room}.py").is_file():
            shutil.copy(library / f"{room}.py", folder)
        elif (library / room).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(library / room, folder / room, ignore=ignored)


def requirements(manifest: Manifest) -> list[str]:
    "Return the packages that the version was proven with, as pip takes them."
    fast = ("onnxruntime",) if manifest.fast_path.status == "proven" else ()
    names = [*NEEDED, *fast, "lightgbm"]
    return [f"{name}=={version}" for name in names if (version := manifest.environment.get(name))]


def signature_of(spec: ContractSpec) -> Any:  # mlflow.models.ModelSignature
    "Return the contract's fields as MLflow's signature; the contract itself checks more."
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    return ModelSignature(
        inputs=Schema([ColSpec(mlflow_type(field), field.name, not field.optional) for field in spec.fields])
    )


def mlflow_type(field: FieldSpec) -> str:
    "Return MLflow's name of a field's type. Whole numbers fit a double; a missing boolean fits text alone."
    if field.kind in ("number", "integer"):
        return "double"
    return "boolean" if field.kind == "boolean" and not field.optional else "string"
