"""The monitor on a real version: calm on its own data, faults named in one window, outcomes as by hand."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score, roc_auc_score

from goldenpath.cli import cli
from goldenpath.feedback.counts import Counts, write_counts
from goldenpath.feedback.monitor import MonitorReport
from goldenpath.project import Project
from goldenpath.records import Columns
from goldenpath.steps.monitor import monitor_report
from tests.conftest import REAL_ROWS
from tests.helpers.answered_rows import AnsweredRows, taken
from tests.helpers.requirements import needs
from tests.helpers.trained_run import judged, published, run_in, settings_for, step_in

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NEXT_HOUR = NOON + timedelta(hours=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[AnsweredRows, pd.DataFrame]:
    "Return a champion that was trained and judged, and its training rows."
    home = tmp_path_factory.mktemp("home")
    run, _ = judged(home)
    published(home, run)
    project = Project(settings_for(home))
    return AnsweredRows(project), pd.read_parquet(run.input("data/train.parquet"))


@pytest.fixture
def champion(rows: tuple[AnsweredRows, pd.DataFrame]) -> Iterator[AnsweredRows]:
    "Return the champion, without feedback before the test and after it."
    yield rows[0]
    shutil.rmtree(rows[0].folder.path, ignore_errors=True)


@pytest.fixture
def own(rows: tuple[AnsweredRows, pd.DataFrame]) -> Columns:
    "Return the training rows as the model sees them."
    return rows[0].contract.columns(rows[1])


def drawn(columns: Columns, n: int, seed: int) -> Columns:
    "Draw rows with replacement."
    count = len(next(iter(columns.values())))
    return taken(columns, np.random.default_rng(seed).integers(count, size=n))


def look(champion: AnsweredRows, **options: str) -> MonitorReport:
    return monitor_report(champion.project, now=NEXT_HOUR, **options)


def test_windows_of_the_versions_own_data_are_no_reason_to_act(champion: AnsweredRows, own: Columns) -> None:
    for hour in range(5):
        champion.count(drawn(own, 1_000, hour), NOON - timedelta(hours=hour))
    report = look(champion)
    assert (report.every, len(report.versions[0].windows)) == ("hour", 5)
    assert report.alarms == ()
    assert report.moved == ()
    assert "is not worse than on its own data" in report.sentence


def test_many_answers_are_no_reason_by_themselves(champion: AnsweredRows, own: Columns) -> None:
    count = len(next(iter(own.values())))
    times = np.random.default_rng(3).multinomial(1_000_000, np.full(count, 1 / count))
    champion.count(own, NOON, times=times)
    report = look(champion)
    assert report.versions[0].whole is not None
    assert report.versions[0].whole.answers == 1_000_000
    assert report.alarms == ()


def lose_level(columns: Columns) -> str:
    "Send another level in place of one that is not rare."
    values = columns["age_group"]
    values[values == "80+ Years"] = "70 - 79 Years"
    return "age_group"


def rename_level(columns: Columns) -> str:
    "Send one level under a name that no training row has."
    values = columns["age_group"]
    values[values == "80+ Years"] = "80 and older"
    return "age_group"


def miss_values(columns: Columns) -> str:
    "Lose a tenth of the values on the way."
    columns["sex"][::10] = ""
    return "sex"


def swap_columns(columns: Columns) -> str:
    "Send two columns under each other's name."
    columns["hosp_yn"], columns["icu_yn"] = columns["icu_yn"], columns["hosp_yn"]
    return "icu_yn"


FAULTS = (lose_level, rename_level, miss_values, swap_columns)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_named_within_one_window_of_1000(
    champion: AnsweredRows, own: Columns, fault: Callable[[Columns], str]
) -> None:
    champion.count(drawn(own, 1_000, 1), NOON - timedelta(hours=1))
    columns = drawn(own, 1_000, 2)
    name = fault(columns)
    champion.count(columns, NOON)
    report = look(champion)
    assert name in {alarm.name for alarm in report.alarms if alarm.kind == "input"}
    assert all(alarm.since == NOON.isoformat() for alarm in report.alarms)
    assert not report.retraining_may_help


def test_reasons_to_act_end_the_command_with_4(
    champion: AnsweredRows, own: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENPATH_HOME", str(champion.project.home))
    monkeypatch.setenv("GOLDENPATH_MODEL", champion.project.registry.model)
    columns = drawn(own, 1_000, 2)
    swap_columns(columns)
    champion.count(columns, datetime.now(UTC))
    result = CliRunner().invoke(cli, ["monitor"], catch_exceptions=False)
    assert result.exit_code == 4
    assert "icu_yn jumped" in result.stdout
    assert max(map(len, [line for line in result.stdout.splitlines() if line.startswith("│")])) <= 100
    listing = CliRunner().invoke(cli, ["models", "list"], catch_exceptions=False)
    assert "estimated" in listing.stdout


def test_realised_metrics_are_those_of_a_calculation_by_hand(
    champion: AnsweredRows, rows: tuple[AnsweredRows, pd.DataFrame], tmp_path: Path
) -> None:
    clean = rows[1].head(2_000)
    champion.count(champion.contract.columns(clean), NOON)
    scores = champion.keep(clean, NOON)
    champion.take_outcomes(clean.head(1_500), NOON, tmp_path / "outcomes.csv")
    version = look(champion).versions[0]
    outcome = champion.contract.outcomes(clean.head(1_500))
    assert version.whole is not None
    assert version.whole.outcomes == 1_500
    realised = version.whole.realised
    assert realised["roc_auc"].value == pytest.approx(roc_auc_score(outcome, scores[:1_500]))
    by_hand = average_precision_score(outcome, scores[:1_500])
    assert realised["average_precision"].value == pytest.approx(by_hand)
    assert {group.column for group in version.slices} == {*champion.project.settings.slices}
    assert sum(group.count for group in version.slices if group.column == "sex") == 1_500


def test_without_records_there_are_no_groups(
    champion: AnsweredRows, rows: tuple[AnsweredRows, pd.DataFrame], tmp_path: Path
) -> None:
    clean = rows[1].head(200)
    champion.count(champion.contract.columns(clean), NOON)
    champion.keep(clean, NOON, records=False)
    champion.take_outcomes(clean, NOON, tmp_path / "outcomes.csv")
    version = look(champion).versions[0]
    assert version.whole is not None
    assert (version.whole.outcomes, version.slices) == (200, ())


def test_worse_outcomes_than_promised_are_a_reason_that_training_may_mend(
    champion: AnsweredRows, rows: tuple[AnsweredRows, pd.DataFrame], tmp_path: Path
) -> None:
    clean, target = rows[1].head(2_000), champion.contract.target
    champion.count(champion.contract.columns(clean), NOON)
    champion.keep(clean, NOON)
    outcome = clean[target.column].to_numpy()
    shuffled = clean.assign(**{target.column: np.random.default_rng(1).permutation(outcome)})
    champion.take_outcomes(shuffled, NOON, tmp_path / "outcomes.csv")
    report = look(champion)
    assert {alarm.kind for alarm in report.alarms} == {"realised"}
    assert report.retraining_may_help


def test_two_versions_are_compared_on_their_outcomes(
    champion: AnsweredRows, rows: tuple[AnsweredRows, pd.DataFrame], tmp_path: Path
) -> None:
    clean, other = rows[1].head(2_000), "9.9.9-20261128T000000Z-00000000"
    champion.count(champion.contract.columns(clean), NOON)
    champion.keep(clean.head(1_000), NOON)
    champion.take_outcomes(clean.head(1_000), NOON, tmp_path / "one.csv")
    hour, mine = NOON - timedelta(hours=1), champion.version
    write_counts(
        champion.folder,
        Counts(version=other, role="challenger", hour=f"{hour:%Y-%m-%dT%H}", writer="b-1-2", answers=1_000),
    )
    champion.version = other
    champion.keep(clean.tail(1_000), hour)
    champion.version = mine
    champion.take_outcomes(clean.tail(1_000), hour, tmp_path / "other.csv")
    report = look(champion, against=other)
    assert [version.version for version in report.versions] == [mine, other]
    comparison = report.comparisons[0]
    assert (comparison.version, comparison.against, comparison.outcomes) == (mine, other, (1_000, 1_000))
    assert comparison.needed is None or comparison.needed > 0
    assert report.versions[1].note.startswith("the version cannot be read")


def test_batch_jobs_are_reported_apart_and_last(champion: AnsweredRows, own: Columns) -> None:
    champion.count(drawn(own, 2_000, 1), NOON, role="batch")
    champion.count(drawn(own, 300, 2), NOON)
    versions = look(champion).versions
    assert [version.roles for version in versions] == [{"champion": 300}, {"batch": 2_000}]


def later_rows(project: Project) -> pd.DataFrame:
    "Return the real rows of the weeks after those of the training."
    file = REAL_ROWS.with_name("cdc_case_surveillance_later_10k.csv")
    needs("real-data", file.exists(), f"there is no {file.name} beside the checkout")
    clean = project.contract.check(pd.read_csv(file, dtype=str, keep_default_na=False)).clean
    return clean[project.contract.outcome_known(clean)]


@pytest.mark.slow
def test_real_later_rows_with_a_third_of_the_deaths_are_seen(real_rows: Path, tmp_path: Path) -> None:
    from goldenpath.steps.data import make_data
    from goldenpath.steps.evaluate import evaluate
    from goldenpath.steps.train import train

    settings = settings_for(tmp_path, source=str(real_rows), candidates="linear", bootstrap=100)
    step = step_in(run_in(tmp_path), settings)
    make_data(step)
    train(step, seed=42)
    evaluate(step)
    published(tmp_path, step.run)
    champion = AnsweredRows(Project(settings))
    clean = later_rows(champion.project)
    for hour in range(10):
        part = clean.iloc[hour * 1_000 : (hour + 1) * 1_000]
        champion.count(champion.contract.columns(part), NOON - timedelta(hours=9 - hour))
    unknown = look(champion)
    version = unknown.versions[0]
    assert version.recent is not None
    assert {"medcond_yn", "hosp_yn", "score of Yes"} <= {*version.recent.moved}
    assert [(alarm.kind, alarm.name) for alarm in unknown.alarms] == [("estimated", "average_precision")]
    scores = champion.keep(clean, NOON - timedelta(hours=9))
    champion.take_outcomes(clean, NOON - timedelta(hours=9), tmp_path / "outcomes.csv")
    whole = look(champion).versions[0].whole
    assert whole is not None
    outcome = champion.contract.outcomes(clean)
    assert whole.realised["roc_auc"].value == pytest.approx(roc_auc_score(outcome, scores))
    assert whole.realised["average_precision"].value == pytest.approx(
        average_precision_score(outcome, scores)
    )
