"""Bundles: one file, verified and signature checked on the way in."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from goldenpath.errors import BadInput, GateRefused, NotTrusted, VolumeFault
from goldenpath.registry.bundle import export_bundle, import_bundle
from goldenpath.registry.registry import Keys, Registry
from tests.helpers.candidates import make_candidate
from tests.registry.test_signing import make_keys


@pytest.fixture
def bundle(tmp_path: Path, keys: Keys) -> Path:
    "Return a signed version of a development namespace."
    development = Registry(tmp_path / "development", "churn", keys)
    version = development.publish(make_candidate(tmp_path / "c"))
    export_bundle(development, version, tmp_path / "one.bundle")
    return tmp_path / "one.bundle"


def test_a_signed_version_arrives_with_its_signature(home: Path, bundle: Path, keys: Keys) -> None:
    registry = Registry(home, "churn", Keys(verify_with=keys.verify_with, required=True))
    version = import_bundle(registry, bundle)
    assert registry.verify(version).version == version
    assert import_bundle(registry, bundle) == version
    assert registry.versions() == [version]


def test_a_bundle_is_the_same_file_every_time(tmp_path: Path, bundle: Path, keys: Keys) -> None:
    development = Registry(tmp_path / "development", "churn", keys)
    export_bundle(development, development.versions()[0], tmp_path / "again.bundle")
    assert (tmp_path / "again.bundle").read_bytes() == bundle.read_bytes()
    with pytest.raises(BadInput, match=r"again.bundle exists already"):
        export_bundle(development, development.versions()[0], tmp_path / "again.bundle")


def test_a_bundle_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, bundle: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    development = Registry(tmp_path / "development", "churn", keys)
    file, fsync, named = tmp_path / "again.bundle", os.fsync, list[bool]()

    def noted(descriptor: int) -> None:
        named.append(file.exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    export_bundle(development, development.versions()[0], file)
    assert named == [False]


def test_a_bundle_that_is_not_signed_as_asked_is_refused(home: Path, tmp_path: Path, bundle: Path) -> None:
    others = make_keys(tmp_path / "others")
    with pytest.raises(NotTrusted, match=r"is signed by [0-9a-f]{16} only, and .*key.pub is required"):
        import_bundle(Registry(home, "churn", others), bundle)
    unsigned = repacked(bundle, lambda name, content: None if name.startswith("signatures") else content)
    with pytest.raises(NotTrusted, match="is not signed, and"):
        import_bundle(Registry(home, "churn", others), unsigned)
    assert Registry(home, "churn").versions() == []


def test_an_altered_bundle_is_refused(home: Path, bundle: Path, keys: Keys) -> None:
    def altered(name: str, content: bytes) -> bytes:
        return content.replace(b'"seed": 42', b'"seed": 43') if name.endswith("manifest.json") else content

    with pytest.raises(NotTrusted, match="signature does not fit"):
        import_bundle(Registry(home, "churn", keys), repacked(bundle, altered))
    with pytest.raises(NotTrusted, match="was altered"):
        import_bundle(
            Registry(home, "churn"),
            repacked(bundle, lambda n, c: flip(c) if n.endswith("golden.json") else c),
        )
    assert Registry(home, "churn").versions() == []


def test_what_comes_from_elsewhere_gets_no_signature_of_ours(
    home: Path, tmp_path: Path, bundle: Path
) -> None:
    ours = make_keys(tmp_path / "ours").model_copy(update={"required": False})
    unsigned = repacked(bundle, lambda name, content: None if name.startswith("signatures") else content)
    registry = Registry(home, "churn", ours)
    version = import_bundle(registry, unsigned)
    assert not registry.signature_file(version, ours.sign_with).exists()
    with pytest.raises(NotTrusted, match="no known key vouches for its files"):
        registry.sign(version, ours.sign_with)


def test_a_link_among_the_signatures_carries_no_other_file_away(tmp_path: Path, bundle: Path) -> None:
    development = Registry(tmp_path / "development", "churn")
    version = development.versions()[0]
    (tmp_path / "secret").write_text("of this machine")
    planted = development.root / "signatures" / version / ("0" * 16)
    planted.mkdir()
    (planted / "model.sig").symlink_to(tmp_path / "secret")
    with pytest.raises(VolumeFault, match=r"0000/model\.sig"):
        export_bundle(development, version, tmp_path / "other.bundle")
    assert not (tmp_path / "other.bundle").exists()


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "version/../../evil", "version/sub/evil", "signatures/x/model.sig", "evil"],
)
def test_a_name_that_is_no_file_of_a_version_is_refused(home: Path, bundle: Path, name: str) -> None:
    with tarfile.open(bundle, "a") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(NotTrusted, match="which is not a file of a version"):
        import_bundle(Registry(home, "churn"), bundle)
    assert list(home.rglob("*evil*")) == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_whatever_is_no_regular_file_is_refused(home: Path, bundle: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("version/extra.json")
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(bundle, "a") as tar:
        tar.addfile(member)
    with pytest.raises(NotTrusted, match="which is not a file of a version"):
        import_bundle(Registry(home, "churn"), bundle)


def test_a_member_that_claims_too_much_is_refused_before_it_is_read(home: Path, tmp_path: Path) -> None:
    member = tarfile.TarInfo("version/golden.json")
    member.size = 1 << 40
    (tmp_path / "big.bundle").write_bytes(member.tobuf() + bytes(1024))
    with pytest.raises(NotTrusted, match=r"'version/golden.json' has 1099511627776 bytes"):
        import_bundle(Registry(home, "churn"), tmp_path / "big.bundle")


def test_what_is_no_bundle_is_said(home: Path, tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "text").write_text("not a bundle at all" * 100)
    (tmp_path / "cut").write_bytes(bundle.read_bytes()[:2000])
    with pytest.raises(NotTrusted, match="is not a bundle"):
        import_bundle(Registry(home, "churn"), tmp_path / "text")
    with pytest.raises(NotTrusted, match=r"is not a bundle|is missing"):
        import_bundle(Registry(home, "churn"), tmp_path / "cut")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        import_bundle(Registry(home, "churn"), tmp_path / "gone")
    assert list((home / "models").rglob(".staging*")) == []


def test_the_rules_of_publishing_hold_for_bundles_too(home: Path, tmp_path: Path, bundle: Path) -> None:
    registry = Registry(home, "churn")
    parts = {"contract": "c", "pipeline": "RandomForestClassifier()", "postprocess": "p"}
    registry.publish(make_candidate(tmp_path / "other", 2, fingerprint="e" * 64, fingerprint_parts=parts))
    with pytest.raises(GateRefused, match="raise MODEL_VERSION"):
        import_bundle(registry, bundle)
    with pytest.raises(NotTrusted, match="is a model named 'churn', not 'fraud'"):
        import_bundle(Registry(home, "fraud"), bundle)


def repacked(bundle: Path, change) -> Path:
    "Return the bundle with changed contents; what becomes None is left out."
    path = bundle.with_suffix(".changed")
    with tarfile.open(bundle) as old, tarfile.open(path, "w") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return path


def flip(content: bytes) -> bytes:
    "Return the same number of bytes, one of them another."
    return content[:-1] + bytes([content[-1] ^ 1])
