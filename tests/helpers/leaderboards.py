"""A leaderboard of round figures, as 05_train writes it."""

from typing import Any

from goldenpath.evaluation.leaderboard import CandidateEntry, FoldSpread, Leaderboard
from goldenpath.records import FastPathRecord, Latency

PROVEN = FastPathRecord(status="proven", reason="", rows=100, max_difference=0.0)
ABSENT = FastPathRecord(status="absent", reason="it was not compiled")


def made_up_leaderboard(**changes: Any) -> Leaderboard:
    "Return three candidates, best first, and one that is not installed."
    entries = (
        made_up_entry("linear", 0.84, fit=0.04, answer=2e-6),
        made_up_entry("boosting", 0.87, fit=0.4, answer=2e-5),
        made_up_entry("forest", 0.88, fit=1.6, answer=6e-3, engine="sklearn", fast_path=ABSENT),
        CandidateEntry(name="lightgbm", why_not="lightgbm is not installed"),
    )
    return Leaderboard(
        **{
            "metric": "roc_auc",
            "folds": 3,
            "rows": 4_000,
            "dummy": {"roc_auc": spread(0.5), "brier": spread(0.09)},
            "entries": entries,
            "rule": "fastest within 0.02 of the best",
            "chosen": "boosting",
            "reason": "fastest answer of the 2 candidates within 0.02 of the best ROC AUC on the folds",
            **changes,
        }
    )


def made_up_entry(
    name: str,
    quality: float,
    fit: float,  # seconds
    answer: float,  # seconds
    engine: str = "onnx",
    fast_path: FastPathRecord = PROVEN,
) -> CandidateEntry:
    "Return a line of it."
    return CandidateEntry(
        name=name,
        metrics={"roc_auc": spread(quality), "brier": spread(1 - quality)},
        fit_seconds=fit,
        fast_path=fast_path,
        engine=engine,
        latency=Latency(p50=answer, p95=answer * 1.5, p99=answer * 2),
        size=100_000,
    )


def spread(mean: float) -> FoldSpread:
    return FoldSpread(mean=mean, low=mean - 0.02, high=mean + 0.02)
