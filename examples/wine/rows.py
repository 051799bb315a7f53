"""Write scikit-learn's 178 real wines as a CSV file: `python rows.py data/wine.csv`."""

import sys

from sklearn.datasets import load_wine

GROWERS = ("first", "second", "third")


def write_rows(path: str) -> None:
    "Write 13 numbers and the grower, as they would come out of a laboratory's table."
    table = load_wine(as_frame=True)
    grower = table.target.map(dict(enumerate(GROWERS)))
    data = table.data.rename(columns={"od280/od315_of_diluted_wines": "dilution"})
    data.assign(grower=grower).to_csv(path, index=False)


if __name__ == "__main__":
    write_rows(sys.argv[1])
