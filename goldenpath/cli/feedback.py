"""`goldenpath feedback`: what is kept of requests, and how a person is taken out of it."""

import json

import click

from goldenpath.cli.terminal import put, say
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
    Runs never change: those whose rows hold the key are named. Exit code 1: something could not be erased.
    """
    from goldenpath.feedback import erasure

    project = Project()
    person = erasure.person_of(project.contract, key, name)
    erasure.erase_person(project.feedback, person, erasure.WRITTEN_SECONDS)
    put(f"erased {person.answers:,} answers and {person.outcomes:,} outcomes; {person.files:,} files changed")
    runs = _runs_with(project, person.key)
    for problem in person.problems:
        say(f"error: {problem}")
    if not person.finished:
        say("error: servers still answer about this person: stop those requests, then run the command again")
    for run in runs:
        put(f"run {run} holds rows of this key; delete its folder, and train again what was trained on it")
    click.get_current_context().exit(0 if person.finished and not person.problems else 1)


def _runs_with(project: Project, key: str) -> list[str]:
    from goldenpath.runs.person import runs_with_key

    return runs_with_key(project.runs, project.contract.spec.key, str(json.loads(key))) if key else []
