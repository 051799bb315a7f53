"""What was placed in a project, written down in it: `.goldenpath/origin.json`, which is committed."""

from pathlib import Path

from pydantic import ValidationError

from goldenpath.errors import BadInput
from goldenpath.origin.beginning import RECORD_FILE
from goldenpath.records import Frozen


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
