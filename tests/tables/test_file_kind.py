"""Files of every kind: those that are tables are found and read; the others are named for what they are."""

import bz2
import gzip
import io
import lzma
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from goldenpath.errors import BadInput
from goldenpath.settings import load_settings
from goldenpath.tables.endings import TABLES
from goldenpath.tables.file_kind import KINDS, kind_of
from goldenpath.tables.reader import as_strings, read_chunks, read_columns
from goldenpath.tables.sources import find_files

ROWS = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"]})
TEXT = ROWS.to_csv(index=False)


def write_table(path: Path) -> None:
    "Return the rows in the format that the file's name asks for."
    if path.name.lower().endswith((".parquet", ".pq")):
        ROWS.to_parquet(path)
    else:
        packing = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}.get(path.suffix.lower())
        ROWS.to_csv(path, index=False, compression=packing)


@pytest.mark.parametrize("name", [f"rows{ending}" for ending in (*TABLES, ".CSV", ".Parquet", ".csv.GZ")])
def test_a_table_of_each_kind_is_found_where_it_lies_and_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "settings.ini").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "._rows.csv").write_bytes(b"\0")  # macOS leaves these
    write_table(tmp_path / "data" / name)
    source = load_settings(tmp_path / "settings.ini", {}).data_source({})
    assert source == str(tmp_path / "data" / name)
    assert find_files(str(tmp_path / "data")) == (source,)
    assert read_columns(source) == ("a", "b")
    assert pd.concat([as_strings(chunk.batch).to_pandas() for chunk in read_chunks(source)]).equals(ROWS)


@pytest.mark.parametrize("name", ["rows.xlsx", "ROWS.TSV", "rows.zip", "rows.json.gz", "rows.feather"])
def test_a_table_in_data_that_is_not_read_is_named_instead_of_a_stand_in(name: str, tmp_path: Path) -> None:
    (tmp_path / "settings.ini").touch()
    (tmp_path / "data").mkdir()
    for file in (name, "README.md", ".rows.xlsx"):
        (tmp_path / "data" / file).touch()
    settings = load_settings(tmp_path / "settings.ini", {})
    with pytest.raises(BadInput, match=rf"/data holds {name}, which is not read: write it as CSV or Parquet"):
        settings.data_source({})
    (tmp_path / "data" / "rows.pq").touch()
    assert settings.data_source({}) == str(tmp_path / "data" / "rows.pq")


def zipped(path: Path, names: tuple[str, ...]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT)


def database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table cases (a, b)")
    connection.close()


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


