"""`goldenpath contrast --picture`: the file it writes, and what it says if there is nothing to draw."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cli.contrast import write_picture
from goldenpath.errors import BadInput
from tests.measure.test_growth import grown_by_rows
from tests.steps.test_contrast import made_up


def test_the_picture_is_a_png_and_its_figures_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "growth.png"
    write_picture(made_up(growth=grown_by_rows(1_000, 10_000)), file)
    assert file.read_bytes().startswith(b"\x89PNG")
    assert "growth.png: Train, then predict: 10.0 ms with 1,000 rows" in capsys.readouterr().err


def test_without_two_numbers_of_rows_there_is_no_picture(tmp_path: Path) -> None:
    file = tmp_path / "growth.png"
    with pytest.raises(BadInput, match="not timed on two numbers of rows; raise growth_seconds"):
        write_picture(made_up(growth=grown_by_rows(14_000)), file)
    assert not file.exists()


def test_a_picture_without_seconds_for_it_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENPATH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GOLDENPATH_GROWTH_SECONDS", "0")
    done = CliRunner().invoke(cli, ["contrast", "--picture", str(tmp_path / "growth.png")])
    assert isinstance(done.exception, BadInput) or done.exit_code == 2
    assert "growth_seconds = 0" in f"{done.output} {done.exception}"
    assert not (tmp_path / "home").exists()


def test_a_picture_of_another_kind_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENPATH_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(cli, ["contrast", "--picture", str(tmp_path / "growth.svg")])
    assert "growth.svg does not end in .png" in f"{done.output} {done.exception}"
    assert not (tmp_path / "home").exists()
