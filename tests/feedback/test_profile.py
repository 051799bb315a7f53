"""What a profile may hold: others can write to the volume, so values are checked when they are read."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from pydantic import ValidationError

from goldenpath.errors import NotTrusted
from goldenpath.feedback.profile import PROFILE, FieldProfile, Profile, read_profile
from goldenpath.registry.artifact import read_manifest, write_manifest
from goldenpath.registry.manifest import Manifest
from goldenpath.schema.spec import ContractSpec
from tests.helpers.profiles import small_profile
from tests.helpers.project import PROJECT


def changed(**field: Any) -> str:
    "Return the profile as JSON with other values of its number."
    values = json.loads(small_profile().model_dump_json())
    values["fields"][1] |= field
    return json.dumps(values)


def test_a_profile_is_the_same_after_it_was_written_and_read():
    assert Profile.model_validate_json(small_profile().model_dump_json()) == small_profile()


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"edges": [60, 30]}, "must ascend"),
        ({"edges": [30, 30]}, "repeats a cell"),
        ({"edges": [30, float("nan")]}, "finite"),
        ({"edges": [30, 1e999]}, "finite"),
        ({"edges": [30]}, "one count for each cell"),
        ({"edges": list(range(1000)), "counts": [1] * 1001}, "at most 19"),
        ({"counts": [1, -1, 1]}, "greater than or equal to 0"),
        ({"counts": [1, 2**60, 1]}, "less than or equal"),
        ({"lowest": 91}, "above its highest"),
        ({"levels": ["a", "b"]}, "levels and edges"),
        ({"means": [1.0]}, "one mean for each cell"),
        ({"surprise": 1}, "not permitted"),
    ],
)
def test_hostile_values_of_a_field_are_refused(field: dict[str, Any], reason: str):
    with pytest.raises(ValidationError, match=reason):
        Profile.model_validate_json(changed(**field))


def test_a_text_field_has_at_most_fifty_levels():
    levels = tuple(map(str, range(51)))
    with pytest.raises(ValidationError, match="at most 50"):
        FieldProfile(name="word", levels=levels, counts=(9,) * 52)


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ({"starts": [0, 600, 300]}, "must ascend"),
        ({"starts": [1, 300, 600]}, "begins at 0"),
        ({"starts": [0, 300, 1000]}, "beyond the last cell"),
        ({"means": [0.1, 0.4]}, "one count and mean"),
        ({"knots": [[0.5, 0.1], [0.5, 0.2]]}, "must ascend"),
        ({"knots": [[0.5, 1.1]]}, "less than or equal to 1"),
        ({"losses": {"absolute": {"mean": [1.0], "deviation": [1.0]}}}, "one loss by group"),
        (
            {"losses": {"absolute": {"mean": [-1.0] * 3, "deviation": [1.0] * 3}}},
            "greater than or equal to 0",
        ),
    ],
)
def test_hostile_values_of_a_score_are_refused(score: dict[str, Any], reason: str):
    values = json.loads(small_profile().model_dump_json())
    values["scores"][0] |= score
    with pytest.raises(ValidationError, match=reason):
        Profile.model_validate_json(json.dumps(values))


STORED = PROJECT / "tests" / "data" / "format-1" / "home" / "models" / "covid-death" / "versions"


@pytest.fixture
def version(tmp_path: Path) -> Path:
    "Return a copy of a version that an older release made."
    return copytree(next(STORED.iterdir()), tmp_path / "version")


def with_profile(version: Path, profile: Profile) -> Manifest:
    "Add a profile to a version as a publisher would."
    (version / PROFILE).write_text(profile.model_dump_json())
    return write_manifest(version, read_manifest(version))


def fitting(version: Path) -> Profile:
    "Return a profile of one row for the contract of a version."
    spec = ContractSpec.model_validate_json((version / "contract.json").read_bytes())
    fields = tuple(FieldProfile(name=field.name, levels=(), counts=(1,)) for field in spec.inputs)
    score = small_profile().scores[0].model_copy(update={"name": spec.target.outcomes[1]})
    return small_profile().model_copy(update={"fields": fields, "scores": (score,), "labels": {}})


def test_a_version_of_an_older_release_has_no_profile(version: Path):
    assert read_profile(version, read_manifest(version)) is None


def test_a_profile_is_read_if_it_fits_the_contract(version: Path):
    manifest = with_profile(version, fitting(version))
    assert read_profile(version, manifest) == fitting(version)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fields": small_profile().fields}, "not those of the contract"),
        ({"scores": small_profile().scores}, "not those of the target"),
        ({"labels": {"someone": 1}}, "labels are not"),
        ({"task": "quantity"}, "not those of the target"),
    ],
)
def test_a_profile_of_another_contract_is_refused(version: Path, change: dict[str, Any], reason: str):
    manifest = with_profile(version, fitting(version).model_copy(update=change))
    with pytest.raises(NotTrusted, match=reason):
        read_profile(version, manifest)


def test_a_profile_that_was_altered_after_it_was_published_is_refused(version: Path):
    manifest = with_profile(version, fitting(version))
    (version / PROFILE).write_text(small_profile().model_dump_json())
    with pytest.raises(NotTrusted, match="was altered"):
        read_profile(version, manifest)
