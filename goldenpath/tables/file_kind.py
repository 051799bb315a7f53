"""What a file really is, by its first bytes: a file's name does not always say."""

import re
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile, ZipFile

from goldenpath.errors import BadInput

HEAD = 512  # bytes that are looked at


@dataclass(frozen=True)
class FileKind:
    "One kind of file."

    name: str
    remedy: str
    head: re.Pattern[bytes]  # how such a file begins
    ending: str = "none"  # under which it can be read as a table


def _kind(name: str, remedy: str, head: bytes, ending: str = "none") -> FileKind:
    return FileKind(name, remedy, re.compile(head), ending)


SAVE = "save the sheet as CSV (UTF-8)"
EXCEL = _kind("an Excel workbook", SAVE, rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
OPEN_DOCUMENT = _kind("an OpenDocument spreadsheet", SAVE, b"(?!)")  # known by what its archive holds
ZIP = _kind("a zip archive", "unpack it", rb"PK\x03\x04|PK\x05\x06", ".zip")
UTF16 = _kind("UTF-16", "convert it: iconv -f UTF-16 -t UTF-8", rb"\xff\xfe|\xfe\xff")
KINDS = (
    ZIP,
    EXCEL,
    _kind("a Parquet file", "rename it to end in .parquet", b"PAR1", ".parquet"),
    _kind("compressed with gzip", "rename it to end in .csv.gz, or unpack it", rb"\x1f\x8b", ".gz"),
    _kind("compressed with bzip2", "rename it to end in .csv.bz2, or unpack it", rb"BZh\d1AY&SY", ".bz2"),
    _kind("compressed with xz", "rename it to end in .csv.xz, or unpack it", rb"\xfd7zXZ\x00", ".xz"),
    _kind("compressed with zstd", "unpack it: unzstd", rb"\x28\xb5\x2f\xfd"),
    _kind("a 7z archive", "unpack it", rb"7z\xbc\xaf\x27\x1c"),
    _kind("an Arrow (Feather) file", "write it as Parquet", b"ARROW1"),
    _kind("an SQLite database", "export the table as CSV", b"SQLite format 3\x00"),
    _kind("a PDF", "get the table as CSV or Parquet", b"%PDF-"),
    _kind("a Git LFS pointer", "fetch the file itself: git lfs pull", b"version https://git-lfs"),
    _kind("UTF-32", "convert it: iconv -f UTF-32 -t UTF-8", rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff"),
    UTF16,
    _kind("UTF-16", "convert it: iconv -f UTF-16LE -t UTF-8", rb"[^\x00]\x00[^\x00]\x00"),
    _kind("UTF-16", "convert it: iconv -f UTF-16BE -t UTF-8", rb"\x00[^\x00]\x00[^\x00]"),
    _kind(
        "a web page (HTML)",
        "download the file again: a login or error page may have come in its place",
        rb"(?i)(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head|<body|<table)",
    ),
    _kind("XML", "write it as CSV or Parquet", rb"(\xef\xbb\xbf)?\s*<\?xml"),
    _kind("JSON", "write it as CSV or Parquet", rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*["}]'),
)


def refuse_other_kind(
    stream: Any,  # seekable, at its beginning, where it is left
    file: str,
    ending: str,  # what the content must be: "" for CSV, else the ending of a kind
) -> None:
    "Check the content's kind. Raises BadInput for another kind; content of no known kind passes as CSV."
    kind = kind_of(stream)
    if kind and kind.ending != ending:
        raise BadInput(f"{file} is {kind.name}; {kind.remedy}")
    if kind is ZIP:
        _refuse_collection(stream, file)
    if not kind and ending not in ("", ".parquet"):
        wanted = next(kind for kind in KINDS if kind.ending == ending)
        raise BadInput(f"{file} is not {wanted.name}; if it is CSV, rename it to end in .csv")


def kind_of(
    stream: Any,  # seekable, at its beginning, where it is left
) -> FileKind | None:  # None: no known kind, such as CSV
    "Return the kind by the first bytes; for a zip archive, by its contents."
    head = stream.read(HEAD)
    stream.seek(0)
    kind = next((kind for kind in KINDS if kind.head.match(head)), None)
    return _kind_of_archive(stream) if kind is ZIP else kind


def _kind_of_archive(stream: Any) -> FileKind:
    "Spreadsheets are zip archives too."
    names = _names(stream)
    if any(name.startswith("xl/") for name in names):
        return EXCEL
    return OPEN_DOCUMENT if "content.xml" in names else ZIP


def _refuse_collection(stream: Any, file: str) -> None:
    "Only the first file of an archive would be read."
    names = _names(stream)
    tables = [name for name in names if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if tables != names[:1]:
        raise BadInput(f"{file} is a zip archive of {len(tables)} files; unpack it")


def _names(stream: Any) -> list[str]:
    try:
        return ZipFile(stream).namelist()
    except BadZipFile:  # cut off: reading it says so
        return []
    finally:
        stream.seek(0)
