"""Fourteen days in production, in minutes: `python -m benchmarks.fortnight FOLDER`; needs `faketime`.

Trains on synthetic rows, then starts a server on each of the last fourteen days, with its clock set back.
From the eighth day on, a growing share of callers sends the age groups in reverse order. The outcomes of all
days but the last two become known. Then `goldenpath monitor` looks at it all, and the documentation
shows its report.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import pandas as pd

from benchmarks.load import Started, started
from benchmarks.projects import program, project_copy, trained
from goldenpath.errors import BadInput
from goldenpath.measure.http_client import Connection
from goldenpath.steps.stand_in import draw_stand_in

DAYS, CALM, UNKNOWN = 14, 8, 2  # all, those before anything changes, the newest ones without outcomes
A_DAY = 2_000  # requests
TOGETHER = 50  # records in one of them
FIELDS = [
    "current_status",
    "sex",
    "age_group",
    "race_ethnicity_combined",
    "hosp_yn",
    "icu_yn",
    "medcond_yn",
]
SETTINGS = {"GOLDENPATH_FEEDBACK": "records", "GOLDENPATH_SYNTHETIC_ROWS": "40000"}


def clock_set_back(days: int) -> dict[str, str]:
    "Return the variables by which a program believes that it is so many days ago. Raises BadInput."
    try:
        shown = subprocess.run(["faketime", "-f", f"-{days * 24}h", "env"], capture_output=True, text=True)
    except FileNotFoundError:
        raise BadInput("faketime is missing: apt-get install faketime") from None
    pairs = (line.partition("=") for line in shown.stdout.splitlines())
    return {name: value for name, _, value in pairs if name in ("LD_PRELOAD", "FAKETIME")}


def asked_about(day: int) -> pd.DataFrame:
    "Draw the cases of a day, of which a share is sent with the age groups in reverse order."
    drawn = draw_stand_in(3 * A_DAY, day + 1)
    known = drawn[drawn["death_yn"].isin(["Yes", "No"])].astype(str)[:A_DAY]
    ages = sorted(set(known["age_group"]) - {"Missing"})
    reversed_ages = known["age_group"].replace(dict(zip(ages, reversed(ages), strict=True)))
    share = np.clip((day - CALM + 1) / 4, 0, 1)
    mixed = np.where(np.random.default_rng(day).random(len(known)) < share, reversed_ages, known["age_group"])
    return known.assign(age_group=mixed)


@contextmanager
def server_of(project: Path, day: int) -> Iterator[Started]:
    "Serve on one of the days, the last of which is today."
    record = json.dumps(asked_about(day)[FIELDS].iloc[0].to_dict()).encode()
    words = [sys.executable, "-m", "serving", "--listen", "{address}"]
    variables = SETTINGS | clock_set_back(DAYS - 1 - day)
    with started(words, ("/predict", record), project, pin=False, **variables) as server:
        yield server


def ask(server: Started, rows: pd.DataFrame) -> list[str]:  # ids of the answers
    "Send the cases of a day."
    ids, records = [], rows[FIELDS].to_dict("records")
    with Connection(server.url) as line:
        for start in range(0, len(records), TOGETHER):
            body = json.dumps(records[start : start + TOGETHER]).encode()
            answer = json.loads(line.exchange(line.request("POST", "/predict/batch", body)).body)
            ids += [f"{answer['id']}/{place}" for place in range(len(answer["predictions"]))]
    return ids


def live(project: Path) -> pd.DataFrame:
    "Serve for fourteen days; the outcomes that are known at the end."
    outcomes = []
    for day in range(DAYS):
        rows = asked_about(day)
        with server_of(project, day) as server:
            ids = ask(server, rows)
        outcomes.append(pd.DataFrame({"id": ids, "outcome": rows["death_yn"].to_numpy()}))
    return pd.concat(outcomes[: DAYS - UNKNOWN])


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    "Make the project in FOLDER, which must not exist, and say where the report is."
    folder.mkdir(parents=True)
    project = trained(project_copy(folder), **SETTINGS, **clock_set_back(DAYS + 6))
    outcomes = project / "outcomes.csv"
    live(project).to_csv(outcomes, index=False)
    print(program(project, "-m", "goldenpath", "outcomes", str(outcomes)))
    words = ["-m", "goldenpath", "monitor", "--since", f"{DAYS + 1}d"]
    sys.exit(subprocess.run([sys.executable, *words], cwd=project).returncode)


if __name__ == "__main__":
    main()
