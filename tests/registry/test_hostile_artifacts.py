"""Attackers on the volume: each hostile artifact is refused for its own reason, and none is executed."""

import functools
import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from goldenpath.contract import CONTRACT
from goldenpath.errors import NotTrusted
from goldenpath.inference.engines import frame_of, layout_of
from goldenpath.model import preprocessing
from goldenpath.predict import load_predictor
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import columns_of_json
from tests.helpers import serving_fixtures
from tests.helpers.hostile_artifacts import (
    Canary,
    Innocent,
    edit_entry,
    edit_manifest,
    rehash,
    rewrite_schema,
    write_archive,
)

Attack = Callable[[Path, Path], None]  # on a candidate's folder, with a path that must never come to exist


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a candidate that nobody has touched."
    folder = tmp_path_factory.mktemp("sound") / "candidate"
    serving_fixtures.make_candidate(folder, seed=1, compiled=True, model=serving_fixtures.MODEL)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    "Return a copy for one attack."
    return Path(shutil.copytree(sound, tmp_path / "candidate"))


def test_what_nobody_touched_is_loaded_on_both_paths(folder: Path) -> None:
    assert load_predictor(folder).path == "onnx"
    assert load_predictor(folder, fast=False).path == "sklearn"


# In the place of the pipeline: pickles and skops files of dangerous things


def pickle_under_the_skops_name(folder: Path, canary: Path) -> None:
    put(folder, pickle.dumps(Canary(canary)))


def joblib_under_the_skops_name(folder: Path, canary: Path) -> None:
    joblib.dump(Canary(canary), folder / "model.skops")
    rehash(folder)


def archive_with_a_pickle_and_no_schema(folder: Path, canary: Path) -> None:
    write_archive(folder / "model.skops", {"model.pkl": pickle.dumps(Canary(canary))})
    rehash(folder)


