"""Whatever the contract, a compiled candidate answers as scikit-learn does, for one record and for many."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenpath.inference.engines import OnnxEngine, SklearnEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.proof import prove
from goldenpath.model import CANDIDATES, NEEDS, build_pipeline
from goldenpath.records import Columns
from goldenpath.schema.contract import columns_of_json
from goldenpath.schema.features import date_parts, missing_marks
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.golden import pool
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import BinarySpec, ClassesSpec, QuantitySpec, TargetSpec

TARGETS: dict[str, TargetSpec] = {
    "binary": BinarySpec(column="outcome", positive="1", negative="0"),
    "classes": ClassesSpec(column="outcome", levels=("0", "1", "2")),
    "quantity": QuantitySpec(column="outcome", unit="days"),
}
PAIRS = [
    (task, candidate.__name__)
    for task, table in CANDIDATES.items()
    for candidate in table
    if candidate.__name__ not in NEEDS
]
FEW = {"max_iter": 5, "n_estimators": 5, "early_stopping": False}  # of the estimators that have them
BOUNDS = st.sampled_from([(0, 1), (-1_000, 1_000), (0, 1_000_000), (None, None)])
OPTIONAL = st.booleans()
FAR = [np.nan, 1e9, -1e9, 0.0]


@st.composite
def fields(draw: st.DrawFn) -> tuple[FieldSpec, ...]:
    "Draw one to six fields of any kind, required or optional."
    kinds = draw(
        st.lists(
            st.sampled_from(["level", "text", "number", "integer", "boolean", "date"]), min_size=1, max_size=6
        )
    )
    return tuple(draw(field(f"{kind} {place}", kind)) for place, kind in enumerate(kinds))


@st.composite
def field(draw: st.DrawFn, name: str, kind: str) -> FieldSpec:
    "Draw what a field of this kind allows."
    options: dict[str, Any] = {"optional": draw(OPTIONAL)}
    if kind == "level":
        options["levels"] = tuple(draw(st.lists(st.text("aä '\"", min_size=1), min_size=1, unique=True)))
    if kind in ("number", "integer"):
        options["lower"], options["upper"] = draw(BOUNDS)
    return FieldSpec(name=name, kind=kind, **options)


def completed(spec: ContractSpec, count: int, seed: int) -> Columns:
    "Draw records, with every level and border, as the model sees them."
    columns = columns_of_json(spec, pool(spec, count, seed).records)
    return {**columns, **date_parts(spec, columns), **missing_marks(spec, columns)}


def awkward(columns: Columns) -> Columns:
    "Put gaps, numbers far outside and a level that training never saw into the first rows."
    changed = {name: values.copy() for name, values in columns.items()}
    for values in changed.values():
        if values.dtype == object:
            values[:3] = ["never seen", "", "x" * 300]
        else:
            values[: len(FAR)] = FAR
    return changed


def small(task: str, candidate: str, layout: Any, free_text: tuple[str, ...]) -> Any:
    "Build a candidate of few trees."
    pipeline = build_pipeline(layout, 0, task, candidate)
    few = FEW.keys() & pipeline[-1].get_params().keys() if candidate != "linear" else ()
    return pipeline.set_params(**{f"estimator__{name}": FEW[name] for name in few})


@pytest.mark.parametrize(("task", "candidate"), PAIRS)
@settings(max_examples=4)
@given(fields(), st.integers(0, 1_000))
def test_a_candidate_of_any_contract_answers_as_scikit_learn_does(
    task: str, candidate: str, drawn: tuple[FieldSpec, ...], seed: int
) -> None:
    target = TARGETS[task]
    spec = ContractSpec(fields=drawn, target=target)
    columns = completed(spec, 60, seed)
    layout = layout_of(columns)
    random = np.random.default_rng(seed)
    rows = len(next(iter(columns.values())))
    outcome = random.normal(size=rows) if task == "quantity" else np.arange(rows) % len(target.outcomes)
    pipeline = small(task, candidate, layout, spec.free_text).fit(frame_of(columns, layout), outcome)
    asked = awkward(completed(spec, 30, seed + 1))
    expected = SklearnEngine(pipeline, layout, target).many(asked)
    engine = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
    proof = prove(engine, asked, expected, 0.5 if task == "binary" else None, singly=True)
    assert (proof.status, proof.reason) == ("proven", "")
