"""README and docs name what is there: every target, command, endpoint, setting; links lead somewhere."""

import re
import sys
from pathlib import Path

import pytest

from goldenpath.cli import BEHIND, EVERYDAY
from goldenpath.contract import CONTRACT
from goldenpath.errors import GoldenpathError
from goldenpath.evaluation.leaderboard import COST_COLUMNS
from goldenpath.evaluation.tasks import TASKS, label
from goldenpath.model import present_candidates
from goldenpath.settings import KEYS, load_settings
from tests.helpers.project import PROJECT

sys.path.insert(0, str(PROJECT / "docs"))
from pages import architecture_page, settings_page, upgrade_page

README = (PROJECT / "README.md").read_text()
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
DOCS = "\n".join(page.read_text() for page in PAGES)
TARGETS = re.findall(r"(?m)^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text())


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_named(target: str):
    assert f"make {target}" in DOCS


@pytest.mark.parametrize("command", [*EVERYDAY, *BEHIND])
def test_every_command_is_named(command: str):
    assert f"goldenpath {command}" in DOCS


def family(error: type[GoldenpathError]) -> list[type[GoldenpathError]]:
    "Return a class of errors and all that derive from it."
    return [error, *(below for child in error.__subclasses__() for below in family(child))]


def test_the_exit_codes_are_those_of_the_error_family():
    listed = re.findall(r"(?m)^\| (\d+) \| ", DOCS.partition("| exit code |")[2].partition("\n\n")[0])
    assert listed == sorted({"0", *(str(error.exit_code) for error in family(GoldenpathError))})


def test_the_settings_page_is_the_one_that_the_settings_make():
    assert (PROJECT / "docs" / "settings.md").read_text() == settings_page()
    assert all(f"| `{key}` |" in DOCS for key in KEYS)


def test_the_drawings_of_the_architecture_are_those_that_the_code_makes():
    assert (PROJECT / "docs" / "architecture.md").read_text() == architecture_page()


def test_the_upgrade_page_lists_what_the_table_of_ownership_lists():
    assert (PROJECT / "docs" / "how-to" / "upgrade.md").read_text() == upgrade_page()


def test_the_reference_lists_every_metric_of_a_task_in_words():
    page = (PROJECT / "docs" / "reference" / "models.md").read_text()
    for task, measured in TASKS.items():
        for name in measured.metrics:
            assert f"| {task} | `{name}` | {label(name)} |" in page


def test_the_readme_shows_a_leaderboard_of_the_examples_candidates():
    block = re.search(r"(?ms)^candidate .*?(?=^```)", README)[0]
    for column in COST_COLUMNS[1:]:
        assert column in block.splitlines()[0]
    present = present_candidates(CONTRACT.task)[1]
    assert {line.split()[0] for line in block.splitlines()[1 : len(present) + 1]} == {*present}
    assert block.count("(chosen)") == 1


def test_the_readme_can_be_read_in_one_go():
    assert len(README.splitlines()) <= 150


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
    missing = {rule for rule in named if rule.split("/{}")[0] not in DOCS and not rule.startswith("/static")}
    assert missing == set()


def test_the_example_request_keeps_the_contract():
    body = re.search(r"-d '(\{.*?\})'", README, re.DOTALL)
    assert body
    assert CONTRACT.parse(body[1])


def test_papermill_examples_leave_no_copy_among_the_notebooks():
    outputs = re.findall(r"papermill \d\S+ (\S+)", DOCS)
    assert outputs
    assert [
        name for name in outputs if (PROJECT / "notebooks" / name).resolve().parent.name == "notebooks"
    ] == []


def test_make_exports_through_the_command_which_takes_no_copy():
    assert "nbdev-export" not in (PROJECT / "Makefile").read_text()


def test_pictures_and_files_that_are_linked_are_there():
    links = [
        page.parent / link.partition("#")[0]
        for page in PAGES
        for link in re.findall(r"\]\((?!http|#)([^)]+)\)", page.read_text())
    ]
    assert len(links) > 30
    assert [str(link) for link in links if not link.exists()] == []


def test_no_placeholder_is_left():
    assert "@@" not in DOCS
