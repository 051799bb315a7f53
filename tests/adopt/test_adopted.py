"""A whole project that adopts another table: its tests are green, and its pipeline goes through."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.begun_projects import lend_environment, outside
from tests.helpers.project import PROJECT

pytestmark = pytest.mark.slow(seconds=60)


def customers(rows: int) -> pd.DataFrame:
    "Return a table with every kind of column: a key, days, gaps, codes, and columns that teach nothing."
    random = np.random.default_rng(1)
    income = random.normal(50_000, 20_000, rows).round(2)
    leaves = random.random(rows) < 1 / (1 + np.exp((60_000 - income) / 10_000))
    return pd.DataFrame(
        {
            "Customer ID": [f"C{row // 3:05d}" for row in range(rows)],
            "row": range(rows),
            "class": random.choice(["a", "b", 'it\'s "quoted"'], rows),
            "income (EUR)": np.where(random.random(rows) < 0.05, np.nan, income),
            "postcode": random.choice(["01234", "00501", "10115"], rows),
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, rows), "D"),
            "job": random.choice([f"job {number}" for number in range(200)], rows),
            "member": random.random(rows) < 0.5,
            "churn": np.where(leaves, "churned", "stays"),
        }
    )


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Clone the project, and adopt a table there."
    folder = tmp_path_factory.mktemp("clone") / "leaving"
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(folder)], check=True)
    customers(3_000).to_csv(folder / "data" / "customers.csv", index=False)
    lend_environment(folder)
    options = ["--target", "churn", "--key", "Customer ID", "--time", "joined"]
    program(folder, ".venv/bin/goldenpath", "adopt", "data/customers.csv", *options)
    program(folder, "make", "export")
    return folder


def program(folder: Path, *command: str, **settings: str) -> str:
    "Run a program in the project as a person would; its output is in the failure."
    environ = outside() | {f"GOLDENPATH_{name.upper()}": value for name, value in settings.items()}
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=1_200)
    assert result.returncode == 0, f"{' '.join(command)}:\n{result.stdout[-4_000:]}\n{result.stderr[-4_000:]}"
    return result.stdout + result.stderr


def test_check_and_tests_are_green(adopted):
    program(adopted, "make", "test")


def test_the_pipeline_goes_through_without_an_edit(adopted):
    output = program(adopted, ".venv/bin/goldenpath", "run", growth_seconds="1", bootstrap="20")
    assert "published as" in output
    assert "champion" in output
