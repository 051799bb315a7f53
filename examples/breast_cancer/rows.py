"""Write scikit-learn's 569 real breast cancer rows as a CSV file: `python rows.py data/breast_cancer.csv`."""

import sys

from sklearn.datasets import load_breast_cancer


def write_rows(path: str) -> None:
    "30 numbers and the diagnosis, as they would come out of somebody's database."
    table = load_breast_cancer(as_frame=True)
    diagnosis = table.target.map(dict(enumerate(table.target_names)))
    table.data.assign(diagnosis=diagnosis).to_csv(path, index=False)


if __name__ == "__main__":
    write_rows(sys.argv[1])
