"""When a new MODEL_VERSION is needed: for new code, and for a changed contract."""

from pathlib import Path

import pytest

from goldenpath.errors import GateRefused, NotTrusted
from goldenpath.registry import versions
from goldenpath.registry.artifact import read_manifest, write_manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.spec import ContractSpec
from tests.helpers.candidates import AGE, COLOUR, SPEC, TARGET, make_candidate

GREEN = COLOUR.model_copy(update={"levels": ("blue", "red", "green")})
WIDER = ContractSpec(fields=(GREEN, AGE), target=TARGET)  # takes one colour more
OTHER = ContractSpec(fields=(COLOUR, FieldSpec(name="income", kind="number")), target=TARGET)


@pytest.fixture
def publish(home: Path, tmp_path: Path):
    numbers = iter(range(1, 100))

    def publish(model_version: str, spec: ContractSpec, model: str = "churn", **changes) -> str:
        number = next(numbers)
        changes = {"fingerprint": f"{model_version} {spec.hash}", **changes}
        folder = tmp_path / str(number)
        make_candidate(folder, number, spec=spec, model_version=model_version, model=model, **changes)
        return Registry(home, "churn").publish(folder)

    return publish


def test_a_breaking_contract_needs_a_new_major_number(publish) -> None:
    publish("1.0.0", SPEC)
    for same_major in ("1.0.1", "1.1.0"):
        with pytest.raises(GateRefused, match=r"'age' was removed.*needs a new major number"):
            publish(same_major, OTHER)
    publish("2.0.0", OTHER)


def test_a_compatible_contract_needs_a_new_minor_number(publish) -> None:
    publish("1.0.0", SPEC)
    with pytest.raises(GateRefused, match=r"also takes 'green'.*needs a new minor number"):
        publish("1.0.1", WIDER)
    publish("1.1.0", WIDER)
    publish("1.1.1", WIDER)


def test_an_older_minor_number_can_still_be_mended(publish) -> None:
    publish("1.0.0", SPEC)
    publish("1.2.0", WIDER)
    publish("1.0.1", SPEC)
    publish("1.1.0", SPEC)
    with pytest.raises(GateRefused, match="needs a new major number"):
        publish("1.1.1", OTHER)


def test_what_is_published_below_a_higher_minor_number_must_agree_with_it(publish) -> None:
    publish("1.2.0", WIDER)
    with pytest.raises(
        GateRefused, match=r"1\.1\.0-.* differs from that of 1\.2\.0-.*needs a new major number"
    ):
        publish("1.1.0", OTHER)


def test_an_older_major_number_binds_nobody_else(publish) -> None:
    publish("2.0.0", OTHER)
    publish("1.0.0", SPEC)


def test_numbers_are_compared_as_numbers(publish) -> None:
    publish("1.9.0", SPEC)
    publish("1.10.0", WIDER)
    with pytest.raises(
        GateRefused, match=r"1.10.1-.* differs from that of 1.10.0-.*needs a new major number"
    ):
        publish("1.10.1", SPEC)


def test_new_code_under_an_old_number_is_refused_and_says_what_changed(publish) -> None:
    publish("1.0.0", SPEC)
    parts = {"contract": SPEC.hash, "pipeline": "RandomForestClassifier()", "postprocess": "p"}
    said = (
        r"the model differs from 1\.0\.0-.*: the pipeline changed; raise MODEL_VERSION in goldenpath/__init__"
    )
    with pytest.raises(GateRefused, match=said):
        publish("1.0.0", SPEC, fingerprint="e" * 64, fingerprint_parts=parts)


def test_a_damaged_version_keeps_nobody_from_publishing(publish, home: Path) -> None:
    publish("1.0.0", SPEC)
    damaged = Registry(home, "churn").folder(publish("1.0.0", SPEC))
    for name in ("manifest.json", "contract.json"):
        (damaged / name).chmod(0o644)
        (damaged / name).write_text("{")
    publish("1.0.0", SPEC)
    with pytest.raises(GateRefused, match="needs a new major number"):
        publish("1.0.1", OTHER)


def test_a_contract_of_another_release_keeps_nobody_from_publishing(publish, home: Path) -> None:
    publish("1.0.0", SPEC)
    folder = Registry(home, "churn").folder(publish("1.0.0", SPEC))
    (folder / "contract.json").chmod(0o644)
    (folder / "contract.json").write_text('{"format": 2}')
    write_manifest(folder, read_manifest(folder))
    publish("1.0.0", SPEC)
    with pytest.raises(GateRefused, match="needs a new major number"):
        publish("1.0.1", OTHER)


def test_of_two_who_publish_different_code_at_once_under_one_number_the_one_who_sees_it_steps_back(
    publish, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"contract": SPEC.hash, "pipeline": "RandomForestClassifier()", "postprocess": "p"}
    theirs = make_candidate(tmp_path / "theirs", 50, fingerprint_parts=parts)
    place = versions.place

    def place_second(destination: Path, fill) -> None:
        monkeypatch.undo()
        Registry(home, "churn").publish(theirs)
        place(destination, fill)

    monkeypatch.setattr(versions, "place", place_second)
    with pytest.raises(GateRefused, match=r"the model differs from .*-00000032: "):
        publish("1.0.0", SPEC)
    assert [version[-2:] for version in Registry(home, "churn").versions()] == ["32"]


def test_a_candidate_of_another_model_is_refused(publish) -> None:
    with pytest.raises(NotTrusted, match="is a model named 'fraud', not 'churn'"):
        publish("1.0.0", SPEC, model="fraud")


def test_a_name_that_does_not_follow_from_version_and_identity_is_refused(publish) -> None:
    for name in ("1.0.1-20261121T000000Z-00000002", "1.0.0-20261121T000000Z-ffffffff", "latest"):
        with pytest.raises(NotTrusted, match=f"has the version name '{name}'"):
            publish("1.0.0", SPEC, version=name)


def test_what_was_defined_in_a_notebook_session_is_refused(home: Path, tmp_path: Path) -> None:
    from goldenpath.registry.artifact import write_manifest
    from tests.helpers.candidates import manifest
    from tests.helpers.hostile_artifacts import rewrite_schema

    candidate = make_candidate(tmp_path / "c")
    rewrite_schema(candidate / "model.skops", lambda text: text.replace("sklearn.pipeline", "__main__"))
    write_manifest(candidate, manifest())
    with pytest.raises(NotTrusted, match=r"refers to __main__.Pipeline: move it into .*04_model"):
        Registry(home, "churn").publish(candidate)
