"""A notebook as it is committed: no outputs, no counts, no red cells, no metadata but tags and the kernel.

JupyterLab keeps outputs in the file (`make lab` cleans only what nobody reads when a notebook is saved);
git never sees them: `make lab` makes this file the filter that `.gitattributes` names for notebooks.
"""

import contextlib
import json
import sys

ERROR_TAG = "papermill-error-cell-tag"  # of the red cells that papermill puts into a notebook that failed
KERNEL = {"display_name": "python3", "language": "python", "name": "python3"}  # as nbdev-clean writes it


def clean(notebook: dict, outputs: bool) -> dict:  # a copy; `outputs`: are they kept?
    "Drop what changes from machine to machine."
    return {
        **notebook,
        "metadata": {"kernelspec": KERNEL},
        "cells": [clean_cell(cell, outputs) for cell in notebook["cells"] if not is_error_mark(cell)],
    }


def is_error_mark(cell: dict) -> bool:
    "Tell whether papermill added this cell because another one failed."
    return ERROR_TAG in cell["metadata"].get("tags", ())


def clean_cell(cell: dict, outputs: bool) -> dict:
    metadata = {"tags": cell["metadata"]["tags"]} if cell["metadata"].get("tags") else {}
    cleaned = {**cell, "metadata": metadata}
    if cell["cell_type"] == "code":
        cleaned["execution_count"] = None
        cleaned["outputs"] = [clean_output(one) for one in cell["outputs"]] if outputs else []
    return cleaned


def clean_output(output: dict) -> dict:
    return {**output, "execution_count": None} if "execution_count" in output else output


def main() -> None:
    "Filter a notebook from standard input to standard output; anything else passes unchanged."
    text = sys.stdin.read()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        cleaned = clean(json.loads(text), outputs=False)
        text = json.dumps(cleaned, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
