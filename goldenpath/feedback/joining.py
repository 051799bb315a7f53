"""Answers and what came of them: one result, in any order, parts or repetition of the outcomes.

An outcome with an id belongs to the answers of that id, by any version. One with a key and a time belongs to
the last request about that key up to then; one with a key alone to each request about it up to when it was
known. Of several outcomes of one request the one that became known last counts.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from goldenpath.errors import BadInput
from goldenpath.feedback.answer_tables import read_answers
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcome_tables import read_outcomes
from goldenpath.feedback.outcomes import OutcomeRow, outcome_text
from goldenpath.schema.contract import Contract

if TYPE_CHECKING:
    import pandas as pd

REQUEST = ["id", "key"]  # what names a request: a caller may use an id twice
NO_ANSWERS = "no answer is kept: set `feedback = scores` or `records`"
TOO_OLD = "known before the oldest answer that is kept (see `feedback_days` and `feedback_mb`)"
UNKNOWN_ID = "no answer that is kept has this id"
UNKNOWN_KEY = "no answer that is kept is about this key"
ASKED_LATER = "asked about this key only later"


@dataclass(frozen=True)
class Joined:
    "Answers with what came of them."

    rows: (
        "pd.DataFrame"  # as `read_answers` returns them, with `outcome` and `known`; both empty if not known
    )
    outcomes: int  # different ones that were taken in and are not unknown
    unmatched: dict[str, int]  # of these, by likely reason
    problems: tuple[str, ...]  # files and lines that were skipped


def joined(
    folder: FeedbackFolder,
    contract: Contract,
    since: datetime | None = None,  # of the answers, with a time zone
    until: datetime | None = None,  # exclusive
    version: str = "",  # empty: all
) -> Joined:
    "Join what was answered with all that is known of it; `outcome` is a label, or a number for a quantity."
    whole = not (since or until or version)
    answers = read_answers(folder, since, until, version)
    index = answers if whole else read_answers(folder, short=True)  # a key's last request may be an older one
    taken, problems = read_outcomes(folder)
    outcomes, foreign = _allowed(latest(taken), contract)
    requests = requests_of(index.rows)
    matches = matches_of(outcomes, requests)
    rows = with_outcomes(answers.rows, matches, contract)
    present = outcomes[outcomes["outcome"].notna()]
    unmatched = reasons(present[~present.index.isin(matches["place"])], requests)
    return Joined(rows, len(present), unmatched, (*index.problems, *problems, *foreign))


def latest(outcomes: "pd.DataFrame") -> "pd.DataFrame":
    "Keep what became known last of each id, or key and time; of two at once the last by alphabet."
    order = outcomes.assign(text=outcomes["outcome"].fillna(""))
    order = order.sort_values(["known", "text", "id", "key", "time"], kind="stable")
    return (
        order.drop_duplicates(["id", "key", "time"], keep="last").drop(columns="text").reset_index(drop=True)
    )


def _allowed(outcomes: "pd.DataFrame", contract: Contract) -> "tuple[pd.DataFrame, tuple[str, ...]]":
    "Leave out outcomes that today's contract does not allow, and say so."
    texts = [text for text in outcomes["outcome"].unique() if isinstance(text, str)]
    foreign = [text for text in texts if not _is_allowed(text, contract)]
    bad = outcomes["outcome"].isin(foreign)
    count = int(bad.sum())
    problem = f"{count:,} outcomes are skipped: the contract asks for {contract.target.rule}"
    return outcomes[~bad], (problem,) * bool(count)


def _is_allowed(text: str, contract: Contract) -> bool:
    try:
        return outcome_text(contract.target, text) is not None
    except BadInput:
        return False


def requests_of(answers: "pd.DataFrame") -> "pd.DataFrame":
    "Return each request once, with the time of its first answer, sorted by time."
    named = answers[["id", "key", "time"]].assign(key=answers["key"].fillna(""))
    named = named.astype({"time": "datetime64[us, UTC]"})  # as outcomes have it; pandas 2 joins no other
    return named.sort_values(["time", *REQUEST]).drop_duplicates(REQUEST).reset_index(drop=True)


def matches_of(outcomes: "pd.DataFrame", requests: "pd.DataFrame") -> "pd.DataFrame":
    "Find the requests of each outcome: id, key, outcome, known, and the place of the outcome."
    import pandas as pd

    rows = outcomes.assign(place=outcomes.index)
    by_id = rows[rows["id"] != ""].drop(columns=["key", "time"]).merge(requests[REQUEST], on="id")
    by_key = rows[rows["id"] == ""].drop(columns="id")
    timed = by_key[by_key["time"].notna()].sort_values(["time", "place"])
    every = by_key[by_key["time"].isna()].drop(columns="time").merge(requests, on="key")
    every = every[every["time"] <= every["known"]]
    parts = [by_id, every]
    if len(timed) and len(requests):
        nearest = pd.merge_asof(timed, requests, on="time", by="key")
        parts.append(nearest[nearest["id"].notna()])
    columns = [*REQUEST, "outcome", "known", "place"]
    return pd.concat([part[columns] for part in parts if len(part)] or [by_id[columns]], ignore_index=True)


def with_outcomes(rows: "pd.DataFrame", matches: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    "Add `outcome` and `known` to answers: of several matches of one request the latest."
    import pandas as pd

    order = matches.assign(text=matches["outcome"].fillna("")).sort_values(["known", "text"], kind="stable")
    last = order.drop_duplicates(REQUEST, keep="last")[[*REQUEST, "outcome", "known"]]
    named = rows.assign(key=rows["key"].fillna(""))
    whole = named.merge(last, on=REQUEST, how="left").assign(key=rows["key"].to_numpy())
    if contract.task == "quantity":
        return whole.assign(outcome=pd.to_numeric(whole["outcome"]).astype("float64"))
    return whole.assign(outcome=whole["outcome"].astype(object).where(whole["outcome"].notna(), None))


def reasons(unmatched: "pd.DataFrame", requests: "pd.DataFrame") -> dict[str, int]:
    "Count outcomes without an answer by the likely reason."
    if not len(requests):
        return {NO_ANSWERS: len(unmatched)} if len(unmatched) else {}
    oldest, keys = requests["time"].min(), set(requests["key"])
    counts: Counter[str] = Counter()
    for row in unmatched.itertuples(index=False, name=None):
        counts[_reason(OutcomeRow(*row), oldest, keys)] += 1
    return dict(counts.most_common())


def _reason(outcome: OutcomeRow, oldest: "pd.Timestamp", keys: set[str]) -> str:
    if not outcome.id and outcome.key in keys:
        return ASKED_LATER
    if min(moment for moment in (outcome.known_at, outcome.time) if moment == moment) < oldest:  # type: ignore[operator,type-var]  # timestamps here
        return TOO_OLD
    return UNKNOWN_ID if outcome.id else UNKNOWN_KEY
