"""Reading files: what can be wrong with them, each in one line, and what must not go wrong."""

import gzip
import http.server
import io
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

from goldenpath.errors import BadInput
from goldenpath.tables import reader
from goldenpath.tables.reader import as_strings, read_chunks, read_columns, require_columns
from goldenpath.tables.sources import covers, find_files


def rows_of(file: Path | str) -> pd.DataFrame:
    batches = [as_strings(chunk.batch) for chunk in read_chunks(str(file))]
    return pd.concat([batch.to_pandas() for batch in batches], ignore_index=True)


def written(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        "Say nothing."


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    "Yield the address of a web server that offers `tmp_path`."
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_header_names_are_stripped_and_values_are_not_touched(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "\ufeffid , day\n 007,2020/01/02\n,\n")
    assert read_columns(file) == ("id", "day")
    assert rows_of(file).to_dict("list") == {"id": [" 007", ""], "day": ["2020/01/02", ""]}


def test_quoted_commas_and_line_breaks_stay_in_their_cell(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", 'a,b\n"x, y","line\nbreak"\n1,2\r\n')
    assert rows_of(file)["b"].tolist() == ["line\nbreak", "2"]


def test_rows_of_the_wrong_length_are_numbered_and_the_others_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CSV_BLOCK", 4000)
    random = np.random.default_rng(7)
    short = set((np.flatnonzero(random.random(5000) < 0.02) + 1).tolist()) | {5000}
    lines = [f"{row}" if row in short else f"{row},x" for row in range(1, 5001)]
    chunks = list(read_chunks(written(tmp_path / "a.csv", "a,b\n" + "\n".join(lines) + "\n")))
    assert len(chunks) > 5
    for chunk in chunks:
        assert chunk.batch["a"].to_pylist() == [str(row) for row in chunk.rows]
    assert [row for chunk in chunks for row, _ in chunk.ragged] == sorted(short)
    shares = [int(chunk.rows[-1]) / 5000 for chunk in chunks if len(chunk.rows)]
    assert [chunk.done for chunk in chunks if len(chunk.rows)] == pytest.approx(shares, abs=0.05)
    assert chunks[-1].done == 1


def test_rows_of_a_parquet_file_are_numbered_through_its_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldenpath.tables.coded.ROWS_TOGETHER", 2)
    pd.DataFrame({"a": range(5)}).to_parquet(tmp_path / "a.parquet")
    chunks = list(read_chunks(str(tmp_path / "a.parquet")))
    assert [chunk.rows.tolist() for chunk in chunks] == [[1, 2], [3, 4], [5]]
    assert [chunk.done for chunk in chunks] == [0.4, 0.8, 1.0]


def test_a_packed_file_is_not_read_twice_to_show_progress(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n1\n"))
    (chunk,) = read_chunks(str(tmp_path / "a.csv.gz"))
    assert chunk.done == 0  # unknown


@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
def test_a_url_is_read_like_a_file(ending: str, served: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"]})
    if ending == "parquet":
        frame.to_parquet(tmp_path / "rows.parquet")
    else:
        text = frame.to_csv(index=False).encode()
        written(tmp_path / f"rows.{ending}", gzip.compress(text) if ending == "csv.gz" else text)
    (file,) = find_files(f"{served}/rows.{ending}")
    assert rows_of(file).equals(frame)


def test_the_query_of_a_url_is_no_glob(served: str, tmp_path: Path) -> None:
    written(tmp_path / "rows.csv", "a\n1\n")
    (file,) = find_files(f"{served}/rows.csv?download=1")
    assert rows_of(file)["a"].tolist() == ["1"]


@pytest.mark.parametrize("source", ["https://x/rows.csv", "gopher://x/rows.csv", "memory://rows.csv"])
def test_what_is_remote_covers_no_local_path(source: str, tmp_path: Path) -> None:
    assert not covers(source, tmp_path / "rows.csv")


def test_a_glob_gives_its_files_in_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        written(tmp_path / name, "x\n1\n")
    assert [Path(file).name for file in find_files(f"{tmp_path}/*.csv")] == ["a.csv", "b.csv"]


def test_a_folder_gives_its_tables(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.csv", "notes.txt", ".gitkeep"):
        written(tmp_path / name, "x\n1\n")
    assert [Path(file).name for file in find_files(str(tmp_path))] == ["a.csv", "b.parquet"]


def test_a_folder_name_with_brackets_and_spaces_is_no_glob(tmp_path: Path) -> None:
    folder = tmp_path / "my data [2021]"
    folder.mkdir()
    file = written(folder / "a.csv", "x\n1\n")
    assert find_files(file) == (file,)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.csv does not exist$"):
        find_files(str(tmp_path / "nowhere.csv"))


def test_glob_without_a_match_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\*\.csv matches no file$"):
        find_files(f"{tmp_path}/*.csv")


def test_url_that_nobody_answers_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/rows.csv"
        with pytest.raises(BadInput, match=f"^{url} cannot be read: .*[Cc]onnect"):
            rows_of(url)


def test_url_that_is_not_found_is_named(served: str) -> None:
    with pytest.raises(BadInput, match=f"^{served}/none.csv does not exist$"):
        rows_of(f"{served}/none.csv")


@pytest.mark.parametrize("answer", ["403 Forbidden", "500 Internal Server Error", "200 OK"])
def test_url_that_is_refused_or_breaks_off_is_named(answer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()
        thread = threading.Thread(target=answer_always, args=(server, answer, stop))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/rows.csv"
        with pytest.raises(BadInput, match=f"^{url} cannot be read: .*(403|500|not enough|payload)") as fault:
            rows_of(f"{url}?signature=secret")
        assert "secret" not in str(fault.value)
        stop.set()
        thread.join()


def answer_always(server: socket.socket, answer: str, stop: threading.Event) -> None:
    "Promise a thousand bytes, send eight, hang up."
    server.settimeout(0.1)
    while not stop.is_set():
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        with connection:
            connection.recv(65_536)
            connection.sendall(f"HTTP/1.1 {answer}\r\nContent-Length: 1000\r\n\r\na,b\n1,2\n".encode())


def test_a_url_that_changed_is_fetched_again(served: str, tmp_path: Path) -> None:
    for value in ("1", "2"):
        written(tmp_path / "rows.csv", f"a\n{value}\n")
        assert rows_of(f"{served}/rows.csv")["a"].tolist() == [value]


def test_unknown_kind_of_url_is_named() -> None:
    with pytest.raises(BadInput, match=r"^gopher://x/y\.csv cannot be read: Protocol not known"):
        find_files("gopher://x/y.csv")


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInput, match=r"folder\.csv cannot be read"):
        read_columns(str(tmp_path / "folder.csv"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_empty_file_is_named(name: str, tmp_path: Path) -> None:
    file = written(tmp_path / name, "")
    with pytest.raises(BadInput, match=f"{name} is (empty|cut off)"):
        read_columns(file)


def test_file_of_blank_lines_is_empty(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is empty"):
        read_columns(written(tmp_path / "a.csv", "\n\n\n"))


@pytest.mark.parametrize("broken", ["a,b\n1,2\n\xe9t\xe9,3\n", "\xe9t\xe9,b\n1,2\n"])
def test_bytes_that_are_not_utf8_are_named_with_the_way_out(broken: str, tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", broken.encode("latin-1"))
    with pytest.raises(BadInput, match="is not UTF-8 text; convert it: iconv"):
        rows_of(file)


def test_utf16_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", "a,b\n1,2\n".encode("utf-16"))
    with pytest.raises(BadInput, match="is UTF-16; convert it: iconv"):
        read_columns(file)


def test_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="column 'a' is in the header twice"):
        read_columns(written(tmp_path / "a.csv", "a,a \n1,2\n"))


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_parquet_that_was_cut_off_is_named(share: float, tmp_path: Path) -> None:
    pd.DataFrame({"a": np.arange(1000)}).to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    file = written(tmp_path / "half.parquet", whole[: int(len(whole) * share)])
    with pytest.raises(BadInput, match=r"half\.parquet is cut off or no Parquet file"):
        read_columns(file)


def test_parquet_with_damage_in_the_middle_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"a": np.random.default_rng(0).random(5000)}).to_parquet(tmp_path / "whole.parquet")
    damaged = bytearray((tmp_path / "whole.parquet").read_bytes())
    damaged[4:2000] = bytes(1996)
    file = written(tmp_path / "damaged.parquet", bytes(damaged))
    with pytest.raises(BadInput, match=r"damaged\.parquet is cut off or no Parquet file"):
        rows_of(file)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
@pytest.mark.parametrize("damage", ["cut off", "altered"])
def test_packed_file_that_is_damaged_is_named(damage: str, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.csv.{ending}"
    digits = np.random.default_rng(0).integers(0, 10, 50_000)
    pd.DataFrame({"a": digits, "b": digits}).to_csv(file, index=False)
    whole = file.read_bytes()
    middle = len(whole) // 2
    rest = b"" if damage == "cut off" else bytes(100) + whole[middle + 100 :]
    file.write_bytes(whole[:middle] + rest)
    with pytest.raises(BadInput, match=rf"a\.csv\.{ending} (cannot be read|is not UTF-8)"):
        rows_of(file)


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_wrong_delimiter_is_named(sign: str, name: str, tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", f"sex{sign}age\nm{sign}1\n")
    with pytest.raises(BadInput, match=f"separated by {name}; save the file with commas"):
        require_columns(file, read_columns(file), ("sex",))


def test_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"column 'age_group' is missing \(did you mean 'age_grp'\?\)"):
        require_columns("a.csv", ("age_grp", "sex"), ("sex", "age_group"))


def test_missing_column_is_named_with_those_found() -> None:
    with pytest.raises(
        BadInput, match=r"column 'death' is missing \(found x, y\); see notebooks/01_contract"
    ):
        require_columns("a.csv", ("x", "y"), ("death",))


def test_no_error_repeats_what_stands_in_a_row(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", b"a,b\nsecret,1\nsecret \xe9,2\n")
    with pytest.raises(BadInput, match="is not UTF-8 text") as caught:
        rows_of(file)
    assert "secret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Arrow's, at such a row
def test_a_row_that_is_too_short_and_not_utf8_is_not_repeated(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", b"a,b\n1,2\nsecret \xe9\n")
    with pytest.raises(BadInput, match="is not UTF-8 text") as caught:
        rows_of(file)
    assert "secret" not in str(caught.value)


def test_a_quote_that_is_never_closed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CSV_BLOCK", 2 * 2**20)
    file = written(tmp_path / "a.csv", 'a,b\n1,"open\n' + "1,2\n" * 1_500_000)
    with pytest.raises(BadInput, match=r"a row of more than 2 MB: is a quote opened and never closed\?"):
        rows_of(file)


def test_the_header_is_read_from_a_copy_because_arrow_reads_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, given, open_csv = io.BytesIO(b'a,"b\nc"\n1,2\n'), [], pa.csv.open_csv
    monkeypatch.setattr(pa.csv, "open_csv", lambda file, **how: open_csv(given.append(file) or file, **how))
    assert reader._csv_names(stream, "cases.csv") == ["a", "b\nc"]
    assert given[0] is not stream
    assert stream.tell() == 0
