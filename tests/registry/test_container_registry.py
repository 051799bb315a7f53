"""Addresses of images, and credentials that reach the registry alone and no message."""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenpath.errors import BadInput, ImageRegistryFault
from goldenpath.registry.container_registry import parse_reference
from goldenpath.registry.credentials import credentials
from goldenpath.registry.registry import Registry
from tests.helpers.image_registry import HTPASSWD, PASSWORD, ImageRegistry, pulled, pushed, running_registry

pytestmark = pytest.mark.usefixtures("no_credentials")
MODEL = "churn"


@pytest.mark.parametrize(
    "address",
    ["churn:1", "docker://h/churn", "oci://", "oci://host", "oci://host/Churn", "oci://u:p@host/churn:1",
     "oci://host/churn:1@sha256:12", "oci://host/../churn", "oci://host/churn:1\n", "oci://host/churn?x=1"],
)  # fmt: skip
def test_what_is_no_address_of_an_image_is_bad_input(address: str) -> None:
    with pytest.raises(BadInput, match="is not the address of an image; write it as oci://HOST/NAME:TAG"):
        parse_reference(address)


def test_a_missing_tag_and_a_silent_registry_are_said(home: Path, image_registry: ImageRegistry) -> None:
    with pytest.raises(BadInput, match=r"has no such image: oci://127.*/churn:gone; look at name and tag"):
        pulled(Registry(home, MODEL), image_registry.address("gone"))
    with pytest.raises(BadInput, match="names no tag and no digest"):
        pulled(Registry(home, MODEL), "oci://host/churn")
    with pytest.raises(ImageRegistryFault, match=r"registry 127.0.0.1:1 cannot be asked: Connection refused"):
        pulled(Registry(home, MODEL), "oci://127.0.0.1:1/churn:1")


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageRegistry]:
    "Yield a registry behind a password."
    with running_registry(tmp_path_factory.mktemp("closed"), HTPASSWD) as registry:
        yield registry


def auth_file(path: Path, key: str, password: str = PASSWORD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"ada:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {key: {"auth": auth}}}))
    return path


@pytest.mark.parametrize(
    ("variable", "file"),
    [
        ("REGISTRY_AUTH_FILE", "auth.json"),
        ("DOCKER_CONFIG", "docker/config.json"),
        ("XDG_RUNTIME_DIR", "run/containers/auth.json"),
        ("", ".docker/config.json"),
        ("", ".config/containers/auth.json"),
    ],
)
def test_credentials_come_from_the_usual_files(
    variable: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth_file(tmp_path / file, "host:5000/team" if "auth.json" in file else "host:5000")
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / file.split("/")[0]))
    found = credentials("host:5000", "team/churn")
    assert base64.b64decode(found["auths"]["host:5000"]["auth"]).decode() == f"ada:{PASSWORD}"
    assert credentials("other:5000", "team/churn") == {"auths": {}}


def test_credentials_of_a_helper_are_used(
    tmp_path: Path, home: Path, development: Registry, version: str, closed: ImageRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    helper = tmp_path / "bin" / "docker-credential-vault"
    helper.parent.mkdir()
    helper.write_text(f'#!/bin/sh\necho \'{{"Username": "ada", "Secret": "{PASSWORD}"}}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"credsStore": "vault"}))
    pushed(development, closed)
    assert pulled(Registry(home, MODEL), closed.address()) == version


def test_a_registry_behind_a_password_is_asked_with_it(
    tmp_path: Path, home: Path, development: Registry, version: str, closed: ImageRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(auth_file(tmp_path / "auth.json", closed.host)))
    pushed(development, closed)
    assert pulled(Registry(home, MODEL), closed.address()) == version


def test_no_message_names_a_secret(
    tmp_path: Path, development: Registry, closed: ImageRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = rf"registry {closed.host} refuses HEAD of team/churn \(401\): log in with `podman login"
    with pytest.raises(BadInput, match=refused):
        pushed(development, closed)
    auth_file(tmp_path / "auth.json", closed.host, "wrong secret")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    with pytest.raises(BadInput, match=refused) as error:
        pushed(development, closed)
    assert "secret" not in str(error.value)
    (tmp_path / "auth.json").write_text("{'secret")
    with pytest.raises(BadInput, match=r"auth.json are not JSON in the form of docker's config.json"):
        pushed(development, closed)
    (tmp_path / "auth.json").unlink()
    with pytest.raises(BadInput, match=r"REGISTRY_AUTH_FILE names .*auth.json, which is not there"):
        pushed(development, closed)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "")
    monkeypatch.setenv("HTTP_PROXY", "http://ada:secret@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(ImageRegistryFault, match="cannot be asked: Connection refused") as error:
        pushed(development, closed)
    assert "secret" not in str(error.value)


def test_without_the_extra_one_line_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oras.client", None)
    with pytest.raises(BadInput, match=r"need the extra `oci` .*; run `pip install -e '\.\[oci\]'`"):
        pulled(Registry(home, MODEL), "oci://127.0.0.1:1/churn:1")
