"""What a candidate must fulfil to be published: new code has a new MODEL_VERSION, no caller is broken."""

import contextlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from goldenpath.errors import GateRefused, NotTrusted, VolumeFault
from goldenpath.registry import artifact
from goldenpath.registry.fingerprint import differences, identity_of
from goldenpath.registry.manifest import Manifest
from goldenpath.schema.diff import diff
from goldenpath.schema.spec import ContractSpec

if TYPE_CHECKING:
    from goldenpath.registry.versions import Versions

Readable = TypeVar("Readable")  # of one version, as read
RAISE_IT = "MODEL_VERSION in goldenpath/__init__.py"
SEMANTIC = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")  # a MODEL_VERSION


def check_candidate(versions: "Versions", manifest: Manifest, candidate: Path) -> None:
    "Raise NotTrusted or GateRefused, with the line to change, where a candidate may not become a version."
    if manifest.model != versions.model:
        raise NotTrusted(
            f"{candidate} is a model named {manifest.model!r}, not {versions.model!r}; see settings.ini"
        )
    named = f"{manifest.model_version}-", f"-{manifest.identity[:8]}"
    starts_and_ends = manifest.version.startswith(named[0]) and manifest.version.endswith(named[1])
    if not (
        SEMANTIC.fullmatch(manifest.model_version) and starts_and_ends and artifact.is_plain(manifest.version)
    ):
        raise NotTrusted(f"{candidate} has the version name {manifest.version!r}; train it again")
    pipeline = artifact.read_trusted(candidate, manifest, artifact.PIPELINE)
    artifact.refuse_main(pipeline, candidate / artifact.PIPELINE)
    published = [version for version in versions.versions() if version != manifest.version]
    _check_fingerprint(versions, manifest, published)
    _check_contract(versions, manifest, candidate, published)


def _check_fingerprint(versions: "Versions", manifest: Manifest, published: list[str]) -> None:
    if reason := clash(versions, manifest.model_version, manifest.fingerprint_parts, published):
        raise GateRefused(reason)


def clash(
    versions: "Versions",
    model_version: str,
    parts: dict[str, str],  # the fingerprint, taken apart
    published: list[str],  # names, oldest first
) -> str:  # "" where there is none
    "Why a model with this fingerprint cannot be published under this MODEL_VERSION, with the line to change."
    # One version of this number is enough to compare with: it was itself compared with those before it.
    same = [version for version in published if version.startswith(f"{model_version}-")]
    other = newest_readable(same, versions.manifest)
    if other is None or identity_of(other.fingerprint_parts) == identity_of(parts):
        return ""
    changed = differences(other.fingerprint_parts, parts)
    return f"the model differs from {other.version}: {changed}; raise {RAISE_IT}"


def newest_readable(names: list[str], read: Callable[[str], Readable]) -> Readable | None:
    "Read the newest readable version: a damaged one must not keep others from being published."
    for name in reversed(names):
        with contextlib.suppress(NotTrusted, VolumeFault):
            return read(name)
    return None


def _check_contract(versions: "Versions", manifest: Manifest, candidate: Path, published: list[str]) -> None:
    new, mine = _spec(candidate, manifest), semantic(manifest.version)

    def read(version: str) -> tuple[str, ContractSpec]:
        return version, _spec(versions.folder(version), versions.manifest(version))

    for group in neighbours(mine, published):
        if neighbour := newest_readable(group, read):
            refuse_difference(manifest.version, new, *neighbour)


def refuse_difference(version: str, new: ContractSpec, neighbour: str, other: ContractSpec) -> None:
    "Raise GateRefused where two contracts differ by more than their version numbers say."
    mine, theirs = semantic(version)[:2], semantic(neighbour)[:2]
    change = diff(other, new) if theirs <= mine else diff(new, other)
    if change.kind == "none" or (change.kind == "compatible" and mine != theirs):
        return
    part = "major" if change.kind == "breaking" else "minor"
    raise GateRefused(
        f"the contract of {version} differs from that of {neighbour} ({'; '.join(change.changes)}), "
        f"which needs a new {part} number: raise {RAISE_IT}"
    )


def neighbours(mine: tuple[int, int, int], published: list[str]) -> list[list[str]]:
    """List the versions that a new contract is compared with, all of the same major number, oldest first.

    Those of the same minor number, of the next lower and of the next higher one: those beyond follow.
    """
    groups: dict[int, list[str]] = {}
    for version in published:
        numbers = _numbers(version.partition("-")[0])
        if numbers and numbers[0] == mine[0]:
            groups.setdefault(numbers[1], []).append(version)
    same = [minor for minor in groups if minor == mine[1]]
    lower = sorted(minor for minor in groups if minor < mine[1])[-1:]
    higher = sorted(minor for minor in groups if minor > mine[1])[:1]
    return [groups[minor] for minor in [*same, *lower, *higher]]


def semantic(version: str) -> tuple[int, int, int]:
    "Return the MODEL_VERSION at the beginning of a version's name. Raises NotTrusted if it is missing."
    if numbers := _numbers(version.partition("-")[0]):
        return numbers
    raise NotTrusted(
        f"{version!r} does not begin with a MODEL_VERSION such as 1.0.0; remove it from the volume"
    )


@cache  # thousands of versions share a few numbers
def _numbers(model_version: str) -> tuple[int, int, int] | None:
    numbers = SEMANTIC.fullmatch(model_version)
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def _spec(folder: Path, manifest: Manifest) -> ContractSpec:
    return artifact.read_record(folder, manifest, "contract.json", ContractSpec)
