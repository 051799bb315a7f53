"""Ask NannyML 0.13.1, in an environment of its own: `python ask_nannyml.py FOLDER [rows]`.

Writes the rows of three data sets that NannyML ships (`<name>-reference.parquet`, `<name>-window.parquet`),
and into `answers.json` what NannyML says of each chunk of the window. With a number of rows, only so many of
the reference and of the window are used, and they are written into `answers.json` too.
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.simplefilter("ignore")

import nannyml as nml  # noqa: E402
import pandas as pd  # noqa: E402

BINARY = ("roc_auc", "average_precision", "f1", "precision", "recall", "specificity", "accuracy")
CLASSES = tuple(name for name in BINARY if name != "average_precision")
LOSSES = ("mae", "rmse", "msle")
EXACT = 9_999  # rows of a reference that NannyML does not divide into bins
CHUNKS = 5
KEPT = (  # columns that are stored with the answers
    *("y_pred_proba", "untied", "repaid", "y_pred", "y_true"),
    *("car_value", "driver_tenure", "salary_range", "size_of_downpayment", "debt_to_income_ratio"),
    *("app_behavioral_score", "credit_bureau_score", "acq_channel", "app_channel"),
    *("km_driven", "price_new", "fuel", "transmission"),
    *("y_pred_proba_prepaid_card", "y_pred_proba_highstreet_card", "y_pred_proba_upmarket_card"),
)


def untied(scores: pd.Series) -> pd.Series:
    "Return scores in the same order without ties."
    return scores * 0.99 + pd.Series(range(len(scores)), scores.index) * (0.009 / len(scores))


def estimates(estimator, metrics, reference, window) -> dict[str, list[float]]:
    "Return what is estimated for each chunk."
    table = estimator.fit(reference).estimate(window).filter(period="analysis").to_df()
    return {name: table[(name, "value")].tolist() for name in metrics}


def binary(reference, window, score: str, size: int):
    "Estimate the metrics of two outcomes from scores in this column."
    columns = {"y_pred_proba": score, "y_pred": "y_pred", "y_true": "repaid"}
    estimator = nml.CBPE(metrics=[*BINARY], chunk_size=size, problem_type="classification_binary", **columns)
    return estimates(estimator, BINARY, reference, window)


def classes(reference, window, size: int):
    "Estimate the metrics of three classes."
    scores = {level: f"y_pred_proba_{level}" for level in sorted(reference["y_true"].unique())}
    columns = {"y_pred_proba": scores, "y_pred": "y_pred", "y_true": "y_true"}
    estimator = nml.CBPE(
        metrics=[*CLASSES], chunk_size=size, problem_type="classification_multiclass", **columns
    )
    return estimates(estimator, CLASSES, reference, window)


def quantity(reference, window, features: list[str], size: int):
    "Estimate the losses of a quantity with a second model."
    columns = {"feature_column_names": features, "y_pred": "y_pred", "y_true": "y_true"}
    estimator = nml.DLE(metrics=[*LOSSES], chunk_size=size, **columns)
    return estimates(estimator, LOSSES, reference, window)


def drift(reference, window, numbers: list[str], texts: list[str], size: int):
    "Measure the distances of each column in each chunk."
    methods = {
        "continuous_methods": ["jensen_shannon", "kolmogorov_smirnov", "wasserstein"],
        "categorical_methods": ["jensen_shannon", "chi2", "l_infinity"],
    }
    calculator = nml.UnivariateDriftCalculator(
        column_names=[*numbers, *texts], treat_as_categorical=texts, chunk_size=size, **methods
    )
    table = calculator.fit(reference.iloc[:EXACT]).calculate(window).filter(period="analysis").to_df()
    names = dict.fromkeys(numbers, methods["continuous_methods"])
    names |= dict.fromkeys(texts, methods["categorical_methods"])
    return {
        name: {method: table[(name, method, "value")].tolist() for method in listed}
        for name, listed in names.items()
    }


def main(folder: Path, rows: int | None) -> None:
    "Ask about all three data sets."
    folder.mkdir(parents=True, exist_ok=True)
    answers = {"source": f"NannyML {nml.__version__}, its own synthetic data sets"}
    for name, load, work in (
        ("loan", nml.load_synthetic_car_loan_dataset, ask_loan),
        ("card", nml.load_synthetic_multiclass_classification_dataset, ask_card),
        ("price", nml.load_synthetic_car_price_dataset, ask_price),
    ):
        reference, window, outcomes = load()
        window = window.merge(outcomes, left_on="id", right_on=outcomes.columns[0])
        reference, window = (
            part.iloc[:rows].drop(columns="timestamp").copy() for part in (reference, window)
        )
        answers[name] = work(reference, window, len(window) // CHUNKS)
        for part, table in (("reference", reference), ("window", window)):
            if rows:
                answers[name][part] = {column: table[column].tolist() for column in table if column in KEPT}
            else:
                table.to_parquet(folder / f"{name}-{part}.parquet")
    (folder / "answers.json").write_text(json.dumps(answers))


def ask_loan(reference, window, size: int):
    for part in (reference, window):
        part["untied"] = untied(part["y_pred_proba"])
    numbers = ["car_value", "debt_to_income_ratio", "driver_tenure"]
    texts = ["salary_range", "size_of_downpayment"]
    return {
        "size": size,
        "estimates": binary(reference, window, "y_pred_proba", size),
        "untied": binary(reference, window, "untied", size),
        "drift": drift(reference, window, numbers, texts, size),
    }


def ask_card(reference, window, size: int):
    numbers, texts = ["app_behavioral_score", "credit_bureau_score"], ["acq_channel", "app_channel"]
    return {
        "size": size,
        "estimates": classes(reference, window, size),
        "drift": drift(reference, window, numbers, texts, size),
    }


def ask_price(reference, window, size: int):
    features = ["car_age", "km_driven", "price_new", "accident_count", "door_count"]
    numbers, texts = ["km_driven", "price_new"], ["fuel", "transmission"]
    return {
        "size": size,
        "estimates": quantity(reference, window, features, size),
        "drift": drift(reference, window, numbers, texts, size),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