PAGE = "\n <!DOCTYPE html>\n<html><body>Please log in</body></html>"
OTHER_KINDS: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: zipped(path, ("rows.csv",)), "a zip archive; unpack it"),
    (lambda path: zipped(path, ("[Content_Types].xml", "xl/workbook.xml")), "an Excel workbook; save the"),
    (lambda path: zipped(path, ("mimetype", "content.xml")), "an OpenDocument spreadsheet; save the sheet"),
    (content(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)), "an Excel workbook; save the sheet as CSV"),
    (content(b"PK\x03\x04 and nothing more"), "a zip archive; unpack it"),
    (ROWS.to_parquet, "a Parquet file; rename it to end in .parquet"),
    (ROWS.to_feather, r"an Arrow \(Feather\) file; write it as Parquet"),
    (content(gzip.compress(TEXT.encode())), "compressed with gzip; rename it to end in .csv.gz"),
    (content(bz2.compress(TEXT.encode())), "compressed with bzip2; rename it to end in .csv.bz2"),
    (content(lzma.compress(TEXT.encode())), "compressed with xz; rename it to end in .csv.xz"),
    (content(bytes.fromhex("28b52ffd2400") + bytes(20)), "compressed with zstd; unpack it: unzstd"),
    (content(b"7z\xbc\xaf\x27\x1c" + bytes(20)), "a 7z archive; unpack it"),
    (database, "an SQLite database; export the table as CSV"),
    (content(b"%PDF-1.7\n"), "a PDF; get the table"),
    (content(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a Git LFS pointer; .*lfs pull"),
    (content(TEXT.encode("utf-16")), "UTF-16; convert it: iconv -f UTF-16 -t UTF-8"),
    (content(TEXT.encode("utf-16-le")), "UTF-16; convert it: iconv -f UTF-16LE -t UTF-8"),
    (content(TEXT.encode("utf-16-be")), "UTF-16; convert it: iconv -f UTF-16BE -t UTF-8"),
    (content(TEXT.encode("utf-32")), "UTF-32; convert it: iconv -f UTF-32 -t UTF-8"),
    (content(PAGE.encode("utf-8-sig")), r"a web page \(HTML\); download the file again"),
    (content(b'<?xml version="1.0"?><rows/>'), "XML; write it as CSV or Parquet"),
    (content(b'[\n {"a": "secret"}]'), "JSON; write it as CSV or Parquet"),
    (content(b'{"a": "secret"}\n{"a": "more"}\n'), "JSON; write it as CSV or Parquet"),
]


@pytest.mark.parametrize(("write", "says"), OTHER_KINDS, ids=[says[:30] for _, says in OTHER_KINDS])
def test_a_file_of_another_kind_is_named_for_what_it_is(
    write: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    write(tmp_path / "rows.csv")
    with pytest.raises(BadInput, match=rf"rows\.csv is {says}") as caught:
        read_columns(str(tmp_path / "rows.csv"))
    assert "secret" not in str(caught.value)
    (tmp_path / "rows.csv").rename(tmp_path / "rows.parquet")
    if "Parquet file" not in says:
        with pytest.raises(BadInput, match=rf"rows\.parquet is {says}"):
            read_columns(str(tmp_path / "rows.parquet"))


def test_every_kind_is_tried() -> None:
    text = " ".join(says for _, says in OTHER_KINDS).replace("\\", "")
    assert [kind.name for kind in KINDS if kind.name not in text] == []


def test_looking_leaves_a_file_at_its_beginning(tmp_path: Path) -> None:
    zipped(tmp_path / "rows.zip", ("a.csv",))
    for data in (TEXT.encode(), (tmp_path / "rows.zip").read_bytes()):
        stream = io.BytesIO(data)
        kind_of(stream)
        assert stream.read() == data


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
def test_a_name_that_promises_another_packing_is_named(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"rows.csv.{ending}").write_text(TEXT)
    with pytest.raises(BadInput, match=r"is not (compressed with \w+|a zip archive); if it is CSV, rename"):
        read_columns(str(tmp_path / f"rows.csv.{ending}"))


def test_what_is_packed_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(PAGE.encode()))
    with pytest.raises(BadInput, match=r"rows\.csv\.gz is a web page"):
        read_columns(str(tmp_path / "rows.csv.gz"))
    (tmp_path / "twice.csv.gz").write_bytes(gzip.compress(gzip.compress(TEXT.encode())))
    with pytest.raises(BadInput, match=r"twice\.csv\.gz is compressed with gzip"):
        read_columns(str(tmp_path / "twice.csv.gz"))


def test_an_archive_of_several_files_is_not_read_in_part(tmp_path: Path) -> None:
    zipped(tmp_path / "rows.csv.zip", ("a.csv", "b.csv", "__MACOSX/._a.csv"))
    with pytest.raises(BadInput, match=r"is a zip archive of 2 files; unpack it"):
        read_columns(str(tmp_path / "rows.csv.zip"))
    zipped(tmp_path / "mac.csv.zip", ("a.csv", "__MACOSX/._a.csv"))
    assert read_columns(str(tmp_path / "mac.csv.zip")) == ("a", "b")


@pytest.mark.parametrize("header", ["PK,b", "[id],b", "<a>,b", "7z,b", '"{a}",b', "BZh,b", "é,b", "a"])
def test_a_header_that_begins_unusually_is_still_csv(header: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f"{header}\n1,2\n")
    assert read_columns(str(tmp_path / "rows.csv"))[0] == header.split(",")[0].strip('"')
