"""Where a model comes from: code, environment, and the fingerprint by which two models are the same."""

import ast
import hashlib
import inspect
import json
import platform
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import goldenpath

LIBRARIES = ("numpy", "pandas", "scikit-learn", "skops", "skl2onnx", "onnxruntime", "pydantic")
LIBRARY = Path(goldenpath.__file__).parent
PROJECT = LIBRARY.resolve().parent
# What a run executes, as git names it from the project's folder; a scratch notebook is not among it.
CODE = ("goldenpath/*.py", "notebooks/*.py", "notebooks/[0-9][0-9]_*.ipynb", "settings.ini")


def environment() -> dict[str, str]:  # version by name; libraries that are missing are left out
    "Name the versions that a model's answers may depend on."
    here = {"python": platform.python_version(), "goldenpath": goldenpath.__version__}
    for name in LIBRARIES:
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return here


def library_hash(
    library: Path = LIBRARY,  # the folder of the package
) -> str:  # sha256, hex
    "Hash the library's own Python files: path and content, in order of the paths."
    digest = hashlib.sha256()
    for file in sorted(library.rglob("*.py")):
        if file.name != "_modidx.py":  # nbdev's index, not code
            digest.update(file.relative_to(library).as_posix().encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def git_commit(
    project: Path = PROJECT,
) -> str:  # e.g. "9f2c...e1" or "9f2c...e1+changes"; "" outside a repository or without git
    "Name the commit of a checkout, and whether what runs is something else than that commit."
    try:
        commit = _git(project, "rev-parse", "HEAD").stdout.strip()
        # by content: `git status` calls a notebook with outputs modified, although the filter drops them
        changed = _git(project, "diff", "--quiet", "HEAD", good=(0, 1)).returncode == 1
        added = _git(project, "ls-files", "--others", "--exclude-standard", "--", *CODE).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+changes" if changed or added else "")


def _git(folder: Path, *words: str, good: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode not in good:
        done.check_returncode()
    return done


def fingerprint(
    contract_hash: str,
    pipeline: Any,  # unfitted, built with seed 0, so that the seed is no part of it
    functions: Iterable[Callable[..., Any]],  # enrich and post-processing
) -> dict[str, str]:  # contract, pipeline, postprocess; short, readable where they can be
    "Take apart what makes a model this model, so that a difference can be named."
    source = "\n".join(_normal_source(function) for function in functions)
    return {
        "contract": contract_hash,
        "pipeline": re.sub(r" at 0x[0-9a-f]+", "", " ".join(pipeline.__repr__(N_CHAR_MAX=10**6).split())),
        "postprocess": hashlib.sha256(source.encode()).hexdigest(),
    }


def _normal_source(function: Callable[..., Any]) -> str:
    "Source without comments and layout, so that these change no fingerprint."
    return _shape(ast.parse(textwrap.dedent(inspect.getsource(function))))


def _shape(node: Any) -> str:
    """A syntax tree as text that every Python writes alike.

    `ast.dump` does not: 3.12 added a field to functions and 3.13 leaves empty ones out, so a laptop and a
    pod would have called the same code different.
    """
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        return f"{type(node).__name__}({', '.join(f'{name}={_shape(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_shape, node))}]"
    return repr(node)


def digest(value: Any) -> str:  # sha256, hex
    "Hash a JSON value by its canonical form."
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(old: dict[str, str], new: dict[str, str]) -> str:  # "pipeline: A -> B; contract changed"
    "Say in one line in what two fingerprints differ."
    changed = [name for name in new if old.get(name) != new[name]]
    readable = [f"pipeline: {old.get('pipeline')} -> {new['pipeline']}"] if "pipeline" in changed else []
    return "; ".join(readable + [f"{name} changed" for name in changed if name != "pipeline"])
