"""Make a copied repository a project of its own: `python3 template/first_day.py --name my-model`.

Needs git and Python 3.11, and nothing else.
"""

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

# ruff: noqa: E402  (of this project)
from goldenpath.errors import GoldenpathError
from goldenpath.origin.beginning import make_own, model_name


def main() -> None:
    "Name the project, write down what it began with, and remove what only goldenpath's own repository needs."
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--name", default=PROJECT.name, help="name of the model and of the project")
    parser.add_argument("--source", default="", help="address of the repository that this one was made from")
    options = parser.parse_args()
    try:
        removed = make_own(PROJECT, options.source, model_name(options.name))
    except GoldenpathError as fault:
        sys.exit(f"error: {fault}")
    print(f"removed: {', '.join(removed)}")


if __name__ == "__main__":
    main()