def array_that_is_a_pickle(folder: Path, canary: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.array([Canary(canary)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(folder / "model.skops") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    arrays = {name: content.getvalue() for name in members if name.endswith(".npy")}
    write_archive(folder / "model.skops", {**members, **arrays})
    rehash(folder)


def function_that_runs_programs(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps({"call": os.system}))


def program_bound_to_its_argument(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(functools.partial(os.system, f"touch '{canary}'")))


def object_of_an_unknown_type(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(Innocent(canary)))


def operator_that_is_none(folder: Path, canary: Path) -> None:
    node = {"__loader__": "OperatorFuncNode", "__module__": "posix", "__class__": "system", "__id__": 1}
    attributes = {"attrs": {**json_node([f"touch '{canary}'"]), "__id__": 2}}
    put_schema(folder, {**node, **attributes})


def method_of_a_trusted_object(folder: Path, canary: Path) -> None:
    # The kind of hole of CVE-2025-54413: the type named for the check is not the one that is used.
    holder = {"__loader__": "ObjectNode", "__module__": "posix", "__class__": "system", "__id__": 2}
    content = {"func": "system", "obj": {**holder, "content": json_node({})}}
    node = {"__loader__": "MethodNode", "__module__": "builtins", "__class__": "str", "__id__": 1}
    put_schema(folder, {**node, "content": content})


def loader_that_does_not_exist(folder: Path, canary: Path) -> None:
    put_schema(folder, {"__loader__": "RunNode", "__module__": "os", "__class__": "system", "__id__": 1})


def list_of_its_own_trusted_types(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(Innocent(canary)))
    rewrite_schema(
        folder / "model.skops",
        lambda text: json.dumps(
            {**json.loads(text), "trusted": ["tests.helpers.hostile_artifacts.Innocent"]}
        ),
    )
    rehash(folder)


def type_of_somebodys_session(folder: Path, canary: Path) -> None:
    rewrite_schema(folder / "model.skops", lambda text: text.replace("sklearn.pipeline", "__main__"))
    rehash(folder)


# Allowed types with a state that compiled code would follow anywhere


def tree_with_a_child_that_is_not_there(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(with_estimator(RandomForestClassifier(2), "left_child", 10**9)))


def tree_that_never_ends(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(with_estimator(RandomForestClassifier(2), "right_child", 0)))


def histogram_tree_with_a_child_that_is_not_there(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(with_estimator(HistGradientBoostingClassifier(max_iter=2), "left", 10**9)))


def histogram_tree_that_never_ends(folder: Path, canary: Path) -> None:
    put(folder, skops.io.dumps(with_estimator(HistGradientBoostingClassifier(max_iter=2), "right", 0)))


def text_that_names_a_file(folder: Path, canary: Path) -> None:
    canary.with_name("secret").write_text("a secret")
    put(folder, skops.io.dumps(CountVectorizer(input="filename").fit([str(canary.with_name("secret"))])))


def pipeline_that_takes_fewer_columns(folder: Path, canary: Path) -> None:
    pipeline = with_estimator(LogisticRegression(), "", 0)
    pipeline[-1].coef_ = pipeline[-1].coef_[:, :-1]
    put(folder, skops.io.dumps(pipeline))


# Archives that want to be unpacked into too much, or elsewhere


def zip_bomb(folder: Path, canary: Path) -> None:
    write_archive(
        folder / "model.skops", {"schema.json": b"{}", "0.npy": bytes(64 << 20)}, zipfile.ZIP_DEFLATED
    )
    rehash(folder)


def bomb_whose_members_overlap(folder: Path, canary: Path) -> None:
    # Every entry of the directory points to the same data: small on disk, large when unpacked.
    path = folder / "model.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", b"{}")
        archive.writestr("0.npy", bytes(1 << 20))
        first = archive.infolist()[1]
        for number in range(1, 600):
            copy = zipfile.ZipInfo(f"{number}.npy")
            copy.header_offset, copy.CRC = first.header_offset, first.CRC
            copy.file_size = copy.compress_size = first.file_size
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    rehash(folder)


def archive_of_very_many_members(folder: Path, canary: Path) -> None:
    write_archive(folder / "model.skops", {"schema.json": b"{}"} | {f"{n}.npy": b"" for n in range(20_000)})
    rehash(folder)


def member_that_climbs_out(folder: Path, canary: Path) -> None:
    write_archive(folder / "model.skops", {"schema.json": b"{}", f"../{canary.name}": b"x"})
    rehash(folder)


def member_that_stands_twice(folder: Path, canary: Path) -> None:
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(folder / "model.skops", "a") as old,
    ):
        old.writestr("schema.json", b"{}")
    rehash(folder)


def schema_nested_without_end(folder: Path, canary: Path) -> None:
    write_archive(folder / "model.skops", {"schema.json": b"[" * 200_000})
    rehash(folder)


# Links, pipes and names


def pipeline_that_is_a_link_out(folder: Path, canary: Path) -> None:
    (folder / "model.skops").rename(folder.parent / "elsewhere.skops")
    (folder / "model.skops").symlink_to(folder.parent / "elsewhere.skops")


def manifest_that_is_a_link_out(folder: Path, canary: Path) -> None:
    (folder / "manifest.json").rename(folder.parent / "elsewhere.json")
    (folder / "manifest.json").symlink_to(folder.parent / "elsewhere.json")


def folder_that_is_a_link_out(folder: Path, canary: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def pipe_that_is_waited_for(folder: Path, canary: Path) -> None:
    (folder / "golden.json").unlink()
    os.mkfifo(folder / "golden.json")


def name_that_climbs_out(folder: Path, canary: Path) -> None:
    edit_entry(folder, "../../etc/passwd", sha256="0" * 64, size=1)


def name_from_the_root(folder: Path, canary: Path) -> None:
    edit_entry(folder, "/etc/passwd", sha256="0" * 64, size=1)


def code_that_came_along(folder: Path, canary: Path) -> None:
    (folder / "sitecustomize.py").write_text(f"open({str(canary)!r}, 'w')")


def folder_that_came_along(folder: Path, canary: Path) -> None:
    (folder / "goldenpath").mkdir()


def file_that_is_gone(folder: Path, canary: Path) -> None:
    (folder / "golden.json").unlink()


# A manifest that lies


def size_that_is_too_small(folder: Path, canary: Path) -> None:
    edit_entry(folder, "model.skops", size=10)


def size_beyond_all_bounds(folder: Path, canary: Path) -> None:
    edit_entry(folder, "model.skops", size=10**15)


def hash_of_something_else(folder: Path, canary: Path) -> None:
    edit_entry(folder, "model.skops", sha256="0" * 64)


def pipeline_that_is_not_listed(folder: Path, canary: Path) -> None:
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    edit_manifest(folder, files={name: entry for name, entry in files.items() if name != "golden.json"})


def newer_format(folder: Path, canary: Path) -> None:
    edit_manifest(folder, format=2)


def format_that_is_no_number(folder: Path, canary: Path) -> None:
    edit_manifest(folder, format="../1")


def key_that_nobody_knows(folder: Path, canary: Path) -> None:
    edit_manifest(folder, trusted_types=["posix.system"])


def key_that_stands_twice(folder: Path, canary: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(text.replace("{", '{"threshold": 0.0, ', 1))


def manifest_cut_off(folder: Path, canary: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(text[: len(text) // 2])


def manifest_nested_without_end(folder: Path, canary: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text("[" * 200_000)


def manifest_beyond_all_bounds(folder: Path, canary: Path) -> None:
    edit_manifest(folder, who="x" * (2 << 20))


def threshold_that_is_no_number(folder: Path, canary: Path) -> None:
    edit_manifest(folder, threshold=float("nan"))


def layout_of_other_columns(folder: Path, canary: Path) -> None:
    edit_manifest(folder, layout={"text": ["password"], "number": []})


# Content that was exchanged or damaged


def contract_of_another_model(folder: Path, canary: Path) -> None:
    contract = json.loads((folder / "contract.json").read_text())
    contract["target"]["positive"], contract["target"]["negative"] = "No", "Yes"
    (folder / "contract.json").write_text(json.dumps(contract))
    rehash(folder)


def contract_that_is_none(folder: Path, canary: Path) -> None:
    (folder / "contract.json").write_text('{"fields": 1}')
    rehash(folder)


def golden_rows_that_are_none(folder: Path, canary: Path) -> None:
    (folder / "golden.json").write_text('{"records": "all"}')
    rehash(folder)


def golden_rows_of_another_contract(folder: Path, canary: Path) -> None:
    (folder / "golden.json").write_text('{"records": [{"a": 1}], "probability": [0.5], "label": [true]}')
    rehash(folder)


def golden_answers_that_are_wrong(folder: Path, canary: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    golden["probability"] = [1 - answer for answer in golden["probability"]]
    (folder / "golden.json").write_text(json.dumps(golden))
    rehash(folder)


def golden_rows_without_an_answer_each(folder: Path, canary: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    golden["probability"].pop()
    (folder / "golden.json").write_text(json.dumps(golden))
    rehash(folder)


def golden_rows_without_a_label_each(folder: Path, canary: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    golden["label"].pop()
    (folder / "golden.json").write_text(json.dumps(golden))
    rehash(folder)


def golden_rows_that_prove_nothing(folder: Path, canary: Path) -> None:
    (folder / "golden.json").write_text('{"records": [], "probability": [], "label": []}')
    rehash(folder)


def pipeline_cut_off(folder: Path, canary: Path) -> None:
    content = (folder / "model.skops").read_bytes()
    (folder / "model.skops").write_bytes(content[: len(content) // 2])


def flipped_bit(folder: Path, canary: Path) -> None:
    flip(folder / "model.skops")


def flipped_bit_with_a_fitting_manifest(folder: Path, canary: Path) -> None:
    flip(folder / "model.skops")
    rehash(folder)


def calibrated_by(**calibration: Any) -> Attack:
    "Return an attack by maps of probabilities, with a manifest that fits."

    def attack(folder: Path, canary: Path) -> None:
        (folder / "calibration.json").write_text(json.dumps({"kind": "isotonic", **calibration}))
        edit_manifest(folder, calibration="isotonic")
        rehash(folder)

    return attack


def calibration_that_is_missing(folder: Path, canary: Path) -> None:
    edit_manifest(folder, calibration="isotonic")


def calibration_of_another_kind(folder: Path, canary: Path) -> None:
    calibrated_by(maps=[{"x": [0, 1], "y": [0.1, 0.9]}])(folder, canary)
    edit_manifest(folder, calibration="sigmoid")


def calibration_that_the_manifest_hides(folder: Path, canary: Path) -> None:
    (folder / "calibration.json").write_text('{"kind": "isotonic", "maps": [{"x": [0, 1], "y": [0.1, 0.9]}]}')
    rehash(folder)


CALIBRATIONS: dict[str, tuple[Attack, str]] = {
    "falls": (calibrated_by(maps=[{"x": [0, 1], "y": [0.9, 0.1]}]), r"not a Calibration: .*do not ascend"),
    "infinite": (
        calibrated_by(maps=[{"x": [0, 1], "y": ["-Infinity", 0.9]}]),
        r"not a Calibration: .*not between",
    ),
    "many": (calibrated_by(maps=[{"x": [*range(101)], "y": [*range(101)]}]), r"needs 2 to 100 knots"),
    "outside": (calibrated_by(maps=[{"x": [0, 1], "y": [0.1, 1.5]}]), r"leads to 0.1 and 1.5, not between"),
    "classes": (calibrated_by(maps=[{"x": [0, 1], "y": [0.1, 0.9]}] * 2), r"has 2 maps for 1 scores"),
    "unknown": (calibrated_by(maps=[], kind="pickle"), r"not a Calibration: Input should be"),
    "missing": (calibration_that_is_missing, r"is of kind None, its manifest says isotonic"),
    "other kind": (calibration_of_another_kind, r"is of kind isotonic, its manifest says sigmoid"),
    "hidden": (calibration_that_the_manifest_hides, r"is of kind isotonic, its manifest says None"),
}


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_a_calibration_that_is_none_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    attack, reason = CALIBRATIONS[name]
    attack(folder, tmp_path / "canary")
    with pytest.raises(NotTrusted, match=rf"calibration.json .*{reason}"):
        load_predictor(folder, fast=False)


ATTACKS: dict[Attack, str] = {
    pickle_under_the_skops_name: r"model.skops is not a skops file: File is not a zip file",
    joblib_under_the_skops_name: r"model.skops is not a skops file: File is not a zip file",
    archive_with_a_pickle_and_no_schema: r"holds no schema.json",
    array_that_is_a_pickle: r"cannot be built here: ValueError: Object arrays cannot be loaded",
    function_that_runs_programs: r"types that are not allowed: posix.system",
    program_bound_to_its_argument: r"types that are not allowed: .*posix.system",
    object_of_an_unknown_type: r"types that are not allowed: tests.helpers.hostile_artifacts.Innocent",
    operator_that_is_none: r"types that are not allowed: .*posix.system|cannot be built here",
    method_of_a_trusted_object: r"types that are not allowed: .*posix.system|cannot be built here",
    loader_that_does_not_exist: r"cannot be built here: .*RunNode",
    list_of_its_own_trusted_types: r"types that are not allowed: tests.helpers.hostile_artifacts.Innocent",
    type_of_somebodys_session: r"refers to __main__.Pipeline",
    tree_with_a_child_that_is_not_there: r"a tree whose node 0 of \d+ has the child 1000000000",
    tree_that_never_ends: r"a tree whose node 0 of \d+ has the child 0",
    histogram_tree_with_a_child_that_is_not_there: r"a tree whose node 0 of \d+ has the child 1000000000",
    histogram_tree_that_never_ends: r"a tree whose node 0 of \d+ has the child 0",
    text_that_names_a_file: r"a CountVectorizer with input='filename', which reads files",
    pipeline_that_takes_fewer_columns: r"cannot be asked here \(ValueError: .*\); train again",
    zip_bomb: r"would unpack from \d+ into 67108866 bytes",
    bomb_whose_members_overlap: r"would unpack from \d+ into 629145602 bytes",
    archive_of_very_many_members: r"holds 20001 members",
    member_that_climbs_out: r"holds a member named '../canary'",
    member_that_stands_twice: r"holds a member named 'schema.json', or twice",
    schema_nested_without_end: r"schema.json cannot be read: (maximum recursion depth|Stack overflow)",
    pipeline_that_is_a_link_out: r"model.skops is a link or no regular file",
    manifest_that_is_a_link_out: r"manifest.json is a link or no file of at most",
    folder_that_is_a_link_out: r"candidate is a link or a file, not a folder",
    pipe_that_is_waited_for: r"golden.json is a link or no regular file",
    name_that_climbs_out: r"lists '../../etc/passwd', which is not a plain file name",
    name_from_the_root: r"lists '/etc/passwd', which is not a plain file name",
    code_that_came_along: r"sitecustomize.py is not in the manifest",
    folder_that_came_along: r"candidate/goldenpath is not in the manifest",
    file_that_is_gone: r"golden.json is missing",
    size_that_is_too_small: r"model.skops has \d+ bytes, its manifest says 10",
    size_beyond_all_bounds: r"model.skops has 1000000000000000 bytes, more than 2147483648",
    hash_of_something_else: r"model.skops was altered: its sha256",
    pipeline_that_is_not_listed: r"golden.json is not in the manifest",
    newer_format: r"format 2 is newer than 1, which this library reads; upgrade goldenpath",
    format_that_is_no_number: r"manifest.json: format: Input should be 1",
    key_that_nobody_knows: r"manifest.json: trusted_types: Extra inputs are not permitted",
    key_that_stands_twice: r"is not JSON \(a key stands twice\)",
    manifest_cut_off: r"manifest.json is not JSON \(",
    manifest_nested_without_end: r"manifest.json is not JSON \((maximum recursion depth|Stack overflow)",
    manifest_beyond_all_bounds: r"manifest.json is a link or no file of at most 1048576 bytes",
    threshold_that_is_no_number: r"threshold nan is not within 0 and 1",
    layout_of_other_columns: r"asks for .*password",
    contract_of_another_model: r"contract.json is not the contract of the manifest",
    contract_that_is_none: r"contract.json is not a ContractSpec: ",
    golden_rows_that_are_none: r"golden.json is not a Golden: ",
    golden_rows_of_another_contract: r"answers differently here",
    golden_answers_that_are_wrong: r"answers differently here",
    golden_rows_without_an_answer_each: r"golden.json does not hold one answer per record",
    golden_rows_without_a_label_each: r"golden.json does not hold one answer per record",
    golden_rows_that_prove_nothing: r"golden.json has no records to prove a model with",
    pipeline_cut_off: r"model.skops has \d+ bytes, its manifest says",
    flipped_bit: r"model.skops was altered: its sha256",
    flipped_bit_with_a_fitting_manifest: r"cannot be (read|built here).*CRC|cannot be (read|built here)",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_hostile_artifact_is_refused_with_its_reason_and_never_executed(
    folder: Path, tmp_path: Path, attack: Attack
) -> None:
    attack(folder, tmp_path / "canary")
    with pytest.raises(NotTrusted, match=ATTACKS[attack]) as refusal:
        load_predictor(folder, fast=False)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "canary").exists()


# What only building the model shows, or asking it.
FOUND_AT_LOADING = {
    array_that_is_a_pickle,
    function_that_runs_programs,
    program_bound_to_its_argument,
    object_of_an_unknown_type,
    operator_that_is_none,
    method_of_a_trusted_object,
    loader_that_does_not_exist,
    list_of_its_own_trusted_types,
    tree_with_a_child_that_is_not_there,
    tree_that_never_ends,
    histogram_tree_with_a_child_that_is_not_there,
    histogram_tree_that_never_ends,
    text_that_names_a_file,
    pipeline_that_takes_fewer_columns,
    layout_of_other_columns,
    golden_rows_of_another_contract,
    golden_answers_that_are_wrong,
}


SEEN_IN_THE_FILES = [attack for attack in ATTACKS if attack not in FOUND_AT_LOADING]


@pytest.mark.parametrize("attack", SEEN_IN_THE_FILES, ids=lambda attack: attack.__name__)
def test_what_a_look_at_the_files_shows_is_not_published_either(
    folder: Path, home: Path, tmp_path: Path, attack: Attack
) -> None:
    attack(folder, tmp_path / "canary")
    registry = Registry(home, serving_fixtures.MODEL)
    with pytest.raises(NotTrusted, match=ATTACKS[attack]):
        registry.publish(folder)
    assert registry.versions() == []
    assert not (tmp_path / "canary").exists()


def test_a_compiled_model_that_answers_differently_is_not_used(folder: Path, tmp_path: Path) -> None:
    serving_fixtures.make_candidate(tmp_path / "other", seed=2, compiled=True)
    shutil.copyfile(tmp_path / "other" / "model.onnx", folder / "model.onnx")
    rehash(folder)
    predictor = load_predictor(folder)
    assert predictor.path == "sklearn"
    assert predictor.why.startswith("fast path refused on the golden rows: ")


def test_a_compiled_model_that_is_none_is_not_used(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"not a model")
    rehash(folder)
    predictor = load_predictor(folder)
    assert predictor.path == "sklearn"
    assert predictor.why.startswith("no fast path: ")


def test_a_compiled_model_that_reads_other_files_is_not_used(folder: Path, tmp_path: Path) -> None:
    import onnx

    (tmp_path / "secret").write_bytes(bytes(4096))
    model = onnx.load_from_string((folder / "model.onnx").read_bytes())
    stolen = onnx.TensorProto(name="stolen", data_type=onnx.TensorProto.FLOAT, dims=[1], data_location=1)
    stolen.external_data.add(key="location", value=str(tmp_path / "secret"))
    model.graph.initializer.append(stolen)
    model.graph.node[0].input[0] = "with_it"
    model.graph.node.insert(0, onnx.helper.make_node("Add", ["number", "stolen"], ["with_it"]))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    rehash(folder)
    predictor = load_predictor(folder)
    assert predictor.path == "sklearn"
    assert predictor.why.startswith("no fast path: ")


def test_a_version_under_the_name_of_another_is_refused(folder: Path, home: Path) -> None:
    registry = Registry(home, serving_fixtures.MODEL)
    version = registry.publish(folder)
    shutil.copytree(registry.folder(version), registry.folder("1.0.0-20260101T000000Z-00000000"))
    with pytest.raises(NotTrusted, match=f"says that it is {version} of {serving_fixtures.MODEL}"):
        registry.verify("1.0.0-20260101T000000Z-00000000")


def test_a_file_exchanged_after_the_check_is_not_loaded(folder: Path) -> None:
    from goldenpath.registry.artifact import load_pipeline, verify_files

    manifest = verify_files(folder)
    flip(folder / "model.skops")
    with pytest.raises(NotTrusted, match="was altered"):
        load_pipeline(folder, manifest)


def put(folder: Path, content: bytes) -> None:
    "Store these bytes as the pipeline, with a manifest that matches."
    (folder / "model.skops").write_bytes(content)
    rehash(folder)


def with_estimator(estimator: Any, field: str, value: int) -> Any:
    "Return a fitted pipeline whose first tree has this in a field of its root."
    rows = columns_of_json(CONTRACT.spec, serving_fixtures.records(300, 1))
    layout = layout_of(rows)
    model = make_pipeline(preprocessing(layout).set_params(text__sparse_output=False), estimator)
    model.fit(frame_of(rows, layout), np.arange(300) % 2)
    if hasattr(estimator, "_predictors"):
        estimator._predictors[0][0].nodes[field][0] = value
        return model
    if not hasattr(estimator, "estimators_"):
        return model
    state = estimator.estimators_[0].tree_.__getstate__()
    state["nodes"][field][0] = value
    estimator.estimators_[0].tree_.__setstate__(state)
    return model


def put_schema(folder: Path, root: dict) -> None:
    "Return a skops file of this one node."
    schema = {**root, "protocol": 2, "_skops_version": "0.16.0"}
    write_archive(folder / "model.skops", {"schema.json": json.dumps(schema).encode()})
    rehash(folder)


def json_node(value: object) -> dict:
    "Return a plain value, as skops writes it."
    return {
        "__loader__": "JsonNode",
        "__module__": "builtins",
        "__class__": "str",
        "__id__": 9,
        "content": json.dumps(value),
        "is_json": True,
    }


def flip(path: Path) -> None:
    "Turn one bit in the middle of a file."
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
