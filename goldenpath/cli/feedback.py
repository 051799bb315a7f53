"""`goldenpath feedback`: what is kept of requests, and how a person is taken out of it."""

import json

import click

from goldenpath.cli.terminal import put, say
from goldenpath.errors import VolumeFault
from goldenpath.project import Project


@click.group()
def feedback() -> None:
    """Erase a person from what servers keep of requests."""


@feedback.command()
@click.option("--key", default="", help="Whom to erase: the contract's key.")
@click.option("--id", "name", default="", help="Which answer to erase, by its id.")
def erase(key: str, name: str) -> None:
    """Erase what is kept about a person: answers, records and outcomes.

    Every file that holds the person is rewritten as a whole, also those that servers write at this moment.
    Runs never change: those whose rows hold the key, or may hold the answer, are named. Exit code 1: part
    of it could not be erased.
    """
    from goldenpath.feedback import erasure

    project = Project()
    if not project.home.is_dir():
        raise VolumeFault(f"{project.home} is not there: mount the volume, or set `home`; nothing was erased")
    person = erasure.person_of(project.contract, key, name)
    erasure.erase_person(project.feedback, person, erasure.WRITTEN_SECONDS)
    put(f"erased {person.answers:,} answers and {person.outcomes:,} outcomes; {person.files:,} files changed")
    for problem in person.problems:
        say(f"error: {problem}")
    if not person.finished:
        say("error: servers still answer about this person: stop those requests, then run the command again")
    for line in _runs_in_words(project, person.key):
        put(line)
    click.get_current_context().exit(0 if person.finished and not person.problems else 1)


def _runs_in_words(project: Project, key: str) -> list[str]:
    "Name the runs that hold the person, or may do so."
    from goldenpath.runs.person import runs_with_answers, runs_with_key

    if not key:
        may_hold = "was trained on answered records, whose ids are not kept: this one may be among them"
        return [f"run {run} {may_hold}" for run in runs_with_answers(project.runs)]
    remedy = "delete its folder, and train again what was trained on it"
    runs = runs_with_key(project.runs, project.contract.spec.key, str(json.loads(key)))
    return [f"run {run} holds rows of this key; {remedy}" for run in runs]
