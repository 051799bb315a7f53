"""What people and files say is text wherever a command prints it: no markup, no control code."""

import ast
import io
import json
import os
import sys
import warnings
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from rich.console import Console

from goldenpath.cli import _show_warning, cli
from goldenpath.cli.terminal import Progress, put, say, show, table
from goldenpath.errors import BadInput
from goldenpath.evaluation.gate import Rule, Verdict, verdict_table
from goldenpath.measure.contrast import contrast_table
from goldenpath.registry import roles
from goldenpath.registry.registry import Registry
from goldenpath.runs.executed import StepProgress
from goldenpath.runs.run import make_run
from goldenpath.tables.progress import shown
from goldenpath.tables.reader import Chunk
from goldenpath.text.plain import UNSEEN, one_line, plain
from tests.helpers.candidates import make_candidate, summary
from tests.helpers.project import PROJECT
from tests.steps.test_contrast import made_up

HOSTILE = "[/t] [bold]b :boom: \x1b[31m \x9b2J \u202e"
SHOWN = ("[/t]", "[bold]b", ":boom:", r"\x1b[31m", r"\x9b2J", r"\u202e")


def is_text(output: str) -> None:
    "Every word of the hostile text is there as it was written, and nothing that a terminal obeys."
    assert [word for word in SHOWN if word not in output] == []
    assert UNSEEN.findall(output) == []


