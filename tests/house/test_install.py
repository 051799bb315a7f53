"""`make` runs nothing whose hash is not in a lock, and says what it is doing."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pip
import pytest

from tests.helpers.project import PROJECT

LOCKS = ("requirements.lock", "installer.lock")
# Stands for uv: notes how it is called, and prints what uv prints.
NOTES = """
import json, os, sys
with open(os.environ["UV_CALLS"], "a") as calls:
    calls.write(json.dumps([sys.argv[1:], "" if sys.stdin.isatty() else sys.stdin.read()]) + "\\n")
if "requirements.lock" in sys.argv:
    print("Resolved 2 packages in 1s\\nInstalled 2 packages in 1s\\n + numpy==2.4.6", file=sys.stderr)
sys.exit(os.environ["UV_FAILS"] == "yes")
"""


# Makes an environment with this one's pip, which takes a tenth of the time, and makes it once.
PYTHON = f"""#!/bin/sh
[ -e .venv/bin/python ] && exit
'{sys.executable}' -m venv --without-pip .venv
cp -r '{Path(pip.__file__).parent}' .venv/lib/python*/site-packages/
"""


def pinned(name: str) -> str:
    "Return the version in installer.lock."
    return re.findall(rf"(?m)^{name}==(\S+)", (PROJECT / "installer.lock").read_text())[0]


def make_wheel(folder: Path, name: str, version: str, main: str) -> str:  # its SHA-256
    "Write a wheel of one module that can be run."
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{name}/__main__.py": main,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Checkout:
    "A copy of what `make` needs, whose only package index is a folder with our own uv in it."

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls, self.index = folder, folder / "calls", folder.parent / "index"
        folder.mkdir()
        self.index.mkdir()
        self.python = folder / "python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        for name in ("Makefile", "pyproject.toml", *LOCKS):
            shutil.copy(PROJECT / name, folder / name)
        shutil.copytree(PROJECT / "runtime-images", folder / "runtime-images")
        wheels = {name: make_wheel(self.index, name, pinned(name), NOTES) for name in ("uv", "setuptools")}
        self.trusted = "".join(
            f"{name}=={pinned(name)} --hash=sha256:{digest}\n" for name, digest in wheels.items()
        )

    def make(self, target: str, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "UV_CALLS": str(self.calls)}
        outside = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
        command = ["make", target, "PYTHON=./python", *words]
        environ = {**outside, **own, "UV_FAILS": "yes" if fails else "no"}
        return subprocess.run(
            command, cwd=self.folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def called(self) -> list[tuple[list[str], str]]:
        "Return the arguments and the standard input of each call of uv."
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [tuple(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("install") / "my project")


def test_a_uv_with_another_hash_is_not_run(checkout):
    done = checkout.make(".venv/ready")
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert checkout.called() == []
    assert not (checkout.folder / ".venv" / "ready").exists()


@pytest.fixture(scope="module")
def installed(checkout):
    "Return the same checkout, in whose lock our uv is the right one; and what make printed."
    (checkout.folder / "installer.lock").write_text(checkout.trusted)
    failed = checkout.make(".venv/ready", fails=True)
    assert failed.returncode != 0
    assert not (checkout.folder / ".venv" / "ready").exists()
    done = checkout.make(".venv/ready")
    assert done.returncode == 0, done.stderr
    return checkout, done.stdout


def test_every_installation_checks_hashes_and_builds_only_what_is_named(installed):
    calls = [words for words, _ in installed[0].called() if words[:2] == ["pip", "install"]]
    assert calls
    for words in calls:
        if "-e" in words:  # the project itself, with the builder that the lock has installed
            assert {"--no-deps", "--no-build-isolation"} <= {*words}
            continue
        assert "--require-hashes" in words
        assert words[words.index("--only-binary") + 1] == ":all:"
        assert words[words.index("--build-constraints") + 1] == "installer.lock"
        assert words[words.index("-r") + 1] == "requirements.lock"


def test_make_says_what_it_installs_without_a_list_of_packages(installed):
    lines = installed[1].splitlines()
    assert lines[0].startswith("making .venv with")
    assert lines[1:] == ["  Resolved 2 packages in 1s", "  Installed 2 packages in 1s", "  compiling them"]


@pytest.mark.parametrize("upgrade", [True, False])
def test_make_lock_renews_the_pin_of_the_installer(installed, upgrade):
    checkout = installed[0]
    before = len(checkout.called())
    done = checkout.make("lock", *([] if upgrade else ["UPGRADE="]))
    assert done.returncode == 0, done.stderr
    calls = {words[words.index("-o") + 1]: (words, given) for words, given in checkout.called()[before:]}
    assert set(LOCKS) < calls.keys()
    for name in LOCKS:
        assert "--generate-hashes" in calls[name][0]
        assert ("--upgrade" in calls[name][0]) == upgrade
    assert {*calls["installer.lock"][1].split()} == {"uv", "setuptools"}
    mutants, given = calls["benchmarks/mutants.lock"]
    assert ("--generate-hashes" in mutants, "--upgrade" in mutants, given) == (True, upgrade, "mutmut\n")


def test_the_installers_lock_has_hashes_and_what_builds_the_packages_without_a_wheel():
    lock = (PROJECT / "installer.lock").read_text()
    assert lock.count("--hash=sha256:") > 2
    assert "://" not in lock
    everything = (PROJECT / "requirements.lock").read_text()
    assert f"setuptools=={pinned('setuptools')} " in everything
