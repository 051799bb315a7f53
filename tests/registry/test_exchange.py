"""Versions as images in a real container registry: the same bytes every time, verified on the way in."""

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.errors import GateRefused, NotTrusted
from goldenpath.registry.bundle import export_bundle
from goldenpath.registry.container_registry import parse_reference
from goldenpath.registry.exchange import push_version
from goldenpath.registry.image import CONFIG_TYPE, LAYER_TYPE, VERSION_LAYER
from goldenpath.registry.registry import Keys, Registry
from tests.helpers.candidates import make_candidate
from tests.helpers.image_registry import ImageRegistry, image, pulled, pushed
from tests.helpers.requirements import needs
from tests.registry.test_signing import make_keys

pytestmark = pytest.mark.usefixtures("no_credentials")
MODEL = "churn"


def test_a_signed_version_arrives_with_its_signature(
    home: Path, development: Registry, version: str, keys: Keys, image_registry: ImageRegistry
) -> None:
    production = Registry(home, MODEL, Keys(verify_with=keys.verify_with, required=True))
    address = pushed(development, image_registry)
    assert pulled(production, image_registry.address()) == version
    assert production.verify(version).version == version
    assert pulled(production, address) == version
    assert production.versions() == [version]
    assert list((home / "models").rglob(".staging*")) == []


def test_the_image_of_a_version_has_the_same_bytes_every_time(
    home: Path, development: Registry, version: str, image_registry: ImageRegistry, keys: Keys
) -> None:
    production = Registry(home, MODEL, keys)
    first = pushed(development, image_registry, "first")
    pulled(production, first)
    assert pushed(production, image_registry, "second") == first
    assert image_registry.manifest("first") == image_registry.manifest("second")


def test_without_a_tag_the_versions_name_is_the_tag(
    development: Registry, version: str, image_registry: ImageRegistry
) -> None:
    place = parse_reference(image_registry.address().rpartition(":")[0])
    address = push_version(development, version, place)
    assert image_registry.manifest(version)["annotations"]["org.opencontainers.image.version"] == version
    assert address.digest.startswith("sha256:")


def test_skopeo_reads_the_image_and_finds_a_volume_whose_champion_is_the_version(
    tmp_path: Path, development: Registry, version: str, image_registry: ImageRegistry
) -> None:
    needs("skopeo", shutil.which("skopeo") is not None, "it is not installed (Debian: skopeo)")
    address = pushed(development, image_registry).removeprefix("oci://")
    copy = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{address}"]
    subprocess.run([*copy, f"dir:{tmp_path / 'copy'}"], check=True)
    (layer,) = json.loads((tmp_path / "copy" / "manifest.json").read_text())["layers"]
    with tarfile.open(tmp_path / "copy" / layer["digest"].removeprefix("sha256:")) as unpacked:
        unpacked.extractall(tmp_path / "mnt", filter="data")
    mounted = Registry(tmp_path / "mnt", MODEL, development.keys)
    assert mounted.resolve("champion") == version
    assert mounted.verify(version) == development.verify(version)


# What does not arrive


def test_an_image_that_is_not_signed_as_asked_is_refused(
    home: Path, tmp_path: Path, development: Registry, image_registry: ImageRegistry
) -> None:
    address = pushed(development, image_registry)
    with pytest.raises(NotTrusted, match=r"is signed by [0-9a-f]{16} only, and .*key.pub is required"):
        pulled(Registry(home, MODEL, make_keys(tmp_path / "others")), address)
    assert Registry(home, MODEL).versions() == []


def test_an_image_without_any_signature_is_refused_where_one_is_required(
    home: Path, tmp_path: Path, keys: Keys, image_registry: ImageRegistry
) -> None:
    unsigned = Registry(tmp_path / "unsigned", MODEL)
    unsigned.publish(make_candidate(tmp_path / "candidate"))
    address = pushed(unsigned, image_registry)
    with pytest.raises(NotTrusted, match=r"is not signed, and .*key.pub is required"):
        pulled(Registry(home, MODEL, Keys(verify_with=keys.verify_with, required=True)), address)
    assert Registry(home, MODEL).versions() == []


