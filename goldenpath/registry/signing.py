"""Signatures of versions in the OpenSSF Model Signing format, made and checked with elliptic keys.

The public key comes from the reader's configuration, never from the volume. The library is imported late: it
takes a second, and only those who sign or ask for signatures need it (extra `signing`).
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goldenpath.errors import BadInput, NotTrusted
from goldenpath.records import Frozen
from goldenpath.registry.artifact import MANIFEST, MANIFEST_LIMIT, parse_manifest
from goldenpath.registry.manifest import Manifest
from goldenpath.volume import faults, read_file

SIGNATURE = "model.sig"
SIGNATURE_LIMIT = 1 << 20  # bytes
NEW_KEY = "`openssl ecparam -name prime256v1 -genkey -noout -out key.pem` makes one"


class Keys(Frozen):
    "What the reader's own configuration says about signatures."

    sign_with: Path | None = None  # private key, PEM, not encrypted
    verify_with: Path | None = None  # public key, PEM
    required: bool = False  # refuse what is not signed by `verify_with`

    @property
    def public(self) -> Path | None:
        "The key to verify with. Raises BadInput where signatures are required and no key is named."
        if self.required and not self.verify_with:
            raise BadInput(
                "require_signature is on, but verify_key names no file: set it to the public key (PEM)"
            )
        return self.verify_with


def sign(folder: Path, manifest: Manifest, key: Path) -> bytes:
    """Sign a version's folder, if it holds what `manifest` names and nothing else; the signature.

    `manifest` is that of the candidate or of a version that was verified: an altered file is
    refused, not signed. Raises BadInput for an unusable key, NotTrusted.
    """
    config = _signing_library().signing.Config()
    with _usable(key):
        config.use_elliptic_key_signer(private_key=key)
    with TemporaryDirectory() as scratch:
        with _refusing(f"{folder} cannot be signed"):
            config.sign(folder, Path(scratch, SIGNATURE))
        signature = Path(scratch, SIGNATURE).read_bytes()
    _compare(signed_hashes(signature), manifest, folder)
    return signature


def verify_signature(folder: Path, manifest: Manifest, signature: bytes, key: Path) -> None:
    """Check that the owner of `key` (its public or private half) signed exactly this version.

    Raises BadInput for an unusable key, NotTrusted with the reason.
    """
    config = _signing_library().verifying.Config()
    with TemporaryDirectory() as scratch:
        Path(scratch, "key.pub").write_bytes(_public_pem(key))
        with _usable(key):
            config.use_elliptic_key_verifier(public_key=Path(scratch, "key.pub"))
        Path(scratch, SIGNATURE).write_bytes(signature)  # verified and compared are the same bytes
        with _refusing(f"{folder}: its signature does not fit"):
            config.verify(folder, Path(scratch, SIGNATURE))
    _compare(signed_hashes(signature), manifest, folder)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # anything that a forged file makes the library stumble over
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise NotTrusted(f"{what}: {reason}; sign or publish the version again") from None


def key_id(key: Path) -> str:
    "16 hex digits that tell keys apart, equal for the private and the public half. Raises BadInput."
    return hashlib.sha256(_public_pem(key)).hexdigest()[:16]


def signed_hashes(signature: bytes) -> dict[str, str]:  # sha256 by file name
    "Read the statement that was signed. Raises NotTrusted if it is not valid."
    try:
        payload = json.loads(base64.b64decode(json.loads(signature)["dsseEnvelope"]["payload"]))
        return {str(item["name"]): str(item["digest"]) for item in payload["predicate"]["resources"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotTrusted(f"{SIGNATURE} is not a model signature; sign the version again") from None


def _public_pem(key: Path) -> bytes:
    "Return the public half of a key file that holds either half. Raises BadInput."
    from cryptography.hazmat.primitives import serialization as pem

    with _usable(key):
        content = key.read_bytes()
        if b"PRIVATE" in content:
            public: Any = pem.load_pem_private_key(content, None).public_key()
        else:
            public = pem.load_pem_public_key(content)
        encoded: bytes = public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _compare(signed: dict[str, str], manifest: Manifest, folder: Path) -> None:
    # The library read the files once more; what is loaded is held against `manifest`, so that must be it.
    with faults(folder):
        content = read_file(folder / MANIFEST, MANIFEST_LIMIT)
    listed = {name: entry.sha256 for name, entry in manifest.files.items()}
    same = signed == {**listed, MANIFEST: hashlib.sha256(content).hexdigest()}
    if not same or parse_manifest(content, folder) != manifest:
        raise NotTrusted(f"{folder} is not what was signed; publish the version again")


@contextmanager
def _usable(key: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"key {key} cannot be read: {error.strerror}; see signing_key and verify_key"
        ) from None
    except (ValueError, TypeError, AttributeError) as error:
        why = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise BadInput(f"key {key} is not an elliptic key (PEM, not encrypted): {why}; {NEW_KEY}") from None


def _signing_library() -> Any:
    try:
        import model_signing
        import model_signing.signing
        import model_signing.verifying
    except ImportError as error:
        raise BadInput(
            f"signatures need the extra `signing` ({error}); run `pip install -e '.[signing]'` in the project"
        ) from None
    return model_signing
