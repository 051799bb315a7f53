"""Which files are tables, by the ending of their names; in capitals as well."""

from pathlib import PurePath

CSV = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zip")
PARQUET = (".parquet", ".pq")
TABLES = CSV + PARQUET
OTHERS = (".xlsx", ".xls", ".ods", ".tsv", ".jsonl", ".ndjson", ".feather", ".arrow", ".orc", ".zip", ".7z")
PACKED = (".gz", ".bz2", ".xz", ".zip")


def is_table(name: str) -> bool:
    "Can this file be read as a table? Hidden ones are not meant: macOS writes ._rows.csv beside rows.csv."
    return name.lower().endswith(TABLES) and not _is_hidden(name)


def is_other_table(name: str) -> bool:
    "Is it probably a table that cannot be read here, such as a workbook?"
    return name.lower().endswith((*OTHERS, *PACKED)) and not (is_table(name) or _is_hidden(name))


def is_parquet(name: str) -> bool:
    "Is it a Parquet file? Everything else is read as CSV."
    return _path(name).endswith(PARQUET)


def compression(name: str) -> str:
    "Return the ending of a compressed file, such as .gz, or nothing."
    return next((ending for ending in PACKED if _path(name).endswith(ending)), "")


def _is_hidden(name: str) -> bool:
    return PurePath(name).name.startswith(".")


def _path(name: str) -> str:
    "Of a URL without its query; in small letters."
    return name.partition("?")[0].lower()
