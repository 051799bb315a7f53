"""The champion on the candidate's test rows: loaded and asked, or the reason why it cannot be compared."""

from dataclasses import dataclass
from pathlib import Path

from goldenpath.errors import GoldenpathError
from goldenpath.evaluation.metrics import Floats
from goldenpath.inference.calibration import calibrated
from goldenpath.inference.engines import SklearnEngine
from goldenpath.records import Columns
from goldenpath.registry.artifact import calibration_of, load_pipeline, read_record
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import ContractSpec, diff


@dataclass(frozen=True)
class Champion:
    "The version that holds the role, and its probabilities on the test rows."

    number: int  # of the role entry that names it
    version: str | None = None  # None: no version holds the role
    synthetic: bool = False
    threshold: float | None = None
    probability: Floats | None = None  # (n,)
    why_not: str = ""  # why it cannot be compared


def ask_champion(
    registry: Registry,
    spec: ContractSpec,  # today's
    columns: Columns,  # of the test rows, complete
    trusted: tuple[str, ...] = (),  # types of an estimator that may be loaded besides the usual ones
) -> Champion:
    "Let the champion, if there is one, predict the rows that the candidate is judged on."
    roles = registry.roles()
    if roles.champion is None:
        return Champion(roles.number)
    synthetic = True
    try:
        manifest = registry.verify(roles.champion)
        synthetic = manifest.synthetic
        probability = _predicted(registry.folder(roles.champion), manifest, spec, columns, trusted)
    except Exception as error:  # an older model may fail in any way here; then it is not compared
        return Champion(roles.number, roles.champion, synthetic, why_not=str(error) or type(error).__name__)
    return Champion(roles.number, roles.champion, synthetic, manifest.threshold, probability)


def _predicted(
    folder: Path, manifest: Manifest, spec: ContractSpec, columns: Columns, trusted: tuple[str, ...]
) -> Floats:
    "Raise GoldenpathError if its contract cannot read these rows, or it must not be loaded."
    change = diff(read_record(folder, manifest, "contract.json", ContractSpec), spec)
    if change.kind == "breaking":
        raise GoldenpathError("the contract changed: " + "; ".join(change.changes))
    missing = [name for name in (*manifest.layout.text, *manifest.layout.number) if name not in columns]
    if missing:
        raise GoldenpathError(f"its model takes {', '.join(missing)}, which no step makes any more")
    pipeline = load_pipeline(folder, manifest, trusted)
    engine = SklearnEngine(pipeline, manifest.layout, spec.target)
    return calibrated(engine, calibration_of(folder, manifest)).many(columns)
