"""The workspace: devfile.yaml is valid by the published schema, and its commands are targets of make."""

import json
import re

import jsonschema
import pytest
import yaml

from tests.helpers.project import PROJECT

DEVFILE = yaml.safe_load((PROJECT / "devfile.yaml").read_text())
SCHEMA = json.loads((PROJECT / "tests" / "data" / "devfile" / "schema.json").read_text())


def test_it_is_valid_by_the_published_schema():
    jsonschema.validate(DEVFILE, SCHEMA)


def test_the_schema_refuses_a_component_without_an_image():
    (component,) = DEVFILE["components"]
    bare = component | {"container": {"cpuLimit": "4"}}
    with pytest.raises(jsonschema.ValidationError, match="'image' is a required property"):
        jsonschema.validate(DEVFILE | {"components": [bare]}, SCHEMA)


def test_its_commands_are_targets_of_make_and_run_in_its_component():
    targets = re.findall(r"^([\w./-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    (component,) = DEVFILE["components"]
    for command in DEVFILE["commands"]:
        make, target = command["exec"]["commandLine"].split()
        assert (make, command["exec"]["component"]) == ("make", component["name"])
        assert target in targets
