"""What must hold where less is installed than here: the serving image, the stock runtime image."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.measure.environments import isolated_python
from goldenpath.schema.golden import pool
from tests.helpers.project import PROJECT
from tests.helpers.pythons import find_python
from tests.helpers.requirements import needs
from tests.helpers.serving_fixtures import promote, publish
from tests.helpers.serving_program import running

HERE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
TRAINING_ONLY = ("matplotlib", "papermill", "jupyter_core", "nbdev", "elyra", "pyarrow", "skl2onnx", "oras")

IMPORT_ALL = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import goldenpath
names = [m.name for m in pkgutil.walk_packages(goldenpath.__path__, "goldenpath.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), goldenpath.__file__)
"""


@pytest.mark.slow
def test_the_server_answers_with_the_serving_extra_alone_and_without_the_steps(tmp_path: Path):
    wanted = [*HERE["dependencies"], *HERE["optional-dependencies"]["serving"]]
    python = isolated_python("serving", *wanted, "--constraint", str(PROJECT / "requirements.lock"))
    found = subprocess.run(
        [python, "-c", f"import importlib.util as u; print([n for n in {TRAINING_ONLY} if u.find_spec(n)])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
    for part in ("goldenpath", "serving"):
        ignored = shutil.ignore_patterns("steps", "__pycache__")
        shutil.copytree(PROJECT / part, tmp_path / "image" / part, ignore=ignored)
    shutil.copy(PROJECT / "settings.ini", tmp_path / "image")
    promote(tmp_path, publish(tmp_path))
    with running(tmp_path, project=tmp_path / "image", python=str(python)) as server:
        answer = server.post("/predict", pool(CONTRACT.spec, 1).records[0])
        assert answer.status == 200
        assert set(json.loads(answer.body)) >= {"label", "probability", "version"}
        assert server.get("/").status == 200
    doctor = subprocess.run(
        [python, "-m", "goldenpath", "doctor"],
        cwd=tmp_path / "image",
        env={**os.environ, "GOLDENPATH_HOME": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "champion" in doctor.stdout


@pytest.mark.slow
def test_the_library_imports_on_the_stock_runtime_image_with_nothing_else(tmp_path: Path):
    python = find_python("3.12")
    needs("py312", python is not None, "there is no Python 3.12")
    wanted = [*HERE["dependencies"], *HERE["optional-dependencies"]["training"]]
    stock = PROJECT / "runtime-images" / "stock-runtime-3.6-py312.txt"
    there = isolated_python("stock", *wanted, "--constraint", str(stock), python=str(python))
    shutil.copytree(PROJECT / "goldenpath", tmp_path / "goldenpath")
    done = subprocess.run([there, "-c", IMPORT_ALL], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    count, where = done.stdout.split()
    assert int(count) > 40
    assert Path(where).is_relative_to(tmp_path)
