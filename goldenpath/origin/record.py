"""What was placed in a project, written down in it: `.goldenpath/origin.json`, which is committed."""

from pathlib import Path

from pydantic import ValidationError

from goldenpath.errors import BadInput
from goldenpath.origin.shipment import OWN_FOLDER, Shipment
from goldenpath.records import Frozen

RECORD_FILE = f"{OWN_FOLDER}/origin.json"


class OriginRecord(Frozen):
    "Where a project came from, and the mark of every file as it was shipped."

    format: int = 1
    source: str = ""  # address of the repository, or path; what `goldenpath upgrade` reads by itself
    state: str = ""  # commit
    files: dict[str, str]


def read_origin(folder: Path) -> OriginRecord | None:
    "Read a project's record; None if it is older than records. Raises BadInput for a damaged one."
    file = folder / RECORD_FILE
    try:
        return OriginRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise BadInput(f"{file} cannot be read: restore it from git, or delete it") from None


def write_origin(folder: Path, shipment: Shipment, source: str) -> None:
    "Write down what a shipment placed, and keep the copies for undoing out of git."
    record = OriginRecord(source=source, state=shipment.state, files=shipment.files)
    (folder / OWN_FOLDER).mkdir(exist_ok=True)
    (folder / OWN_FOLDER / ".gitignore").write_text("undo/\n", "utf-8")
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=1) + "\n", "utf-8")
