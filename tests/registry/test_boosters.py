"""A LightGBM model that would crash, hang or read files is refused before it is built."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io

from goldenpath.errors import NotTrusted
from goldenpath.model import TRUSTED_TYPES
from goldenpath.registry.artifact import pipeline_from
from tests.helpers.hostile_artifacts import rewrite_schema

lightgbm = pytest.importorskip("lightgbm", reason="the extra `boosting` is not installed")

ROWS = np.random.default_rng(0).normal(size=(200, 3))
AMOUNT = ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2]
OUTCOMES = {"binary": AMOUNT > 0, "classes": np.digitize(AMOUNT, [-0.5, 0.5]), "quantity": AMOUNT}
NO_SPLIT = np.ones(200)


def fitted(outcome: Any) -> Any:
    kind = lightgbm.LGBMRegressor if outcome.dtype == float else lightgbm.LGBMClassifier
    return kind(n_estimators=5, num_leaves=4, n_jobs=1, verbose=-1).fit(ROWS, outcome)


@pytest.mark.parametrize("outcome", [*OUTCOMES.values(), NO_SPLIT])
def test_what_lightgbm_wrote_is_loaded_and_answers_as_before(outcome: Any, tmp_path: Path) -> None:
    model = fitted(outcome)
    loaded = pipeline_from(skops.io.dumps(model), tmp_path / "model.skops", TRUSTED_TYPES)
    assert np.array_equal(loaded.predict(ROWS), model.predict(ROWS))


FORGED = {
    "child of itself": (r"left_child=.*", "left_child=0 0 0", "whose node 0 of 3 has the child 0"),
    "child out of bounds": (r"right_child=.*", "right_child=99 -3 -4", "has the child 99"),
    "leaf out of bounds": (r"right_child=.*", "right_child=-99 -3 -4", "has the child -99"),
    "feature out of bounds": (r"split_feature=.*", "split_feature=7 0 0", "asks for feature 7 of 3"),
    "short list": (r"leaf_value=.*", "leaf_value=1 2", "whose lists do not fit each other"),
    "many leaves": (r"num_leaves=4", "num_leaves=9", "whose lists do not fit each other"),
    "categories": (r"num_cat=0", "num_cat=1", "of categories"),
    "more keys": (r"is_linear=", "cat_threshold=1\nis_linear=", "of other parts"),
    "size": (r"tree_sizes=\d+", "tree_sizes=99999999", "says of tree 0 that it has 99999999 characters"),
    "fewer trees": (r"(tree_sizes=\d+) .*", r"\1", "has more trees than it says"),
    "classes": (r"num_class=1", "num_class=9", "has the objective 'binary sigmoid:1'"),
    "objective": (r"objective=.*", "objective=lambdarank", "has the objective 'lambdarank'"),
    "no model": (r"max_feature_idx=", "nothing=", "is not in the form that LightGBM writes"),
}


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> bytes:
    "Return a skops file whose description of the LightGBM model was changed."
    skops.io.dump(fitted(OUTCOMES["binary"]), path)

    def rewrite(schema: str) -> str:
        values = json.loads(schema)
        change(values["content"]["content"]["_Booster"])
        return json.dumps(values)

    rewrite_schema(path, rewrite)
    return path.read_bytes()


@pytest.mark.parametrize("forgery", list(FORGED))
def test_a_forged_model_is_refused_before_it_is_built(forgery: str, tmp_path: Path) -> None:
    before, after, reason = FORGED[forgery]

    def forge(booster: dict[str, Any]) -> None:
        handle = booster["content"]["content"]["_handle"]
        text = re.sub(before, after, json.loads(handle["content"]), count=1)
        if not before.startswith(("tree_sizes", "(tree_sizes")):
            size = text.index("Tree=1\n") - text.index("Tree=0\n")
            text = re.sub(r"tree_sizes=\d+", f"tree_sizes={size}", text, count=1)
        handle["content"] = json.dumps(text)

    content = edited(tmp_path / "model.skops", forge)
    with pytest.raises(NotTrusted, match=reason):
        pipeline_from(content, tmp_path / "model.skops", TRUSTED_TYPES)


def test_a_model_that_is_built_in_another_way_is_refused(tmp_path: Path) -> None:
    content = edited(tmp_path / "model.skops", lambda booster: booster.update(__loader__="TreeNode"))
    with pytest.raises(NotTrusted, match="is not in the form that LightGBM writes"):
        pipeline_from(content, tmp_path / "model.skops", TRUSTED_TYPES)
