"""`goldenpath outcomes`."""

import click

from goldenpath.cli.terminal import put, say
from goldenpath.project import Project


@click.command()
@click.argument("source", metavar="FILE")
def outcomes(source: str) -> None:
    """Take in FILE, a CSV or Parquet file of what came of answers, and join it with them.

    Columns: `id` of the answer, or `key` with an optional `time`; `outcome`; optionally `known`, when it
    became known (otherwise now). The contract's own names of key and outcome do as well. Of several outcomes
    of one answer the one that became known last counts, so files may arrive late, twice, in parts or out of
    order.
    """
    from goldenpath.feedback.joining import joined
    from goldenpath.feedback.outcome_tables import take_outcomes

    project = Project()
    project.settings.writable_home()
    done = take_outcomes(project.feedback, project.contract, project.path_of(source))
    again = " (all of them before)" if done.already else ""
    put(f"{done.taken:,} of {done.rows:,} rows taken in{again}, {done.unknown:,} with an unknown outcome")
    for reason, count in done.rejected.items():
        put(f"{count:,} rejected: {reason}")
    joint = joined(project.feedback, project.contract)
    for problem in joint.problems:
        say(f"warning: {problem}")
    answers = int(joint.rows["outcome"].notna().sum())
    put(f"{answers:,} of {len(joint.rows):,} answers that are kept have an outcome now")
    for reason, count in joint.unmatched.items():
        put(f"{count:,} of {joint.outcomes:,} outcomes match no answer: {reason}")
