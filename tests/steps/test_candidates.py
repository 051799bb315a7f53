"""Candidates: how rows are dealt to folds, how one candidate is chosen, and what of it is remembered."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from goldenpath import model
from goldenpath.errors import BadInput
from goldenpath.evaluation.leaderboard import CandidateEntry, FoldSpread, Leaderboard, leaderboard_table
from goldenpath.inference.engines import frame_of, layout_of
from goldenpath.model import present_candidates
from goldenpath.project import Project, Step
from goldenpath.records import Latency
from goldenpath.registry.manifest import DataSummary
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Binary, Classes, Contract, Quantity, Record
from goldenpath.settings import Settings
from goldenpath.settings.rules import parse_choice
from goldenpath.steps.train import choose_candidate, folds_of, parts_of, train

TARGETS = {
    "binary": Binary("ripe", positive="yes", negative="no"),
    "classes": Classes("kind", levels=("red", "green", "blue")),
    "quantity": Quantity("grams", unit="g"),
}


class Fruit(Record):
    tree: str
    width: float
    origin: Literal["north", "south"]


def contract_of(task: str, **roles: str) -> Contract:
    return Contract(Fruit, TARGETS[task], **roles)


def drawn(n: int, task: str = "binary") -> pd.DataFrame:
    random = np.random.default_rng(5)
    width = random.normal(10, 3, n).round(2)
    outcome = {
        "binary": np.where(width + random.normal(size=n) > 11, "yes", "no"),
        "classes": np.select([width > 12, width > 8], ["red", "green"], "blue"),
        "quantity": 3 * width + random.normal(size=n),
    }[task]
    trees = [f"tree {place % (n // 5)}" for place in range(n)]
    origin = random.choice(["north", "south"], n)
    frame = pd.DataFrame({"tree": trees, "width": width, "origin": origin, "count": 1 + np.arange(n) % 3})
    return frame.assign(**{TARGETS[task].column: outcome})


def clean(contract: Contract, frame: pd.DataFrame) -> pd.DataFrame:
    return contract.check(frame).clean


def step_for(home: Path, contract: Contract, frame: pd.DataFrame, **changes: Any) -> Step:
    settings = Settings(home=str(home), model="fruit", slices="", **changes)
    step = Step(Project(settings, contract), Run("r", home / "runs" / "r", "05_train"))
    clean(contract, frame).to_parquet(step.run.output("data/train.parquet"))
    summary = DataSummary(source="drawn", synthetic=True, fingerprint="f", split="", rows={}, seconds=0)
    step.save("data/summary.json", summary)
    return step


def entry(name: str, quality: float, seconds: float, why_not: str = "") -> CandidateEntry:
    return CandidateEntry(
        name=name,
        metrics={"r2": FoldSpread(mean=quality, low=quality, high=quality)},
        latency=Latency(p50=seconds, p95=seconds, p99=seconds),
        why_not=why_not,
    )


ENTRIES = [
    entry("linear", 0.80, 1e-6),
    entry("forest", 0.90, 9e-6),
    entry("boosting", 0.895, 5e-6),
    entry("broken", 0.99, 1e-7, "RuntimeError: no"),
]


@pytest.mark.parametrize(
    ("rule", "name", "reason"),
    [
        ("best", "forest", "best R2 on the folds, 0.9000"),
        (
            "fastest within 0.01 of the best",
            "boosting",
            "fastest answer of the 2 candidates within 0.01 of the best R2 on the folds (forest: 0.9000)",
        ),
        (
            "fastest within 0.2 of the best",
            "linear",
            "fastest answer of the 3 candidates within 0.2 of the best R2 on the folds (forest: 0.9000)",
        ),
        ("linear", "linear", "named by the setting `choose`"),
    ],
)
def test_the_choice_follows_the_setting(rule: str, name: str, reason: str) -> None:
    assert choose_candidate(ENTRIES, parse_choice(rule), "r2") == (name, reason)


def test_a_named_candidate_that_cannot_be_chosen_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match=r"choose = broken is none of .*; left out: broken: RuntimeError: no"):
        choose_candidate(ENTRIES, parse_choice("broken"), "r2")
    with pytest.raises(BadInput, match=r"no candidate can be published .*raise train_seconds"):
        choose_candidate(ENTRIES[3:], parse_choice("best"), "r2")


@pytest.mark.parametrize("text", ["fastest within", "fastest within 2 of the best", "the best", ""])
def test_a_rule_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="choose"):
        Settings().changed(choose=text)


def test_a_candidate_that_04_model_does_not_have_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInput, match=r"04_model has no candidate 'forrest' for task classes.*forest"):
        present_candidates("classes", ("forrest",))
    with pytest.raises(BadInput, match="04_model has no candidate 'fastest'"):
        present_candidates("classes", (), named="fastest")


def test_a_candidate_whose_package_is_missing_is_left_out_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(model.NEEDS, "forest", "no_such_package")
    absent, present = present_candidates("binary", ("linear", "forest"))
    assert (absent, present) == ({"forest": "no_such_package is not installed"}, ["linear"])


def test_every_outcome_is_in_every_fold() -> None:
    contract = contract_of("classes")
    rows = clean(contract, drawn(60, "classes"))
    folds = folds_of(rows, contract, seed=1)
    assert (pd.crosstab(folds, rows["kind"]) > 0).all(axis=None)
    assert np.ptp(np.bincount(folds)) <= 2


def test_rows_of_one_key_are_in_one_fold() -> None:
    contract = contract_of("binary", key="tree")
    rows = clean(contract, drawn(60))
    folds = folds_of(rows, contract, seed=1)
    assert pd.Series(folds).groupby(rows["tree"].astype(str).to_numpy()).nunique().eq(1).all()
    assert len(np.unique(folds)) == 3


def test_a_class_with_fewer_rows_than_folds_has_fewer_folds_and_one_of_a_single_row_is_named() -> None:
    contract, frame = contract_of("classes"), drawn(60, "classes")
    others = frame[frame["kind"] != "blue"]
    two, one = (clean(contract, pd.concat([others, frame[frame["kind"] == "blue"][:n]])) for n in (2, 1))
    assert folds_of(two, contract, seed=1).max() == 1
    with pytest.raises(BadInput, match="1 training rows have kind = 'blue'"):
        folds_of(one, contract, seed=1)


@pytest.mark.parametrize("task", list(TARGETS))
def test_the_candidates_of_every_task_are_compared_and_the_chosen_one_is_kept(
    tmp_path: Path, task: str
) -> None:
    contract = contract_of(task, key="tree", weight="count")
    step = step_for(tmp_path, contract, drawn(150, task))
    record = train(step, seed=1)
    leaderboard = step.load("leaderboard.json", Leaderboard)
    assert record.candidate == leaderboard.chosen
    compared = [line for line in leaderboard.entries if line.metrics]
    assert [line.name for line in compared][:4] == ["linear", "boosting", "deep_boosting", "forest"]
    for line in compared:
        assert line.latency is not None
        assert line.fast_path is not None
        assert line.engine == ("onnx" if line.fast_path.status == "proven" else "sklearn")
        assert line.size > 0
    best = max(line.metrics[leaderboard.metric].mean for line in compared)
    assert best > leaderboard.dummy[leaderboard.metric].mean + 0.2
    folder = step.run.folder / "candidate"
    assert (folder / "leaderboard.json").read_bytes() == leaderboard.model_dump_json(indent=2).encode()
    assert (folder / "model.skops").exists()
    assert not (step.run.folder / "candidates").exists()
    assert leaderboard_table(leaderboard).row_count == len(leaderboard.entries) + 1


def test_the_fingerprint_is_the_same_whichever_candidate_is_chosen_and_whatever_is_installed() -> None:
    contract = contract_of("quantity")
    columns = contract.columns(clean(contract, drawn(20, "quantity")))
    parts = parts_of(layout_of(columns), contract)
    assert all(f"{name}: " in parts["pipeline"] for name in ("linear", "boosting", "deep_boosting", "forest"))
    assert "LGBM" not in parts["pipeline"]
    assert parts["lightgbm()"]


def test_another_candidate_of_the_same_rows_is_another_identity_and_no_clash(tmp_path: Path) -> None:
    contract, frame = contract_of("binary"), drawn(60)
    records = [
        train(step_for(tmp_path / name, contract, frame, choose=name, candidates=name), seed=1)
        for name in ("linear", "boosting")
    ]
    assert records[0].fingerprint == records[1].fingerprint
    assert records[0].identity != records[1].identity
    assert [record.clash for record in records] == ["", ""]


@pytest.mark.parametrize("task", list(TARGETS))
@pytest.mark.parametrize("name", ["linear", "boosting", "deep_boosting", "forest"])
def test_candidates_are_built_with_the_seed_and_take_the_matrix_that_they_need(task: str, name: str) -> None:
    contract = contract_of(task)
    columns = contract.columns(clean(contract, drawn(40, task)))
    layout = layout_of(columns)
    pipeline = model.build_pipeline(layout, 7, task, name)
    parameters = pipeline.get_params()
    assert parameters.get("estimator__random_state") == (
        None if (task, name) == ("quantity", "linear") else 7
    )
    outcome = contract.outcomes(clean(contract, drawn(40, task)))
    pipeline.fit(frame_of(columns, layout), outcome)
    assert len(contract.target.scores(pipeline, frame_of(columns, layout))) == 40
