"""Signatures: who asks for them gets nothing that is unsigned, wrongly signed or altered."""

import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from goldenpath.cli import cli
from goldenpath.errors import BadInput, NotTrusted
from goldenpath.registry import signing, versions
from goldenpath.registry.registry import Keys, Registry, open_registry
from goldenpath.settings import load_settings
from serving import worker
from tests.helpers import serving_fixtures
from tests.helpers.candidates import make_candidate, manifest
from tests.helpers.registries import history_of

BY = {"who": "ada@example.org", "why": "compared with the run's candidate"}
LATER = "1.0.0-20270101T000000Z-00000001"  # the same model, trained again


@pytest.fixture
def ours(tmp_path: Path) -> Keys:
    return make_keys(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Keys:
    return make_keys(tmp_path / "theirs")


def make_keys(folder: Path, private=None) -> Keys:
    "Return a pair of keys as PEM files, and a reader that requires signatures."
    folder.mkdir()
    private = private or ec.generate_private_key(ec.SECP256R1())
    secret = private.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    public = private.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pub").write_bytes(public)
    return Keys(sign_with=folder / "key.pem", verify_with=folder / "key.pub", required=True)


def test_what_is_published_with_a_key_is_signed_and_verifies(home: Path, tmp_path: Path, ours: Keys) -> None:
    version = Registry(home, "churn", ours).publish(make_candidate(tmp_path / "c"))
    assert Registry(home, "churn", ours).verify(version).version == version


def test_the_openssf_tool_itself_accepts_the_signature(home: Path, tmp_path: Path, ours: Keys) -> None:
    from model_signing.verifying import Config

    registry = Registry(home, "churn", ours)
    version = registry.publish(make_candidate(tmp_path / "c"))
    tool = Config().use_elliptic_key_verifier(public_key=ours.verify_with)
    tool.verify(registry.folder(version), registry.signature_file(version, ours.sign_with))


def test_an_unsigned_version_is_refused_where_a_signature_is_required(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    version = Registry(home, "churn").publish(make_candidate(tmp_path / "c"))
    with pytest.raises(NotTrusted, match=f"{version} is not signed, and .*key.pub is required"):
        Registry(home, "churn", ours).verify(version)
    relaxed = ours.model_copy(update={"required": False})
    assert Registry(home, "churn", relaxed).verify(version).version == version
    Registry(home, "churn").sign_unverified(version, ours.sign_with, **BY)
    assert Registry(home, "churn", ours).verify(version).version == version


def test_an_unsigned_version_gets_no_role_where_a_signature_is_required(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    version = Registry(home, "churn").publish(make_candidate(tmp_path / "c"))
    with pytest.raises(NotTrusted, match="is not signed"):
        Registry(home, "churn", ours).promote(version, **BY)
    Registry(home, "churn").promote(version, **BY)
    with pytest.raises(NotTrusted, match="is not signed"):
        Registry(home, "churn", ours).rollback(1, **BY)
    assert Registry(home, "churn").roles().number == 1


def test_a_version_signed_by_others_is_refused(home: Path, tmp_path: Path, ours: Keys, theirs: Keys) -> None:
    version = Registry(home, "churn", theirs).publish(make_candidate(tmp_path / "c"))
    with pytest.raises(NotTrusted, match=r"is signed by [0-9a-f]{16} only"):
        Registry(home, "churn", ours).verify(version)


def test_the_signature_of_another_version_is_refused(home: Path, tmp_path: Path, ours: Keys) -> None:
    registry = Registry(home, "churn", ours)
    one, two = (registry.publish(make_candidate(tmp_path / str(n), n)) for n in (1, 2))
    files = [registry.signature_file(version, ours.sign_with) for version in (one, two)]
    shutil.copyfile(files[0], tmp_path / "copy")
    files[1].unlink()
    shutil.copyfile(tmp_path / "copy", files[1])
    with pytest.raises(NotTrusted, match="signature does not fit: Signature mismatch"):
        registry.verify(two)


def test_a_rewritten_version_with_a_fitting_manifest_is_refused(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    registry = Registry(home, "churn", ours)
    version = registry.publish(make_candidate(tmp_path / "c"))
    shutil.rmtree(registry.folder(version))
    make_candidate(registry.folder(version), threshold=0.99)
    with pytest.raises(NotTrusted, match="signature does not fit: Signature mismatch"):
        registry.verify(version)
    relaxed = ours.model_copy(update={"required": False})
    with pytest.raises(NotTrusted, match="signature does not fit"):
        Registry(home, "churn", relaxed).verify(version)


def test_a_forged_signature_file_is_refused(home: Path, tmp_path: Path, ours: Keys) -> None:
    registry = Registry(home, "churn", ours)
    version = registry.publish(make_candidate(tmp_path / "c"))
    file = registry.signature_file(version, ours.sign_with)
    genuine = file.read_text()
    for forged in ("", "{}", "[" * 100_000, genuine[:-40], genuine.replace('"sig":"ME', '"sig":"MF')):
        file.unlink()
        file.write_text(forged)
        with pytest.raises(NotTrusted, match="signature"):
            registry.verify(version)


def test_publishing_again_signs_what_a_dead_publisher_left_unsigned(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    version = Registry(home, "churn").publish(make_candidate(tmp_path / "c"))
    assert Registry(home, "churn", ours).publish(tmp_path / "c") == version
    assert Registry(home, "churn", ours).verify(version).version == version


def test_an_unusable_key_says_how_to_make_one(home: Path, tmp_path: Path) -> None:
    candidate = make_candidate(tmp_path / "c")
    edwards = make_keys(tmp_path / "ed", ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(BadInput, match=r"not an elliptic key.*openssl ecparam -name prime256v1"):
        Registry(home, "churn", edwards).publish(candidate)
    gone = Keys(sign_with=tmp_path / "gone.pem")
    with pytest.raises(BadInput, match=r"gone.pem cannot be read: No such file.*signing_key"):
        Registry(home, "churn", gone).publish(candidate)
    with pytest.raises(BadInput, match="require_signature is on, but verify_key names no file"):
        Registry(home, "churn", Keys(required=True)).verify(Registry(home, "churn").versions()[0])


def test_server_and_batch_refuse_what_is_not_signed(
    home: Path, tmp_path: Path, ours: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = serving_fixtures.publish(home)
    serving_fixtures.promote(home, version)
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_VERIFY_KEY", str(ours.verify_with))
    monkeypatch.setenv("GOLDENPATH_REQUIRE_SIGNATURE", "yes")
    settings = load_settings()
    with pytest.raises(NotTrusted, match="is not signed"):
        worker.load(worker.registry_of(settings), settings, version)
    (tmp_path / "rows.csv").write_text("sex\n")
    scored = CliRunner().invoke(cli, ["batch", str(tmp_path / "rows.csv"), str(tmp_path / "out.csv")])
    assert (scored.exit_code, "is not signed" in scored.output) == (1, True)
    open_registry(settings).sign_unverified(version, ours.sign_with, **BY)
    assert worker.load(worker.registry_of(settings), settings, version).version == version


def test_the_keys_come_from_the_readers_settings(home: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_text(
        f"[a]\nhome = {home}\nverify_key = k.pub\nrequire_signature = yes\n"
    )
    registry = open_registry(load_settings(tmp_path / "settings.ini", {}))
    assert registry.keys == Keys(verify_with=tmp_path / "k.pub", required=True)


# Nothing gets a signature that nothing vouches for


def altered(registry: Registry, version: str) -> None:
    "Act as an attacker with write access: other content, a matching manifest, no signature."
    shutil.rmtree(registry.root / "signatures", ignore_errors=True)
    shutil.rmtree(registry.folder(version))
    make_candidate(registry.folder(version), threshold=0.99)


@pytest.mark.parametrize("reader", ["sign_with alone", "verify_with alone", "not required", "required"])
def test_the_next_run_does_not_sign_what_was_altered_under_the_same_identity(
    home: Path, tmp_path: Path, ours: Keys, reader: str
) -> None:
    version = Registry(home, "churn", ours).publish(make_candidate(tmp_path / "c"))
    altered(Registry(home, "churn"), version)
    changes = {
        "sign_with alone": {"verify_with": None, "required": False},
        "verify_with alone": {"sign_with": None},
        "not required": {"required": False},
        "required": {},
    }
    registry = Registry(home, "churn", ours.model_copy(update=changes[reader]))
    ways_out = rf"is not signed.*models sign {version} --unverified`, or .*models set-aside {version}"
    with pytest.raises(NotTrusted, match=rf"{version} claims to be .*{ways_out}"):
        registry.publish(make_candidate(tmp_path / "again", version=LATER))
    with pytest.raises(NotTrusted, match="is not signed"):
        Registry(home, "churn", ours).verify(version)
    assert registry.versions() == [version]


def test_a_model_that_is_trained_again_is_the_version_that_was_signed(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    registry = Registry(home, "churn", ours)
    version = registry.publish(make_candidate(tmp_path / "c"))
    assert registry.publish(make_candidate(tmp_path / "again", version=LATER)) == version
    assert registry.verify(version).version == version


def test_a_version_that_its_own_signature_does_not_fit_is_no_version_to_return(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    registry = Registry(home, "churn", Keys(sign_with=ours.sign_with))
    version = registry.publish(make_candidate(tmp_path / "c"))
    shutil.rmtree(registry.folder(version))
    make_candidate(registry.folder(version), threshold=0.99)
    with pytest.raises(NotTrusted, match="signature does not fit"):
        registry.publish(make_candidate(tmp_path / "again", version=LATER))


def test_what_was_exchanged_while_it_was_published_is_not_signed(
    home: Path, tmp_path: Path, ours: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = versions.place

    def exchanged(destination: Path, fill) -> None:
        place(destination, fill)
        shutil.rmtree(destination)
        make_candidate(destination, threshold=0.99)

    monkeypatch.setattr(versions, "place", exchanged)
    registry = Registry(home, "churn", ours)
    with pytest.raises(NotTrusted, match="is not what was signed"):
        registry.publish(make_candidate(tmp_path / "c"))
    assert not (registry.root / "signatures").exists()


def test_a_new_key_signs_only_what_a_known_key_vouches_for(
    home: Path, tmp_path: Path, ours: Keys, theirs: Keys
) -> None:
    for keys in (Keys(verify_with=ours.verify_with), Keys(sign_with=ours.sign_with)):
        version = Registry(home, "churn", ours).publish(make_candidate(tmp_path / "c"))
        registry = Registry(home, "churn", keys)
        registry.sign(version, theirs.sign_with)
        assert Registry(home, "churn", theirs).verify(version).version == version
        altered(registry, version)
        with pytest.raises(NotTrusted, match=r"no known key vouches for its files.*--unverified"):
            registry.sign(version, theirs.sign_with)
        assert not registry.signature_file(version, theirs.sign_with).exists()
        shutil.rmtree(registry.folder(version))


def test_an_old_signature_that_does_not_fit_keeps_a_new_key_from_signing(
    home: Path, tmp_path: Path, ours: Keys, theirs: Keys
) -> None:
    registry = Registry(home, "churn", ours)
    version = registry.publish(make_candidate(tmp_path / "c"))
    shutil.rmtree(registry.folder(version))
    make_candidate(registry.folder(version), threshold=0.99)
    with pytest.raises(NotTrusted, match="signature does not fit"):
        registry.sign(version, theirs.sign_with)


def test_who_signs_unverified_is_noted_in_the_history_before_the_signature_is_there(
    home: Path, tmp_path: Path, ours: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(home, "churn")
    version = registry.publish(make_candidate(tmp_path / "c"))
    champion = registry.promote(version, **BY).champion
    monkeypatch.setattr(versions, "replace_file", None)
    with pytest.raises(TypeError):
        registry.sign_unverified(version, ours.sign_with, **BY)
    noted = registry.roles()
    assert (noted.number, noted.champion, noted.who) == (2, champion, BY["who"])
    key = signing.key_id(ours.verify_with)
    assert noted.why == f"{version} signed unverified, with key {key}: {BY['why']}"


def test_even_unverified_only_an_intact_version_is_signed(home: Path, tmp_path: Path, ours: Keys) -> None:
    registry = Registry(home, "churn")
    version = registry.publish(make_candidate(tmp_path / "c"))
    file = registry.folder(version) / "golden.json"
    file.chmod(0o644)
    file.write_text("{}")
    with pytest.raises(NotTrusted, match=r"golden\.json"):
        registry.sign_unverified(version, ours.sign_with, **BY)
    assert history_of(registry) == []


def test_a_signature_speaks_for_the_manifest_that_was_verified_and_no_other(
    home: Path, tmp_path: Path, ours: Keys
) -> None:
    registry = Registry(home, "churn", ours)
    version = registry.publish(make_candidate(tmp_path / "c"))
    folder, found = registry.folder(version), registry.manifest(version)
    signature = registry.signature_file(version, ours.sign_with).read_bytes()
    signing.verify_signature(folder, found, signature, ours.verify_with)
    for other in (found.model_copy(update={"threshold": 0.99}), manifest()):
        with pytest.raises(NotTrusted, match="is not what was signed"):
            signing.verify_signature(folder, other, signature, ours.verify_with)


def test_without_the_library_the_project_is_installed_with_its_extra(
    home: Path, tmp_path: Path, ours: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(BadInput, match=r"pip install -e '\.\[signing\]'"):
        Registry(home, "churn", ours).publish(make_candidate(tmp_path / "c"))