def test_the_rules_of_publishing_hold_for_images_too(
    home: Path, tmp_path: Path, development: Registry, image_registry: ImageRegistry
) -> None:
    address = pushed(development, image_registry)
    with pytest.raises(NotTrusted, match="holds a model named 'churn', not 'fraud'"):
        pulled(Registry(home, "fraud"), address)
    registry = Registry(home, MODEL)
    parts = {"contract": "c", "pipeline": "RandomForestClassifier()", "postprocess": "p"}
    registry.publish(make_candidate(tmp_path / "other", 2, fingerprint="e" * 64, fingerprint_parts=parts))
    with pytest.raises(GateRefused, match="raise MODEL_VERSION"):
        pulled(registry, address)


def test_other_bytes_than_the_digest_says_are_refused(
    home: Path, development: Registry, own: ImageRegistry
) -> None:
    address = pushed(development, own)
    stored = own.stored(own.manifest("1")["layers"][0]["digest"])
    good = stored.read_bytes()
    for bad in (good[:-1] + b"\1", good[:5000], good + bytes(1 << 22)):
        stored.write_bytes(bad)
        with pytest.raises(NotTrusted, match=r"holds sha256:[0-9a-f]{12}..., but the bytes are other ones"):
            pulled(Registry(home, MODEL), address)
    stored.write_bytes(good)
    manifest = own.stored(address.partition("@")[2])
    manifest.write_bytes(manifest.read_bytes().replace(MODEL.encode(), b"chorn"))
    with pytest.raises(NotTrusted, match="answers with another manifest, sha256:"):
        pulled(Registry(home, MODEL), address)
    assert Registry(home, MODEL).versions() == []
    assert list((home / "models").rglob(".staging*")) == []


