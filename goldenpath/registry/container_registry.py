"""Talk to a container registry through `oras` (extra `oci`): what comes is held against its digest.

`oras` knows the protocol, tokens and credential helpers. How a request is made is decided here: with a limit
of time, credentials for the registry alone, and errors in one line that names no secret.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from goldenpath.errors import BadInput, ImageRegistryFault, NotTrusted
from goldenpath.registry.credentials import credentials
from goldenpath.registry.image import IMAGE_LIMIT, IMAGE_TYPE, INDEX_TYPES, OTHER_TYPES, Descriptor, digest_of
from goldenpath.volume import CHUNK

SCHEME = "oci://"
REGISTRY_PATIENCE = 30.0  # seconds until a silent registry is given up
PART_BYTES = 64 << 20  # bytes of a blob that are sent in one request
REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?)"
    r"/(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")


@dataclass(frozen=True)
class ImageReference:
    "An image in a registry, such as `oci://registry.example.org/team/churn:1.0.0`."

    host: str  # with its port, if it has one
    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag, digest = self.tag and f":{self.tag}", self.digest and f"@{self.digest}"
        return f"{SCHEME}{self.host}/{self.name}{tag}{digest}"

    @property
    def plain(self) -> bool:
        "Is it reached without TLS? On loopback only."
        return bool(LOOPBACK.fullmatch(self.host))


def parse_reference(text: str) -> ImageReference:
    "Parse the address of an image. Raises BadInput."
    match = REFERENCE.fullmatch(text.removeprefix(SCHEME)) if text.startswith(SCHEME) else None
    if not match:
        form = f"{SCHEME}HOST/NAME:TAG or {SCHEME}HOST/NAME@sha256:..., in small letters"
        raise BadInput(f"{text!r} is not the address of an image; write it as {form}")
    return ImageReference(**{key: value or "" for key, value in match.groupdict().items()})


class Remote:
    "One image's place in a container registry."

    def __init__(self, reference: ImageReference) -> None:
        self.reference = reference
        self._client = _open(reference)
        self._at = f"{reference.host}/{reference.name}"
        self._url = f"{'http' if reference.plain else 'https'}://{reference.host}/v2/{reference.name}"

    def manifest(self) -> bytes:
        "Fetch the bytes of the manifest. Raises NotTrusted if they are not those of the digest, BadInput."
        wanted = self.reference.digest or self.reference.tag
        kinds = ", ".join((IMAGE_TYPE, *OTHER_TYPES, *INDEX_TYPES))
        accept = {"Accept": kinds, "Accept-Encoding": "identity"}
        content = bytearray()
        reply = self._client.do_request(f"{self._url}/manifests/{wanted}", headers=accept, stream=True)
        with reply, _asking(self.reference.host):
            for piece in reply.iter_content(CHUNK):
                content += piece
                if len(content) > IMAGE_LIMIT:
                    raise NotTrusted(f"the manifest of {self.reference} has more than {IMAGE_LIMIT:,} bytes")
        digest = digest_of(bytes(content))
        if self.reference.digest not in ("", digest):
            raise NotTrusted(f"{self.reference} answers with another manifest, {digest}")
        return bytes(content)

    def download(self, blob: Descriptor, file: Path) -> None:
        "Fetch a blob into a file. Raises NotTrusted if it is not what its digest and size say, OSError."
        digest, size = hashlib.sha256(), 0
        reply = self._client.get_blob(self._at, blob.digest, stream=True)
        with reply, _asking(self.reference.host), file.open("wb") as copy:
            for piece in reply.iter_content(CHUNK):
                size += len(piece)
                if size > blob.size:
                    break
                digest.update(piece)
                copy.write(piece)
        if size != blob.size or f"sha256:{digest.hexdigest()}" != blob.digest:
            raise NotTrusted(f"{self.reference} holds {blob.digest[:19]}..., but the bytes are other ones")

    def upload(self, file: Path, blob: Descriptor) -> None:
        "Send a blob, unless the registry has it. Raises BadInput, ImageRegistryFault."
        layer = {"digest": blob.digest, "size": blob.size, "mediaType": blob.media_type}
        large = blob.size > PART_BYTES
        self._client.upload_blob(str(file), self._at, layer, do_chunked=large, chunk_size=PART_BYTES)

    def send(self, content: bytes, kind: str, scratch: Path) -> Descriptor:
        "Send a small blob of this media type; its descriptor. Raises as `upload`, OSError."
        blob = Descriptor(mediaType=kind, digest=digest_of(content), size=len(content))
        (scratch / "blob").write_bytes(content)
        self.upload(scratch / "blob", blob)
        return blob

    def put_manifest(self, content: bytes) -> None:
        "Send the manifest under the tag. Raises BadInput, ImageRegistryFault."
        url = f"{self._url}/manifests/{self.reference.tag}"
        self._client.do_request(url, "PUT", data=content, headers={"Content-Type": IMAGE_TYPE})


def _open(reference: ImageReference) -> Any:
    oras = _oras_library()
    client = oras.client.OrasClient(
        reference.host, insecure=reference.plain, tls_verify=os.environ.get("SSL_CERT_FILE") or True
    )
    container = client.get_container(f"{reference.host}/{reference.name}")
    client.auth._auth_config = credentials(
        reference.host, reference.name
    )  # its own reading knows one file only
    client.auth.load_configs(container)
    for scheme in ("http://", "https://"):
        client.session.mount(scheme, _patient_adapter())
    # in place of its own, which repeats for two minutes and sends tokens where it is led
    client.do_request = _Requests(client, reference)
    return client


def _oras_library() -> Any:
    try:
        import oras.client
        import oras.logger
    except ImportError as error:
        raise BadInput(
            f"image registries need the extra `oci` ({error}); run `pip install -e '.[oci]'` in the project"
        ) from None
    oras.logger.setup_logger(quiet=True)
    return oras


def _patient_adapter() -> Any:
    from requests.adapters import HTTPAdapter

    class Patient(HTTPAdapter):  # type: ignore[misc, unused-ignore]
        def send(self, *args: Any, **named: Any) -> Any:
            return super().send(*args, **{**named, "timeout": named.get("timeout") or REGISTRY_PATIENCE})

    return Patient(max_retries=2)  # of connections; nothing that was sent is sent again


@contextmanager
def _asking(host: str) -> Iterator[None]:
    from requests import RequestException

    try:
        yield
    except RequestException as error:
        reason = _reason(error)
        raise ImageRegistryFault(f"registry {host} cannot be asked: {reason}; look at the address") from None


class _Requests:
    "Makes the requests of one client."

    def __init__(self, client: Any, reference: ImageReference) -> None:
        self._session, self._auth, self._reference = client.session, client.auth, reference
        self._verify, self._basic = client._tls_verify, dict[str, str]()

    def __call__(
        self,
        url: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> Any:
        ours = urlsplit(url).netloc == self._reference.host
        headers = {**(headers or {}), **(self._auth.get_auth_header() | self._basic if ours else {})}

        def ask() -> Any:
            return self._session.request(
                method, url, data=data, headers=headers, stream=stream, verify=self._verify
            )

        with _asking(urlsplit(url).netloc):
            reply = ask()
            if ours and reply.status_code == 401 and self._answered(reply, headers):
                reply.close()
                reply = ask()
        if reply.status_code >= 400 and not (method == "HEAD" and reply.status_code == 404):
            raise self._refusal(method, reply)
        return reply

    def _answered(self, reply: Any, headers: dict[str, str]) -> bool:
        "Put what the registry asks for into the headers; is there anything?"
        challenge = reply.headers.get("WWW-Authenticate", "")
        credentials = getattr(self._auth, "_basic_auth", None)
        if challenge.lower().startswith("basic"):
            self._basic = {"Authorization": f"Basic {credentials}"} if credentials else {}
            headers.update(self._basic)
            return bool(credentials)
        realm = re.search(r'realm="([^"]+)"', challenge)
        if realm and urlsplit(realm[1]).scheme != "https" and not self._reference.plain:
            raise NotTrusted(f"registry {self._reference.host} wants credentials sent without TLS")
        changed, answered = self._auth.authenticate_request(reply, headers, refresh=True)
        headers.update(changed)
        return bool(answered)

    def _refusal(self, method: str, reply: Any) -> Exception:
        code, place = reply.status_code, self._reference
        if code in (401, 403):
            return BadInput(
                f"registry {place.host} refuses {method} of {place.name} ({code}): log in with `podman login "
                f"{place.host}`, or name a file of credentials in REGISTRY_AUTH_FILE"
            )
        if code == 404:
            return BadInput(f"registry {place.host} has no such image: {place}; look at name and tag")
        return ImageRegistryFault(f"registry {place.host} fails at {method} of {place.name}: {_words(reply)}")


def _words(reply: Any) -> str:
    "Say what a registry answered, in one line: its code, and its own words if it has any."
    try:
        words = str(reply.json()["errors"][0]["message"])
    except (ValueError, KeyError, IndexError, TypeError):
        words = str(reply.reason)
    return f"{reply.status_code} {' '.join(words.split())[:120]}"


def _reason(error: BaseException) -> str:
    # the library's own text holds addresses, and so a proxy's password
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        inner = getattr(cause, "reason", None) or next(
            (item for item in cause.args if isinstance(item, BaseException)), None
        )
        cause = inner if isinstance(inner, BaseException) else cause.__context__
    return type(error).__name__
