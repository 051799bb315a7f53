"""What a candidate must fulfil to be published: new code has a new MODEL_VERSION, no caller is broken."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from goldenpath.rails import artifact
from goldenpath.rails.compat import diff
from goldenpath.rails.errors import GateRefused, NotTrusted
from goldenpath.rails.manifest import Manifest
from goldenpath.rails.provenance import differences
from goldenpath.rails.spec import ContractSpec

if TYPE_CHECKING:
    from goldenpath.rails.versions import Versions

RAISE_IT = "MODEL_VERSION in goldenpath/__init__.py"
SEMANTIC = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})-")  # how the name of a version begins


def check(versions: "Versions", manifest: Manifest, candidate: Path) -> None:
    "Raise NotTrusted or GateRefused, with the line to change, where a candidate may not become a version."
    if manifest.model != versions.model:
        raise NotTrusted(
            f"{candidate} is a model named {manifest.model!r}, not {versions.model!r}; see settings.ini"
        )
    named = f"{manifest.model_version}-", f"-{manifest.identity[:8]}"
    starts_and_ends = manifest.version.startswith(named[0]) and manifest.version.endswith(named[1])
    if not (SEMANTIC.match(manifest.version) and starts_and_ends and artifact.is_plain(manifest.version)):
        raise NotTrusted(f"{candidate} has the version name {manifest.version!r}; train it again")
    pipeline = artifact.read_trusted(candidate, manifest, artifact.PIPELINE)
    artifact.refuse_main(pipeline, candidate / artifact.PIPELINE)
    published = versions.versions()
    _check_fingerprint(versions, manifest, published)
    _check_contract(versions, manifest, candidate, published)


def _check_fingerprint(versions: "Versions", manifest: Manifest, published: list[str]) -> None:
    if found := clash(versions, manifest.model_version, manifest.fingerprint_parts, published):
        raise GateRefused(found)


def clash(
    versions: "Versions",
    model_version: str,
    parts: dict[str, str],  # the fingerprint, taken apart
    published: list[str],  # names, oldest first
) -> str:  # "" where there is none
    "Why a model with this fingerprint cannot be published under this MODEL_VERSION, with the line to change."
    # One version of this number is enough to compare with: it was itself compared with those before it.
    same = [version for version in published if version.startswith(f"{model_version}-")]
    if not same or (other := versions.manifest(same[-1]).fingerprint_parts) == parts:
        return ""
    return (
        f"MODEL_VERSION {model_version} was published as {same[-1]} with another model "
        f"({differences(other, parts)}); raise {RAISE_IT}"
    )


def _check_contract(versions: "Versions", manifest: Manifest, candidate: Path, published: list[str]) -> None:
    new = _spec(candidate, manifest)
    mine = semantic(manifest.version)
    for neighbour in neighbours(mine, published):
        other = _spec(versions.folder(neighbour), versions.manifest(neighbour))
        theirs = semantic(neighbour)
        change = diff(other, new) if theirs[:2] <= mine[:2] else diff(new, other)
        allowed = ("none",) if theirs[:2] == mine[:2] else ("none", "compatible")
        if change.kind not in allowed:
            part = "major" if change.kind == "breaking" else "minor"
            raise GateRefused(
                f"the contract of {manifest.model_version} differs from that of {neighbour} "
                f"({'; '.join(change.changes)}), which needs a new {part} number: raise {RAISE_IT}"
            )


def neighbours(mine: tuple[int, int, int], published: list[str]) -> list[str]:
    """The versions that a new contract is compared with, all of the same major number.

    The newest of the same minor number, of the next lower and of the next higher one: those beyond follow.
    """
    newest = {semantic(v)[1]: v for v in published if SEMANTIC.match(v) and semantic(v)[0] == mine[0]}
    same = [minor for minor in newest if minor == mine[1]]
    lower = sorted(minor for minor in newest if minor < mine[1])[-1:]
    higher = sorted(minor for minor in newest if minor > mine[1])[:1]
    return [newest[minor] for minor in [*same, *lower, *higher]]


def semantic(version: str) -> tuple[int, int, int]:
    "The MODEL_VERSION at the beginning of a version's name. Raises NotTrusted where there is none."
    if found := SEMANTIC.match(version):
        major, minor, patch = found.groups()
        return int(major), int(minor), int(patch)
    raise NotTrusted(
        f"{version!r} does not begin with a MODEL_VERSION such as 1.0.0; remove it from the volume"
    )


def _spec(folder: Path, manifest: Manifest) -> ContractSpec:
    return ContractSpec.model_validate_json(artifact.read_trusted(folder, manifest, "contract.json"))
