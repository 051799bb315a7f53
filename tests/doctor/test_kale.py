"""Kale in a workbench: its own package, installed beside this one, and what the doctor says of it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from goldenpath.doctor.kale import KALE, check_kale
from goldenpath.measure.environments import isolated_python
from goldenpath.settings import Settings, load_settings
from tests.helpers.project import PROJECT

COMPILE = """
import sys
from kale.processors.nbprocessor import NotebookProcessor

NotebookProcessor(sys.argv[1], {"pipeline_name": "x", "experiment_name": "x"}).run()
"""


@pytest.fixture
def settings() -> Settings:
    return load_settings(PROJECT / "settings.ini", {})


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "Return folders of Jupyter's data and configuration of its own."
    for kind in ("data", "config"):
        monkeypatch.setenv(f"JUPYTER_{kind.upper()}_DIR", str(tmp_path / kind))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "image"))
    (tmp_path / "share" / "labextensions" / KALE).mkdir(parents=True)
    return tmp_path


def configure(jupyter: Path, folder: str, content: object) -> None:
    page = jupyter / folder / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(json.dumps(content))


def test_a_panel_that_is_on_is_named_with_what_to_use_in_its_place(settings: Settings, jupyter: Path):
    (finding,) = check_kale(settings)
    assert (finding.what, finding.status) == ("Kale", "note")
    assert "stops at their cell tag `parameters`" in finding.detail
    assert "goldenpath pipeline export" in finding.remedy


def test_without_the_extension_nothing_is_said(settings: Settings, jupyter: Path):
    (jupyter / "share" / "labextensions" / KALE).rmdir()
    assert list(check_kale(settings)) == []


@pytest.mark.parametrize("disabled", [{KALE: True}, [KALE]])
def test_a_panel_that_is_disabled_is_not_named(settings: Settings, jupyter: Path, disabled: object):
    configure(jupyter, "image", {"disabledExtensions": disabled})
    assert list(check_kale(settings)) == []


def test_of_two_configurations_the_first_in_jupyters_own_order_decides(settings: Settings, jupyter: Path):
    configure(jupyter, "image", {"disabledExtensions": {KALE: False}})
    configure(jupyter, "config", {"disabledExtensions": {KALE: True}})
    assert len(list(check_kale(settings))) == 1


@pytest.mark.parametrize("content", [None, [], {"disabledExtensions": 3}])
def test_a_configuration_that_says_nothing_is_passed_over(settings: Settings, jupyter: Path, content: object):
    configure(jupyter, "config", content)
    assert len(list(check_kale(settings))) == 1


@pytest.mark.slow
def test_kale_itself_stops_at_the_steps_and_goes_the_way_that_the_doctor_names(
    settings: Settings, jupyter: Path, monkeypatch: pytest.MonkeyPatch
):
    python = isolated_python("kale", "kubeflow-kale==2.2.0")
    notebook = str(PROJECT / "notebooks" / "05_train.ipynb")
    done = subprocess.run([python, "-c", COMPILE, notebook], capture_output=True, text=True, check=False)
    assert done.stderr.endswith("ValueError: Unrecognized tag: parameters\n")
    monkeypatch.setenv("JUPYTER_PATH", str(python.parent.parent / "share" / "jupyter"))
    (finding,) = check_kale(settings)
    command = finding.remedy.rpartition("`jupyter ")[2].rstrip("`").split()
    subprocess.run(
        [python.parent / "jupyter", *command], env=dict(os.environ), capture_output=True, check=True
    )
    assert list(check_kale(settings)) == []
