"""Write scikit-learn's 442 real diabetes rows as a CSV file: `python rows.py data/diabetes.csv`."""

import sys

from sklearn.datasets import load_diabetes


def write_rows(path: str) -> None:
    "Write ten measurements and the progression after a year, unscaled."
    table = load_diabetes(as_frame=True, scaled=False)
    whole = {"age": table.data["age"].astype(int), "sex": table.data["sex"].astype(int).astype(str)}
    table.data.assign(**whole, progression=table.target).to_csv(path, index=False)


if __name__ == "__main__":
    write_rows(sys.argv[1])
