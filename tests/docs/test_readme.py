"""The README promises what is there: every target, command, endpoint, setting; and shows nothing made up."""

import re
from pathlib import Path

import pytest

from goldenpath.cli import BEHIND, EVERYDAY
from goldenpath.contract import CONTRACT
from goldenpath.errors import GoldenpathError
from goldenpath.settings import KEYS, Settings, load_settings
from tests.helpers.project import PROJECT

README = (PROJECT / "README.md").read_text()
TARGETS = re.findall(r"(?m)^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text())


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_named(target: str):
    assert f"make {target}" in README


@pytest.mark.parametrize("command", [*EVERYDAY, *BEHIND])
def test_every_command_is_named(command: str):
    assert f"goldenpath {command}" in README


def family(error: type[GoldenpathError]) -> list[type[GoldenpathError]]:
    "A class of errors and all that derive from it."
    return [error, *(below for child in error.__subclasses__() for below in family(child))]


def test_the_exit_codes_are_those_of_the_error_family():
    listed = re.findall(r"(?m)^\| (\d+) \| ", README.partition("| exit code |")[2].partition("\n\n")[0])
    assert listed == sorted({"0", *(str(error.exit_code) for error in family(GoldenpathError))})


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_is_named_with_its_default(key: str):
    rows = [line for line in README.splitlines() if line.startswith(f"| `{key}` |")]
    assert len(rows) == 1
    default = as_written(Settings.model_fields[key].default)
    in_file = re.search(rf"(?m)^{key} = ?(.*)$", (PROJECT / "settings.ini").read_text())
    assert (in_file[1] if in_file else default) in rows[0]


def as_written(default: object) -> str:
    "A default as it would stand in settings.ini."
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ", ".join(default) if isinstance(default, tuple) else str(default or "")


def test_at_most_fifteen_keys_stand_in_settings_ini_each_with_its_comment():
    lines = (PROJECT / "settings.ini").read_text().splitlines()
    keys = [at for at, line in enumerate(lines) if re.match(r"[a-z_]+ =", line)]
    assert 0 < len(keys) <= 15
    assert all(lines[at - 1].startswith("# ") for at in keys)


def test_every_endpoint_is_named(tmp_path: Path):
    from serving.worker import make_app

    settings = load_settings(environ={"GOLDENPATH_HOME": str(tmp_path), "GOLDENPATH_POLL_SECONDS": "0"})
    rules = {rule.rule for rule in make_app(settings, lambda: False).url_map.iter_rules()}
    named = {re.sub(r"<[^>]+>", "{}", rule) for rule in rules}
    missing = {
        rule for rule in named if rule.split("/{}")[0] not in README and not rule.startswith("/static")
    }
    assert missing == set()


def test_the_example_request_keeps_the_contract():
    body = re.search(r"-d '(\{.*?\})'", README, re.DOTALL)
    assert body
    assert CONTRACT.parse(body[1])


def test_papermill_examples_leave_no_copy_among_the_notebooks():
    outputs = re.findall(r"(?m)^papermill \S+ (\S+)", README)
    assert outputs
    assert [
        name for name in outputs if (PROJECT / "notebooks" / name).resolve().parent.name == "notebooks"
    ] == []


def test_make_exports_through_the_command_which_takes_no_copy():
    assert "nbdev-export" not in (PROJECT / "Makefile").read_text()


def test_every_folder_of_the_layout_is_there():
    layout = README.split("### Layout")[1].split("```")[1]
    for folder in re.findall(r"\b([a-z-]+)/", layout):
        assert (PROJECT / folder).is_dir() or folder in {"steps", "volume"}, folder


def test_pictures_and_files_that_are_linked_are_there():
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []


def test_no_placeholder_is_left():
    assert "@@" not in README
