"""Calibrations, and versions whose answers are calibrated."""

from pathlib import Path
from shutil import copytree

import numpy as np

from goldenpath.inference.calibration import Calibration, Knots
from goldenpath.model import decide
from goldenpath.registry.artifact import CALIBRATION, read_manifest, read_record, write_manifest
from goldenpath.registry.engine import target_of
from goldenpath.schema.golden import Golden


def bent(power: float = 2.0, count: int = 30) -> Knots:
    "Return a map that takes a power of each probability."
    x = np.linspace(0, 1, count)
    return Knots(x=tuple(x.tolist()), y=tuple((0.002 + 0.99 * x**power).tolist()))


BINARY = Calibration(kind="isotonic", maps=(bent(),))
CLASSES = Calibration(kind="sigmoid", maps=(bent(2.0), bent(0.5), bent(1.3)))


def calibrated_copy(candidate: Path, folder: Path, calibration: Calibration) -> Path:
    "Return a copy of a complete candidate whose answers are calibrated."
    copytree(candidate, folder)
    manifest = read_manifest(folder)
    golden, target = read_record(folder, manifest, "golden.json", Golden), target_of(folder, manifest)
    codes = target.decide(calibration.many(golden.scores), manifest.threshold, decide)
    again = golden.model_copy(update=target.stored(golden.scores, codes))
    for name, record in {"golden.json": again, CALIBRATION: calibration}.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(record.model_dump_json())
    write_manifest(folder, manifest.model_copy(update={"calibration": calibration.kind}))
    return folder