@pytest.mark.parametrize(
    ("text", "as_shown"),
    [
        ("caf\u00e9 \u2264 \U0001f600 \u0646\u200c\u0645", "caf\u00e9 \u2264 \U0001f600 \u0646\u200c\u0645"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("over\rwritten", r"over\rwritten"),
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
        (os.fsdecode(b"\xff"), r"\udcff"),
        (7, "7"),
    ],
)
def test_a_text_is_shown_and_never_obeyed(text: object, as_shown: str) -> None:
    assert plain(text) == as_shown


def test_no_text_makes_a_line_of_its_own() -> None:
    assert one_line("broken:\n  1.0.0-x: sound\r\n\tnext \u2028") == r"broken: 1.0.0-x: sound next \u2028"
    assert one_line("  its log            here") == "  its log            here"


def test_lines_on_both_streams_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    put(f"{HOSTILE}\nx")
    say(f"{HOSTILE}\nx")
    for output in capsys.readouterr():
        is_text(output)
        assert output.count("\n") == 1


def test_every_part_of_a_table_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    wide = "x" * 60
    for title, header, cell in ((HOSTILE, wide, wide), (wide, HOSTILE, wide), (wide, wide, HOSTILE)):
        listing = table(title, header)
        listing.add_row(cell)
        show(listing)
        is_text(capsys.readouterr().out)


# The commands


@pytest.fixture
def registry(home: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_MODEL", "churn")
    monkeypatch.setenv("GOLDENPATH_USER", HOSTILE)
    monkeypatch.setenv("GOLDENPATH_TRIAL_SECONDS", "0")  # these candidates are of another contract
    return Registry(home, "churn")


def models(*words: str) -> str:
    result = CliRunner().invoke(cli, ["models", *words], catch_exceptions=False)
    assert result.exit_code in (0, 1, 2), result.output
    return result.output


@pytest.mark.parametrize("who", ["ada", HOSTILE])
def test_history_shows_who_and_why(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setenv("GOLDENPATH_USER", who)
    version = registry.publish(make_candidate(tmp_path / "c"))
    models("promote", version, "--why", HOSTILE if who == "ada" else "a ticket")
    is_text(models("history"))


def test_the_reason_of_a_lost_race_is_text(registry: Registry, tmp_path: Path) -> None:
    version = registry.publish(make_candidate(tmp_path / "c"))
    models("promote", version, "--why", HOSTILE)
    is_text(models("promote", version, "--made-from", "0", "--why", "mine"))


def test_list_and_show_show_what_a_manifest_says(registry: Registry, tmp_path: Path) -> None:
    data = summary().model_copy(update={"source": HOSTILE})
    version = registry.publish(make_candidate(tmp_path / "c", who=HOSTILE, data=data))
    is_text(models("list"))
    is_text(models("show", version))


def test_a_damaged_manifest_makes_no_line_of_its_own(registry: Registry, tmp_path: Path) -> None:
    version = registry.publish(make_candidate(tmp_path / "c"))
    file = registry.folder(version) / "manifest.json"
    file.chmod(0o644)
    file.write_text(json.dumps({**json.loads(file.read_text()), f"{HOSTILE}\n{version}: sound": 1}))
    for command in ("list", "verify"):
        is_text(models(command))
    assert len(models("verify").splitlines()) == 1


def test_a_text_that_is_not_unicode_is_refused_in_one_line(registry: Registry, tmp_path: Path) -> None:
    version = registry.publish(make_candidate(tmp_path / "c"))
    refused = models("withdraw", version, "--why", os.fsdecode(b"ticket \xff"))
    assert refused.startswith("error: why holds bytes that are not UTF-8")
    assert len(refused.splitlines()) == 1


def test_a_planted_entry_that_is_not_unicode_is_shown(registry: Registry, tmp_path: Path) -> None:
    registry.promote(registry.publish(make_candidate(tmp_path / "c")), why="x", who="ada")
    state = registry.log.folder / "000001" / roles.STATE
    state.chmod(0o644)
    state.write_text(json.dumps({**json.loads(state.read_text()), "why": HOSTILE}))
    is_text(models("history"))


def test_runs_show_what_their_records_say(registry: Registry, home: Path) -> None:
    run = make_run(home / "runs")
    (run / "steps").mkdir()
    (run / "data").mkdir()
    (run / "steps" / f"{HOSTILE.replace('/', '')}.json").write_text(json.dumps({"status": "running"}))
    (run / "data" / "summary.json").write_text(json.dumps({"source": HOSTILE}))
    compared = CliRunner().invoke(cli, ["runs", "compare", run.name], catch_exceptions=False)
    is_text(compared.output)
    listed = CliRunner().invoke(cli, ["runs"], catch_exceptions=False)
    assert "[bold]b" in listed.output
    assert UNSEEN.findall(listed.output) == []


def test_a_file_whose_name_is_not_unicode_is_named(tmp_path: Path) -> None:
    missing = os.fsdecode(os.fsencode(tmp_path) + b"/\xff [/t] \x1b[31m.json")
    refused = CliRunner().invoke(cli, ["predict", f"@{missing}"], catch_exceptions=False)
    assert refused.exit_code == BadInput.exit_code
    assert r"\udcff [/t] \x1b[31m.json" in refused.output


def test_a_record_that_is_not_unicode_is_refused_in_one_line(registry: Registry) -> None:
    bad = os.fsdecode(b"\xff")
    for words, given in ((["predict", bad], None), (["predict", "-"], b"\xff")):
        refused = CliRunner().invoke(cli, words, input=given, catch_exceptions=False)
        assert refused.exit_code == BadInput.exit_code
        assert refused.output.startswith("error: the body is not JSON")


def test_a_warning_is_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", _show_warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(HOSTILE, stacklevel=1)
    is_text(capsys.readouterr().err)


# Tables and progress of the library


def printed(what: object) -> str:
    "As a notebook or a terminal would show it, markup and emoji included."
    stream = io.StringIO()
    Console(file=stream, width=200).print(what)
    return stream.getvalue()


def test_the_verdict_is_text() -> None:
    for field in ("name", "detail"):
        texts = {"name": "a rule", "detail": "because", field: HOSTILE}
        rule = Rule(value=None, threshold=None, result="fail", **texts)
        verdict = Verdict(version="1.0.0-x", synthetic=False, champion=None, roles_number=0, rules=(rule,))
        is_text(printed(verdict_table(verdict)))


def test_the_contrast_is_text() -> None:
    for change in ({"notes": (HOSTILE,)}, {"machine": HOSTILE}, {"version": HOSTILE}):
        is_text(printed(contrast_table(made_up(**change))))


def test_a_step_with_a_strange_name_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    step = StepProgress(name=HOSTILE, status="done", seconds=1.0, file=Path("x.ipynb"))
    Progress([HOSTILE])(step)
    is_text(capsys.readouterr().err)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_over_a_file_with_a_strange_name_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = pa.record_batch({"x": ["1"]})
    name = HOSTILE.replace("/", "")
    chunks = [Chunk(f"data/[/{name}.csv", pa.array([1]).to_numpy(), batch, (), share) for share in (0.5, 1.0)]
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert list(shown(iter(chunks), "reading")) == chunks
    assert r"[bold]b :boom: \x1b[31m" in terminal.getvalue()
    monkeypatch.setattr("goldenpath.tables.progress.EVERY", -1.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert list(shown(iter(chunks), "reading")) == chunks
    assert r"[bold]b :boom: \x1b[31m" in sys.stderr.getvalue()
    assert UNSEEN.findall(sys.stderr.getvalue()) == []


# Nothing prints past these functions

PRINTERS = {
    "print": {"plain.py", "terminal.py"},
    "echo": set(),
    "secho": set(),
    "Console": {"terminal.py", "progress.py"},
    "Table": set(),
}


def test_nothing_prints_in_another_way() -> None:
    files = [*(PROJECT / "goldenpath").rglob("*.py"), *(PROJECT / "serving").rglob("*.py")]
    others = [(path.name, name) for path in files for name in called(path) if path.name not in PRINTERS[name]]
    assert others == []


def called(path: Path) -> set[str]:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {getattr(call, "id", getattr(call, "attr", "")) for call in calls} & PRINTERS.keys()
