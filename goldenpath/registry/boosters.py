"""LightGBM's models, looked at before they are built: its reader follows numbers of nodes without a check.

A skops file holds such a model as text. Only the form that LightGBM itself writes is let through, of numeric
splits and of the objectives that `04_model` asks for.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goldenpath.errors import NotTrusted

TREE_KEYS = (
    *("num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type"),
    *("left_child", "right_child", "leaf_value", "leaf_weight", "leaf_count"),
    *("internal_value", "internal_weight", "internal_count", "is_linear", "shrinkage"),
)
BY_NODE = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
END = "end of trees\n"


def check_boosters(nodes: Iterator[dict[str, Any]], path: Path) -> None:
    "Check the nodes of a skops file that are LightGBM models. Raises NotTrusted."
    for node in nodes:
        if node.get("__class__") == "Booster":
            try:
                problem = booster_problem(_text(node))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                problem = f"is not in the form that LightGBM writes ({type(error).__name__})"
            if problem:
                raise NotTrusted(f"{path} holds a LightGBM model that {problem}; train it again")


def _text(node: dict[str, Any]) -> str:
    "Return the text of a model; another way to build one could name a file. Raises ValueError."
    handle = node["content"]["content"]["_handle"]
    if (node["__loader__"], handle["__loader__"]) != ("ObjectNode", "JsonNode"):
        raise ValueError("built in another way")
    return str(json.loads(handle["content"]))


def booster_problem(text: str) -> str:  # "" if there is none
    "Find the problem of a model's text, in words that follow 'that'. Raises KeyError, ValueError."
    head, rest = text.split("\n\nTree=0\n", 1)
    header = _values(head.removeprefix("tree\n"))
    classes, features = int(header["num_tree_per_iteration"]), int(header["max_feature_idx"]) + 1
    objectives = ["binary sigmoid:1", "regression"] if classes == 1 else [f"multiclass num_class:{classes}"]
    if int(header["num_class"]) != classes or header["objective"] not in objectives or not text.isascii():
        return f"has the objective {header['objective'][:40]!r} with {classes} trees for each round"
    start, body = 0, f"Tree=0\n{rest}"
    for number, size in enumerate(map(int, header["tree_sizes"].split())):
        block, start = body[start : start + size], start + size
        if size < 1 or not block.startswith(f"Tree={number}\n") or not block.endswith("\n\n\n"):
            return f"says of tree {number} that it has {size} characters"
        if problem := _tree_problem(_values(block.split("\n", 1)[1].rstrip("\n")), features):
            return f"has a tree {number} {problem}"
    return "" if body[start:].startswith(END) else "has more trees than it says"


def _values(lines: str) -> dict[str, str]:
    "Read lines `key=value`, or `key` alone. Raises ValueError for a key that stands twice."
    pairs = [line.partition("=")[::2] for line in lines.split("\n")]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands twice")
    return values


def _tree_problem(tree: dict[str, str], features: int) -> str:
    if tuple(tree) != TREE_KEYS:
        return "of other parts"
    leaves = int(tree["num_leaves"])
    inner = {key: [float(value) for value in tree[key].split()] for key in BY_NODE}
    if tree["num_cat"] != "0" or tree["is_linear"] != "0" or any(kind % 2 for kind in inner["decision_type"]):
        return "of categories or of linear leaves"
    if {len(values) for values in inner.values()} != {leaves - 1} or len(
        tree["leaf_value"].split()
    ) != leaves:
        return "whose lists do not fit each other"
    for node in range(leaves - 1):
        if not 0 <= int(tree["split_feature"].split()[node]) < features:
            return f"that asks for feature {tree['split_feature'].split()[node]} of {features}"
        for child in (int(inner["left_child"][node]), int(inner["right_child"][node])):
            if not (node < child < leaves - 1 or -leaves <= child < 0):
                return f"whose node {node} of {leaves - 1} has the child {child}"
    return ""