@pytest.fixture
def version_files(tmp_path: Path, development: Registry, version: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    "Return the members of a bundle of the version."
    export_bundle(development, version, tmp_path / "bundle")
    with tarfile.open(tmp_path / "bundle") as bundle:
        return [(member, bundle.extractfile(member).read()) for member in bundle]


def layer_of(version: str, files: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    "Return a layer of these files of a version, at their places in an image."
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as layer:
        for member, data in files:
            at = member.name.replace("version/", f"models/{MODEL}/versions/{version}/", 1)
            member.name = at.replace("signatures/", f"models/{MODEL}/signatures/{version}/", 1)
            layer.addfile(member, io.BytesIO(data))
    return content.getvalue()


def put(registry: ImageRegistry, layer: bytes, version: str, kind: str = LAYER_TYPE) -> str:
    "Store an image with this layer; its address."
    title = {"org.opencontainers.image.title": VERSION_LAYER}
    config = registry.put_blob(b"{}", CONFIG_TYPE)
    registry.put_image(
        image(registry.put_blob(layer, kind, **title), config=config, title=MODEL, version=version)
    )
    return registry.address()


def extra(name: str, kind: bytes = tarfile.REGTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member, b""


def test_a_layer_made_by_hand_arrives(
    home: Path, version: str, version_files: list, image_registry: ImageRegistry
) -> None:
    "So that the refusals below are for their own reason."
    address = put(image_registry, layer_of(version, version_files), version)
    assert pulled(Registry(home, MODEL), address) == version


@pytest.mark.parametrize(
    "member",
    [
        extra("../evil"),
        extra("/etc/evil"),
        extra("models/churn/versions/../../evil"),
        extra("models/churn/versions/other/evil"),
        extra("version/sub/evil"),
        extra("models/churn/roles/000002/state.json"),
        extra("version/evil", tarfile.SYMTYPE),
        extra("version/evil", tarfile.LNKTYPE),
        extra("version/evil", tarfile.FIFOTYPE),
        extra("version/evil", tarfile.DIRTYPE),
        extra("version/golden.json"),
    ],
    ids=lambda member: f"{member[0].name} {member[0].type.decode()}",
)
def test_a_layer_with_what_is_no_file_of_the_version_is_refused(
    member: tuple, home: Path, version: str, version_files: list, image_registry: ImageRegistry
) -> None:
    address = put(image_registry, layer_of(version, [*version_files, member]), version)
    with pytest.raises(NotTrusted, match="which is not a file of a version, or twice"):
        pulled(Registry(home, MODEL), address)
    assert list(home.rglob("*evil*")) == []
    assert Registry(home, MODEL).versions() == []


def test_an_altered_file_in_a_sound_layer_is_refused(
    home: Path, version: str, version_files: list, image_registry: ImageRegistry
) -> None:
    files = [(m, d[:-1] + b" " if m.name.endswith("golden.json") else d) for m, d in version_files]
    with pytest.raises(NotTrusted, match="was altered"):
        pulled(Registry(home, MODEL), put(image_registry, layer_of(version, files), version))


def test_a_layer_that_claims_too_much_is_refused_before_it_is_fetched(
    home: Path, version: str, own: ImageRegistry
) -> None:
    put(own, b"", version)
    manifest = own.manifest("1")
    manifest["layers"][0]["size"] = 6 << 30
    own.put_image(manifest)
    with pytest.raises(NotTrusted, match=r"a version of 6,442,450,944 bytes; at most 5,368,709,120 are"):
        pulled(Registry(home, MODEL), own.address())


def test_a_header_that_claims_too_much_does_not_get_into_memory(
    home: Path, version: str, image_registry: ImageRegistry
) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 8 << 20
    address = put(image_registry, header.tobuf() + bytes(8 << 20), version)
    with pytest.raises(NotTrusted, match="is not a bundle: a header of 8388608 bytes"):
        pulled(Registry(home, MODEL), address)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE]
)
@pytest.mark.parametrize("size", [-512, -1024, -(1 << 40)])
def test_a_header_that_leads_backwards_is_refused(
    kind: bytes, size: int, home: Path, version: str, version_files: list, image_registry: ImageRegistry
) -> None:
    header = tarfile.TarInfo(f"models/{MODEL}/versions/{version}/golden.json")
    header.type, header.size = kind, size
    layer = header.tobuf(tarfile.GNU_FORMAT) + layer_of(version, version_files)
    with pytest.raises(NotTrusted):
        pulled(Registry(home, MODEL), put(image_registry, layer, version))
    assert Registry(home, MODEL).versions() == []


@pytest.mark.parametrize("kind", [f"{LAYER_TYPE}+gzip", "application/octet-stream"])
def test_a_layer_of_another_media_type_is_refused(
    kind: str, home: Path, version: str, version_files: list, image_registry: ImageRegistry
) -> None:
    layer = gzip.compress(layer_of(version, version_files))
    with pytest.raises(NotTrusted, match="holds a version of type"):
        pulled(Registry(home, MODEL), put(image_registry, layer, version, kind))


def test_what_is_no_image_of_a_version_is_refused(
    home: Path, version: str, image_registry: ImageRegistry
) -> None:
    config = image_registry.put_blob(b"{}", CONFIG_TYPE)
    layer = image_registry.put_blob(b"of another program", LAYER_TYPE)
    image_registry.put_image(image(layer, config=config, title=MODEL, version=version))
    with pytest.raises(NotTrusted, match="has 0 layers called goldenpath-version, not one"):
        pulled(Registry(home, MODEL), image_registry.address())
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    image_registry.put_image(index)
    with pytest.raises(NotTrusted, match="is not an image's manifest: config: Field required"):
        pulled(Registry(home, MODEL), image_registry.address())
    with pytest.raises(NotTrusted, match=r"names the version '\.\./x', which is not a plain name"):
        pulled(Registry(home, MODEL), put(image_registry, b"", "../x"))


# As a person types it


def test_the_commands_push_and_pull(
    home: Path, tmp_path: Path, development: Registry, version: str, image_registry: ImageRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("GOLDENPATH_MODEL", MODEL)
    monkeypatch.setenv("GOLDENPATH_HOME", str(tmp_path / "development"))
    done = CliRunner().invoke(cli, ["models", "push", version, image_registry.address()])
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    done = CliRunner().invoke(cli, ["models", "pull", done.stdout.strip()])
    assert (done.exit_code, done.stdout.strip()) == (0, version)
    assert f"goldenpath models promote {version}" in done.stderr
