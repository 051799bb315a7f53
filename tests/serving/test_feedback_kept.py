"""Nothing is lost: counts and answers of real servers add up to what their callers were answered."""

import contextlib
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from goldenpath.feedback.answer_tables import read_answers
from goldenpath.feedback.counts import read_counts
from goldenpath.feedback.folder import FeedbackFolder
from tests.helpers.asking import asking
from tests.helpers.fuse_mount import Mounts
from tests.helpers.patience import wait_until
from tests.helpers.project import PROJECT
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.serving_program import Program, running

RECORDS = records(200, 17)
QUICK = {"poll_seconds": 0.2, "log_sample": 0, "metrics": "no", "trial_seconds": 0}


def counted(home: Path) -> Counter[str]:
    "Add up the files of all writers, by version."
    read = read_counts(FeedbackFolder(home, MODEL))
    assert read.problems == ()
    answers: Counter[str] = Counter()
    for counts in read.counts:
        answers[counts.version] += counts.answers
    return answers


def problems(program: Program) -> list[str]:
    return list(program.get("/model").json()["problems"])


def test_roles_that_change_and_a_server_that_is_stopped_lose_nothing(home: Path) -> None:
    first, second = publish(home, 1), publish(home, 2)
    promote(home, first)
    with running(home, "--workers", "2", feedback="records", **QUICK) as program:
        with asking(program, RECORDS) as callers:
            callers.wait_for(100)
            promote(home, second, "challenger", 0.5)
            wait_until(lambda: callers.versions[second] > 50, lambda: callers.versions)
            promote(home, second)
            callers.wait_for(100)
        assert (callers.failed, callers.unanswered) == ([], 0)
        program.stop()
    assert counted(home) == callers.versions
    answers = read_answers(FeedbackFolder(home, MODEL))
    assert answers.problems == ()
    assert Counter(answers.rows["version"]) == callers.versions
    assert sorted(answers.rows["id"]) == sorted(callers.ids)


def test_a_server_that_is_stopped_under_load_has_counted_every_answer_that_arrived(home: Path) -> None:
    promote(home, publish(home, 1))
    with running(home, "--workers", "2", feedback="scores", **QUICK) as program:
        with asking(program, RECORDS) as callers:
            callers.wait_for(200)
            program.stop()
        assert callers.failed == []
    lost_replies = counted(home).total() - len(callers.ids)
    assert 0 <= lost_replies <= 4  # answered, but the connection broke: at most one of each caller
    answers = read_answers(FeedbackFolder(home, MODEL))
    assert answers.problems == ()
    assert {*callers.ids} <= {*answers.rows["id"]}
    assert len(answers.rows) == counted(home).total()


def test_a_volume_that_is_full_or_gone_for_a_while_fails_no_request_and_loses_nothing(home: Path) -> None:
    first, second = publish(home, 1), publish(home, 2)
    promote(home, first)
    with running(home, feedback="scores", **QUICK) as program:
        with asking(program, RECORDS) as callers:
            callers.wait_for(100)
            [worker] = program.workers()
            before = resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            promote(home, second)  # a change of roles writes at once
            wait_until(lambda: len(problems(program)) == 2, lambda: problems(program))
            assert "answers cannot be kept" in problems(program)[0]
            assert "counts cannot be written" in problems(program)[1]
            callers.wait_for(100)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, before)
            wait_until(lambda: len(problems(program)) < 2, lambda: problems(program))
            home.rename(home.with_name("away"))
            wait_until(lambda: len(problems(program)) > 1, lambda: problems(program))
            callers.wait_for(100)
            assert not home.exists()
            home.with_name("away").rename(home)
        assert (callers.failed, callers.unanswered) == ([], 0)
        program.stop()
    assert counted(home) == callers.versions
    answers = read_answers(FeedbackFolder(home, MODEL))
    assert answers.problems == ()
    assert sorted(answers.rows["id"]) == sorted(callers.ids)


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_only_what_came_since_its_last_write(home: Path) -> None:
    command = [sys.executable, "-m", "tests.helpers.killed_counter", str(home), "100"]
    lines = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    noted = {name: (int(given), int(written)) for name, given, written in map(str.split, lines[:-1])}
    answers = counted(home)
    assert len(noted) == 100
    assert sum(written for _, written in noted.values()) > 0
    for version, (given, written) in noted.items():
        assert written <= answers[version] <= given + 1


@pytest.mark.slow
def test_eight_workers_on_two_mounts_of_a_network_volume_add_up(mounts: Mounts) -> None:
    home = mounts.first / "counted"
    home.mkdir()
    version = publish(home, 1)
    promote(home, version)
    other = mounts.seen_on(mounts.second, home)
    wait_until(lambda: (other / "models" / MODEL / "roles").is_dir(), lambda: "the other mount sees no roles")
    with contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(running(place, "--workers", "2", feedback="scores", **QUICK))
            for place in (home, other, home, other)
        ]
        with contextlib.ExitStack() as load:
            callers = [load.enter_context(asking(program, RECORDS)) for program in programs]
            for each in callers:
                each.wait_for(200)
        for program in programs:
            program.stop()
    assert [each.failed for each in callers] == [[]] * 4
    sent = sum(len(each.ids) for each in callers)
    for place in (home, other):
        wait_until(lambda place=place: counted(place).total() == sent, lambda: f"{sent} answers were given")
        assert 4 <= len(read_counts(FeedbackFolder(place, MODEL)).counts) <= 8  # a worker may get no caller
        assert len(read_answers(FeedbackFolder(place, MODEL)).rows) == sent
