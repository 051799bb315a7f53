"""Where a version comes from, and whether it can be reproduced: recorded against present, line by line."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from goldenpath.inference.calibration import calibrate
from goldenpath.records import Frozen
from goldenpath.registry.artifact import calibration_of, read_record
from goldenpath.registry.manifest import DataSummary, Manifest
from goldenpath.registry.registry import Registry
from goldenpath.runs import provenance
from goldenpath.schema.golden import Golden
from goldenpath.schema.spec import ContractSpec

_SHOWN = 16  # characters of a hash

# Retrains as recorded, in a scratch home; gives what the rows were and the candidate's folder.
Retrain = Callable[[Manifest, Path], tuple[DataSummary, Path]]
# The raw scores of each record, from the model in a folder. (n,) or (n, k)
Predict = Callable[[Path, list[dict[str, object]]], "np.ndarray[tuple[int], np.dtype[np.float64]]"]


class Comparison(Frozen):
    "One thing that was recorded, and what it is now."

    what: str
    recorded: str
    present: str

    @property
    def same(self) -> bool:
        "Is it what it was?"
        return self.recorded == self.present


class Reproduction(Frozen):
    "What became of the attempt to make a version again."

    version: str
    compared: tuple[Comparison, ...]
    difference: float  # largest difference of probability on the golden rows
    labels: int  # golden rows whose label is another one

    @property
    def same_answers(self) -> bool:
        "Does the new model answer like the old one, to what floating point allows?"
        return self.labels == 0 and self.difference <= 1e-9


def origin_lines(manifest: Manifest) -> dict[str, str]:
    "Return data, code, environment, run, author and date of a version for display."
    rows = ", ".join(f"{count:,} {name}" for name, count in manifest.data.rows.items())
    return {
        "made": f"{manifest.created} by {manifest.who}",
        "run": manifest.run,
        "data": manifest.data.source + _answered(manifest.data),
        "rows": rows,
        "data fingerprint": manifest.data.fingerprint[:_SHOWN],
        "split": manifest.data.split,
        "seed": str(manifest.seed),
        "code": f"commit {short(manifest.git_commit)}, library {manifest.library_hash[:_SHOWN]}",
        "model": manifest.fingerprint_parts.get("pipeline", ""),
        "environment": ", ".join(f"{name} {version}" for name, version in manifest.environment.items()),
    }


def _answered(data: DataSummary) -> str:
    "Say how many of the rows were answered records."
    return "" if data.answered is None else f" ({data.answered:,} answered records)"


def compare_code(manifest: Manifest) -> list[Comparison]:
    "Commit, library and environment, recorded and present."
    there, here = manifest.environment, provenance.python_environment()
    versions = [
        Comparison(what=name, recorded=there.get(name, "missing"), present=here.get(name, "missing"))
        for name in sorted({*there, *here})
    ]
    commits = short(manifest.git_commit), short(provenance.git_commit())
    commit = Comparison(what="git commit", recorded=commits[0], present=commits[1])
    hashes = manifest.library_hash[:_SHOWN], provenance.library_hash()[:_SHOWN]
    return [commit, Comparison(what="library", recorded=hashes[0], present=hashes[1]), *versions]


def short(commit: str) -> str:
    "Shorten a commit for display; a mark of uncommitted changes stays."
    name, changed, _ = commit.partition("+")
    return f"{name[:_SHOWN]}{' with changes' if changed else ''}" if name else "unknown"


def compare_data(manifest: Manifest, present: DataSummary) -> list[Comparison]:
    "Compare the rows, recorded and present."
    pairs = {
        "data": (manifest.data.source + _answered(manifest.data), present.source + _answered(present)),
        "data fingerprint": (manifest.data.fingerprint[:_SHOWN], present.fingerprint[:_SHOWN]),
        "training rows": (str(manifest.data.rows.get("train")), str(present.rows.get("train"))),
    }
    return [Comparison(what=what, recorded=was, present=now) for what, (was, now) in pairs.items()]


def reproduce(registry: Registry, version: str, retrain: Retrain, answer: Predict) -> Reproduction:
    """Train a version again with the present code and data, and compare with what was recorded.

    Nothing is published; it writes to a scratch folder. Raises NoModel, NotTrusted, BadInput.
    """
    manifest = registry.verify(version)
    golden = read_record(registry.folder(version), manifest, "golden.json", Golden)
    with tempfile.TemporaryDirectory(prefix="reproduce-") as scratch:
        data, candidate = retrain(manifest, Path(scratch))
        now = answer(candidate, list(golden.records))  # type: ignore[arg-type]
    then, calibration = golden.scores, calibration_of(registry.folder(version), manifest)
    target = read_record(registry.folder(version), manifest, "contract.json", ContractSpec).target
    return Reproduction(
        version=version,
        compared=(*compare_code(manifest), *compare_data(manifest, data)),
        difference=float(np.abs(now - then).max(initial=0.0)),
        labels=int(
            target.flips(calibrate(then, calibration), calibrate(now, calibration), manifest.threshold).sum()
        ),
    )
