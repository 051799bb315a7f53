"""Scoring files: the same answers in the same order, whole files or none, in bounded memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import goldenpath.steps.batch as batch_step
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput, NoModel, VolumeFault
from goldenpath.feedback.batch_counts import file_tally
from goldenpath.predict import Predictor, open_predictor
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.settings import Settings
from goldenpath.steps.batch import run_batch, score_file
from goldenpath.steps.stand_in import draw_stand_in
from goldenpath.tables import reader
from goldenpath.tables.formulas import without_formulas
from tests.helpers.project import PROJECT
from tests.helpers.serving_fixtures import MODEL

TEXT = {"dtype": str, "keep_default_na": False}


@pytest.fixture(scope="module")
def predictor(published: Path) -> Predictor:
    return open_predictor(Registry(published, MODEL))


@pytest.fixture
def cases(tmp_path: Path) -> pd.DataFrame:
    "3,000 drawn cases, also in cases.csv; the rows 3 and 3,000 break the contract."
    frame = draw_stand_in(3000, seed=2).astype(str)
    frame.insert(0, "id", [f"{i:05d}" for i in range(3000)])
    frame.loc[2, "hosp_yn"] = "OTH"
    frame.loc[2999, ["sex", "icu_yn"]] = ["", "?"]
    frame.to_csv(tmp_path / "cases.csv", index=False)
    return frame


def expected(frame: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    "Return what the predictor says when it is asked directly."
    return predictor.many(CONTRACT.columns(CONTRACT.check(frame, target=False).clean))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_scores_are_the_predictors_in_the_order_of_the_input(
    ending: str, cases: pd.DataFrame, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CSV_BLOCK", 20_000)
    output = tmp_path / f"scores.{ending}"
    summary = score_file(str(tmp_path / "cases.csv"), output, CONTRACT, predictor)
    scores = pd.read_csv(output, **TEXT) if ending == "csv" else pd.read_parquet(output)
    kept = cases.drop(index=[2, 2999])
    answers = expected(kept, predictor)
    assert scores.columns.tolist() == ["row", *cases.columns, "label", "probability", "version"]
    assert scores["row"].astype(int).tolist() == (kept.index + 1).tolist()
    assert (scores[cases.columns].to_numpy() == kept.to_numpy()).all()
    assert scores["label"].tolist() == answers["label"].tolist()
    assert np.allclose(scores["probability"].astype(float), answers["probability"], rtol=0, atol=1e-12)
    assert set(scores["version"]) == {predictor.version}
    assert (summary.rows, summary.scored, summary.rejected) == (3000, 2998, 2)
    assert summary.path == "onnx"


def test_numbers_are_written_as_numbers_and_texts_as_texts(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    score_file(str(tmp_path / "cases.csv"), tmp_path / "scores.csv", CONTRACT, predictor)
    assert (tmp_path / "scores.csv").read_text().splitlines()[1].startswith('1,"00000",')


def test_rejected_rows_are_in_a_second_file_with_reasons(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    with (tmp_path / "cases.csv").open("a") as file:
        file.write("03000,2020-01-01\n")
    summary = score_file(str(tmp_path / "cases.csv"), tmp_path / "scores.csv", CONTRACT, predictor)
    rejected = pd.read_csv(tmp_path / "scores.rejected.csv", **TEXT)
    assert summary.rejected == 3
    assert rejected[["row", "column", "value"]].to_numpy().tolist() == [
        ["3", "hosp_yn", "OTH"],
        ["3000", "sex", ""],
        ["3000", "icu_yn", "?"],
        ["3001", "", ""],
    ]
    assert rejected["reason"].tolist()[-1] == "has 2 cells, the header has 13"


def test_rows_that_break_the_contract_before_rows_of_the_wrong_length_are_both_told(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    good = cases[100:101].to_csv(index=False)
    broken = cases[2:3].to_csv(index=False, header=False)
    (tmp_path / "three.csv").write_text(good + broken + "03000,2020-01-01\n" + good.splitlines()[1] + "\n")
    score_file(str(tmp_path / "three.csv"), tmp_path / "scores.csv", CONTRACT, predictor)
    rejected = pd.read_csv(tmp_path / "scores.rejected.csv", **TEXT)
    assert rejected[["row", "column"]].to_numpy().tolist() == [["2", "hosp_yn"], ["3", ""]]
    assert pd.read_csv(tmp_path / "scores.csv")["row"].tolist() == [1, 4]


def test_a_file_without_rejects_has_an_empty_second_file(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    cases[100:200].to_csv(tmp_path / "good.csv", index=False)
    score_file(str(tmp_path / "good.csv"), tmp_path / "scores.parquet", CONTRACT, predictor)
    assert len(pd.read_parquet(tmp_path / "scores.rejected.parquet")) == 0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_parquet_input_keeps_its_types_and_gives_the_same_scores(
    ending: str, cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    typed = cases[100:400].astype({"sex": "category", "age_group": "category"}).reset_index(drop=True)
    typed["weight"] = np.linspace(0, 1, 300)
    typed["tags"] = [["a", "b"]] * 300
    typed["cdc_case_earliest_dt"] = pd.to_datetime(typed["cdc_case_earliest_dt"])
    typed.to_parquet(tmp_path / "typed.parquet")
    output = tmp_path / f"scores.{ending}"
    score_file(str(tmp_path / "typed.parquet"), output, CONTRACT, predictor)
    scores = pd.read_parquet(output) if ending == "parquet" else pd.read_csv(output)
    assert np.allclose(scores["probability"], expected(typed, predictor)["probability"], rtol=0, atol=1e-12)
    assert scores["weight"].tolist() == typed["weight"].tolist()
    assert scores["sex"].astype(str).tolist() == typed["sex"].astype(str).tolist()
    if ending == "parquet":
        assert scores["cdc_case_earliest_dt"].tolist() == typed["cdc_case_earliest_dt"].tolist()


def test_texts_of_parquet_are_texts_again_and_are_stored_once(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    typed = cases[100:2900].astype({"sex": "category"}).reset_index(drop=True)
    typed.to_parquet(tmp_path / "typed.parquet")
    score_file(str(tmp_path / "typed.parquet"), tmp_path / "scores.parquet", CONTRACT, predictor)
    opened = pq.ParquetFile(tmp_path / "scores.parquet")
    kinds = {column.name: column.type for column in opened.schema_arrow}
    assert pa.types.is_dictionary(kinds["sex"])
    assert {kinds[name] for name in ("icu_yn", "age_group", "label", "version")} == {pa.string()}
    group = opened.metadata.row_group(0)
    stored = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    assert stored["version"].total_uncompressed_size < 200
    assert stored["icu_yn"].total_uncompressed_size < 2 * len(typed)


def test_rows_that_repeat_are_asked_once_and_answered_and_counted_each(
    published: Path, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = draw_stand_in(12_000, seed=2).astype(str)
    frame.loc[[2, 11_999], "hosp_yn"] = "OTH"
    frame.to_parquet(tmp_path / "in.parquet")
    asked: list[int] = []
    real = predictor.scores
    monkeypatch.setattr(
        predictor, "scores", lambda columns: asked.append(len(columns["sex"])) or real(columns)
    )
    settings, registry = Settings(home=str(published), model=MODEL), Registry(published, MODEL)
    once, each = (file_tally(settings, registry, predictor) for _ in range(2))
    score_file(str(tmp_path / "in.parquet"), tmp_path / "once.parquet", CONTRACT, predictor, tally=once)
    assert asked[-1] < 3_000
    monkeypatch.setattr(batch_step, "distinct_rows", lambda clean, contract: None)
    score_file(str(tmp_path / "in.parquet"), tmp_path / "each.parquet", CONTRACT, predictor, tally=each)
    assert asked[-1] == 11_998
    assert pq.read_table(tmp_path / "once.parquet") == pq.read_table(tmp_path / "each.parquet")
    few, all_ = (tally.counts("v", "batch", "h", "w") for tally in (once, each))
    assert (few.fields, few.labels, few.refusals) == (all_.fields, all_.labels, all_.refusals)
    assert few.scores["Yes"].n == all_.scores["Yes"].n
    assert few.scores["Yes"].p == pytest.approx(all_.scores["Yes"].p)


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("+1+cmd|'/c calc'!A1", "'+1+cmd|'/c calc'!A1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("\ntext", "'\ntext"),
        ("\uff1d1", "'\uff1d1"),
        ("-5", "-5"),
        ("+1.5e-3", "+1.5e-3"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_cells_that_a_spreadsheet_would_run(cell: str, plain: str) -> None:
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        batch = pa.record_batch({"=x": pa.array([cell, None], kind), "n": [-1, 2], "l": [["=1"], []]})
        made = without_formulas(batch)
        assert made.to_pydict() == {"'=x": [plain, None], "n": [-1, 2], "l": [["=1"], []]}


@pytest.mark.parametrize("for_spreadsheet", [True, False])
def test_formulas_are_passed_on_unless_the_file_is_for_a_spreadsheet(
    for_spreadsheet: bool, cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    rows = cases[100:102].assign(id=["=1+1", "-5"])
    rows.loc[101, "sex"] = "=cmd|' /c calc'!A1"
    rows.rename(columns={"death_yn": "=death"}).to_csv(tmp_path / "in.csv", index=False)
    score_file(str(tmp_path / "in.csv"), tmp_path / "out.csv", CONTRACT, predictor, for_spreadsheet)
    scores, rejected = (pd.read_csv(tmp_path / f"out{end}.csv", **TEXT) for end in ("", ".rejected"))
    mark = "'" if for_spreadsheet else ""
    assert scores["id"].tolist() == [f"{mark}=1+1"]
    assert rejected["value"].tolist() == [f"{mark}=cmd|' /c calc'!A1"]
    assert f"{mark}=death" in scores.columns
    score_file(str(tmp_path / "in.csv"), tmp_path / "out.parquet", CONTRACT, predictor, for_spreadsheet)
    assert pd.read_parquet(tmp_path / "out.parquet")["id"].tolist() == ["=1+1"]


def test_real_rows_are_scored(real_rows: Path, predictor: Predictor, tmp_path: Path) -> None:
    summary = score_file(str(real_rows), tmp_path / "scores.csv", CONTRACT, predictor)
    assert (summary.rows, summary.rejected) == (20_000, 2)


def test_scored_files_can_be_scored_again(cases: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    score_file(str(tmp_path / "cases.csv"), tmp_path / "once.csv", CONTRACT, predictor)
    score_file(str(tmp_path / "once.csv"), tmp_path / "twice.csv", CONTRACT, predictor)
    twice = pd.read_csv(tmp_path / "twice.csv", **TEXT)
    assert twice.columns.tolist()[:3] == ["row", "input_row", "id"]
    assert twice["input_label"].tolist() == twice["label"].tolist()


def test_the_output_appears_only_when_it_is_complete(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CSV_BLOCK", 20_000)
    output, seen, real = tmp_path / "scores.csv", [], batch_step.score_chunk

    def watched(*args: object) -> object:
        seen.append([file.name for file in tmp_path.glob("scores*")])
        return real(*args)

    monkeypatch.setattr(batch_step, "score_chunk", watched)
    score_file(str(tmp_path / "cases.csv"), output, CONTRACT, predictor)
    assert len(seen) > 10
    assert not any(seen)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "cases.csv",
        "scores.csv",
        "scores.rejected.csv",
    ]


def test_a_broken_input_leaves_the_old_output_and_nothing_else(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CSV_BLOCK", 20_000)
    (tmp_path / "scores.csv").write_text("yesterday's")
    with (tmp_path / "cases.csv").open("ab") as file:
        file.write(b"\xe9" + b"," * 12 + b"\n")
    with pytest.raises(BadInput, match=r"cases\.csv is not UTF-8 text"):
        score_file(str(tmp_path / "cases.csv"), tmp_path / "scores.csv", CONTRACT, predictor)
    assert (tmp_path / "scores.csv").read_text() == "yesterday's"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cases.csv", "scores.csv"]


def score(source: Path, output: Path, predictor: Predictor) -> None:
    score_file(str(source), output, CONTRACT, predictor)


def test_missing_column_is_named(cases: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    cases.rename(columns={"icu_yn": "icu"}).to_csv(tmp_path / "typo.csv", index=False)
    with pytest.raises(BadInput, match=r"column 'icu_yn' is missing \(did you mean 'icu'\?\)"):
        score(tmp_path / "typo.csv", tmp_path / "scores.csv", predictor)


@pytest.mark.parametrize("name", ["empty.csv", "empty.parquet"])
def test_header_only_is_named(name: str, cases: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    write = cases[:0].to_csv if name.endswith("csv") else cases[:0].to_parquet
    write(tmp_path / name, index=False)
    with pytest.raises(BadInput, match=rf"{name} has a header but no rows"):
        score(tmp_path / name, tmp_path / "scores.csv", predictor)
    assert not (tmp_path / "scores.csv").exists()


@pytest.fixture
def spellings(tmp_path: Path) -> Path:
    "x.rejected.csv by other names: a link, a hard link, a link of its folder."
    (tmp_path / "x.rejected.csv").write_text("precious")
    (tmp_path / "link.csv").symlink_to("x.rejected.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "x.rejected.csv")
    (tmp_path / "folder").symlink_to(".")
    (tmp_path / "sub").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("x.rejected.csv", "x.rejected.csv", "is the input itself"),
        ("x.rejected.csv", "x.csv", r"x\.rejected\.csv is the input itself"),
        ("link.csv", "x.csv", r"x\.rejected\.csv is the input itself"),
        ("hard.csv", "x.csv", r"x\.rejected\.csv is the input itself"),
        ("x.rejected.csv", "link.csv", r"link\.csv is the input itself"),
        ("folder/x.rejected.csv", "x.csv", r"x\.rejected\.csv is the input itself"),
        ("x.rejected.csv", "sub/../x.csv", r"x\.rejected\.csv is the input itself"),
        ("file://{}/x.rejected.csv", "x.csv", r"x\.rejected\.csv is the input itself"),
        ("*.rejected.csv", "new.csv", r"new\.rejected\.csv would be read as input next time"),
        ("folder/*.rejected.csv", "new.csv", r"new\.rejected\.csv would be read as input next time"),
        ("?.rejected.csv", "folder/x.csv", r"x\.rejected\.csv is the input itself"),
    ],
)
def test_output_that_is_or_becomes_the_input_is_refused(
    source: str, output: str, says: str, spellings: Path, predictor: Predictor
) -> None:
    source = source.format(spellings) if "://" in source else str(spellings / source)
    with pytest.raises(BadInput, match=f"{says}.*; name another output"):
        score_file(source, spellings / output, CONTRACT, predictor)
    assert (spellings / "x.rejected.csv").read_text() == "precious"


def test_output_into_the_folder_that_is_read_is_refused(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"scores\.csv would be read as input next time"):
        score(tmp_path, tmp_path / "scores.csv", predictor)
    score(tmp_path, tmp_path / "scores" / "scores.csv", predictor)
    score(tmp_path / "*es.csv", tmp_path / "other.csv", predictor)


@pytest.mark.parametrize("source", ["", "rows/*.csv"])
def test_output_among_the_training_rows_is_refused(
    source: str, published: Path, cases: pd.DataFrame, tmp_path: Path
) -> None:
    settings = Settings(home=str(published), model=MODEL, project=str(tmp_path), source=source)
    folders = [tmp_path / "rows"] if source else [tmp_path / "data", published / "data"]
    for folder in folders:
        with pytest.raises(BadInput, match=r"x\.csv would be among the training rows"):
            run_batch(Project(settings), str(tmp_path / "cases.csv"), str(folder / "x.csv"))
    run_batch(Project(settings), str(tmp_path / "cases.csv"), str(tmp_path / "batch" / "x.csv"))


def test_unknown_ending_is_refused(cases: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends in '\.xlsx'; tables are written as \.csv or \.parquet"):
        score(tmp_path / "cases.csv", tmp_path / "scores.xlsx", predictor)


def test_several_files_are_refused(cases: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    cases.to_csv(tmp_path / "more.csv", index=False)
    with pytest.raises(BadInput, match="is 2 files: name a folder as output"):
        score(tmp_path / "*.csv", tmp_path / "scores.csv", predictor)


def test_a_folder_that_cannot_be_written_is_named(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(
        VolumeFault, match=r"taken/scores\.csv cannot be written: (Not a directory|File exists)"
    ):
        score(tmp_path / "cases.csv", tmp_path / "taken" / "scores.csv", predictor)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_named(
    cases: pd.DataFrame, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldenpath.tables.whole_file.secrets.token_hex", lambda _: "full")
    (tmp_path / ".scores.csv.full.partial").symlink_to("/dev/full")
    with pytest.raises(VolumeFault, match=r"scores\.csv cannot be written: .*No space left on device"):
        score(tmp_path / "cases.csv", tmp_path / "scores.csv", predictor)
    assert not (tmp_path / "scores.csv").exists()


def test_nothing_published_is_named(cases: pd.DataFrame, home: Path, tmp_path: Path) -> None:
    with pytest.raises(NoModel, match="no version of covid-death is champion"):
        run_batch(
            Project(Settings(home=str(home), model=MODEL)),
            str(tmp_path / "cases.csv"),
            str(tmp_path / "x.csv"),
        )


@pytest.mark.parametrize("given", [("", "x.csv"), ("x.csv", "")])
def test_a_missing_path_is_named(given: tuple[str, str], home: Path) -> None:
    with pytest.raises(BadInput, match=r"(input|output)_path is empty: name a file, with -p"):
        run_batch(Project(Settings(home=str(home), model=MODEL)), *given)


def test_relative_paths_start_where_the_command_was_typed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ELYRA_RUNTIME_ENV", raising=False)
    project = Project(Settings(home=str(home), model=MODEL))
    assert project.path_of("a.csv") == str(tmp_path / "a.csv")
    assert project.path_of("/data/a.csv") == "/data/a.csv"
    assert project.path_of("https://x/a.csv") == "https://x/a.csv"
    monkeypatch.setenv("ELYRA_RUNTIME_ENV", "local")
    assert project.path_of("a.csv") == str(home / "a.csv")


@pytest.mark.parametrize("folder", [".", "notebooks"])
def test_papermill_scores_a_file_from_either_folder(
    folder: str, published: Path, cases: pd.DataFrame, tmp_path: Path
) -> None:
    where = PROJECT / folder
    notebook = os.path.relpath(PROJECT / "notebooks" / "10_batch.ipynb", where)
    source = os.path.relpath(tmp_path / "cases.csv", where)
    paths = ["-p", "input_path", source, "-p", "output_path", str(tmp_path / "scores.parquet")]
    command = [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        notebook,
        str(tmp_path / "out.ipynb"),
        *paths,
    ]
    environ = {**os.environ, "GOLDENPATH_HOME": str(published)}
    done = subprocess.run(command, cwd=where, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 2998
    assert list(published.glob("runs/*/batch.json"))


MEASURE = """
import resource, sys
from pathlib import Path
from goldenpath import Project
from goldenpath.settings import Settings
from goldenpath.steps.batch import run_batch

summary = run_batch(Project(Settings(home=sys.argv[1], model="covid-death")), sys.argv[2], sys.argv[3])
print(summary.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(ending: str, published: Path, tmp_path: Path) -> None:
    def peak(rows: int) -> int:  # MB
        block = draw_stand_in(100_000, seed=1).to_csv(index=False).encode()
        header, _, lines = block.partition(b"\n")
        source = tmp_path / f"{rows}.csv"
        with source.open("wb") as file:
            file.write(header + b"\n")
            for _ in range(rows // 100_000):
                file.write(lines)
        command = [
            sys.executable,
            "-c",
            MEASURE,
            str(published),
            str(source),
            str(tmp_path / f"out.{ending}"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        counted, megabytes = map(int, done.stdout.split())
        assert counted == rows
        return megabytes

    small, large = peak(2_500_000), peak(6_000_000)  # Arrow reads up to 256 MB ahead, 1,900,000 rows
    assert large < small + 150
    assert large < 800
