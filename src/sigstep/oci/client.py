"""A client of the OCI distribution API: bounded, and every byte is checked against its digest and size."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from sigstep.errors import FormatError, ServiceError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.auth import Challenge, Credential, fetch_token, find_credential, parse_challenge, unauthorized
from sigstep.oci.manifest import ACCEPT, Descriptor, Manifest, parse_manifest
from sigstep.oci.reference import Reference, api_host, is_loopback
from sigstep.ports.http import Response
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.world import World

_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS: Final = 5
_CHUNK_BYTES: Final = 16 * 1024 * 1024
_SECONDS: Final = 60.0
_NO_MIRRORS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How registries are reached.

    ``plain_http``: hosts that are asked without TLS on demand (this machine always is).
    ``mirrors``: hosts to read from first, by registry. ``retry_seconds``: the budget for trying again.
    """

    plain_http: frozenset[str] = frozenset()
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_MIRRORS)
    credential: Credential | None = None
    retry_seconds: float = 60.0


class Client:
    """Talks to registries for one run: keeps the tokens it got and the challenges it met. Safe for threads."""

    def __init__(self, world: World, settings: Settings | None = None) -> None:
        self.world = world
        self._settings = settings or Settings()
        self._budget = Budget.starting_now(self._settings.retry_seconds, world)
        self._tokens: dict[tuple[str, str], str] = {}
        self._credentials: dict[str, Credential | None] = {}
        self._lock = threading.Lock()

    def manifest(self, image: Reference) -> Manifest:
        """The manifest or index that a reference names; by digest, its bytes have that digest.

        Raises:
            ServiceError: ``registry-not-found`` and the other ``registry-*`` codes.
            FormatError: ``registry-digest-mismatch``, ``image-manifest``.
        """
        path = f"manifests/{image.selector}"
        response = self._read(image, path, at_most=limits.IMAGE_MANIFEST_BYTES, accept=ACCEPT)
        if image.digest is not None:
            check_bytes(response.body, image.digest, None, str(image))
        return parse_manifest(response.body, response.headers.get("content-type", ""))

    def tag_bytes(self, image: Reference) -> tuple[bytes, str] | None:
        """The manifest bytes and ETag of a tag, or None where the tag is not there.

        Raises:
            ServiceError: the registry gave neither.
        """
        path = f"manifests/{image.selector}"
        response = self._send(
            "GET", image, path, at_most=limits.IMAGE_MANIFEST_BYTES, headers={"Accept": ACCEPT}, allowed=(200, 404)
        )
        return (response.body, response.headers.get("etag", "")) if response.status == 200 else None

    def blob(self, image: Reference, descriptor: Descriptor, *, at_most: int) -> bytes:
        """A blob, checked against its descriptor.

        Raises:
            FormatError: ``registry-blob-too-large``, ``registry-digest-mismatch``, ``registry-size-mismatch``.
            ServiceError: a ``registry-*`` code.
        """
        _check_size(descriptor, at_most)
        path = f"blobs/{descriptor.digest}"
        response = self._read(image, path, at_most=descriptor.size + 1, accept="*/*")
        check_bytes(response.body, descriptor.digest, descriptor.size, f"{image.name}@{descriptor.digest}")
        return response.body

    def stream_blob(self, image: Reference, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob piece by piece; the error for wrong bytes comes after the last piece, so write to a temporary place.

        Raises:
            FormatError: ``registry-blob-too-large``, ``registry-digest-mismatch``, ``registry-size-mismatch``.
            ServiceError: a ``registry-*`` code.
        """
        _check_size(descriptor, limits.IMAGE_LAYER_BYTES)
        url = self._url(image.host, image.repository, f"blobs/{descriptor.digest}")
        if not self.has(image, f"blobs/{descriptor.digest}"):  # also gets the token
            raise _failure(image.host, 404, f"blobs/{descriptor.digest}")
        headers = self._authorization(image.host, f"repository:{image.repository}:pull")
        running = descriptor.digest.algorithm.new()
        seen = 0
        with self.world.http.stream(
            "GET", url, at_most=descriptor.size + 1, headers=headers, timeout=3600.0, redirects=_REDIRECTS
        ) as stream:
            if stream.status != 200:
                raise _failure(image.host, stream.status, f"blobs/{descriptor.digest}")
            for piece in stream.chunks():
                running.update(piece)
                seen += len(piece)
                yield piece
        _compare(running.digest(), seen, descriptor.digest, descriptor.size, image.name)

    def has(self, image: Reference, path: str) -> bool:
        """Whether a manifest or blob is there (``manifests/…`` or ``blobs/…``).

        Raises:
            ServiceError: the registry said neither yes nor no.
        """
        answer = self._send("HEAD", image, path, at_most=1024, headers={"Accept": ACCEPT}, allowed=(200, 404))
        return answer.status == 200

    def put_blob(self, image: Reference, data: bytes) -> Descriptor:
        """Upload a blob unless it is there.

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        digest = Digest.of(data)
        if not self.has(image, f"blobs/{digest}"):
            self.upload(image, digest, iter((data,)))
        return Descriptor(media_type="application/octet-stream", digest=digest, size=len(data))

    def upload(self, image: Reference, digest: Digest, pieces: Iterator[bytes]) -> None:
        """Upload a blob in pieces (distribution-spec, pushing a blob in chunks).

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        begun = self._send("POST", image, "blobs/uploads/", at_most=65536, write=True, body=b"", allowed=(202,))
        location = self._location(begun, image)
        sent = 0
        waiting = b""
        for piece in pieces:
            waiting += piece
            while len(waiting) > _CHUNK_BYTES:
                location = self._patch(image, location, waiting[:_CHUNK_BYTES], sent)
                sent += _CHUNK_BYTES
                waiting = waiting[_CHUNK_BYTES:]
        if sent:
            location = self._patch(image, location, waiting, sent)
            waiting = b""
        url = f"{location}{'&' if '?' in location else '?'}digest={quote(str(digest), safe='')}"
        headers = {"Content-Type": "application/octet-stream"}
        self._send("PUT", image, url, at_most=65536, write=True, body=waiting, headers=headers, allowed=(201, 204))

    def put_manifest(
        self, image: Reference, data: bytes, media_type: str, *, if_match: str = "", allowed: tuple[int, ...] = ()
    ) -> Response:
        """Write a manifest under the reference's tag or digest.

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        headers = {"Content-Type": media_type, **({"If-Match": if_match} if if_match else {})}
        path = f"manifests/{image.selector}"
        accepted = (200, 201, 202, *allowed)
        return self._send("PUT", image, path, at_most=65536, write=True, body=data, headers=headers, allowed=accepted)

    def delete_manifest(self, image: Reference) -> None:
        """Delete a manifest by digest or a tag.

        Raises:
            ServiceError: a ``registry-*`` code; ``registry-refused`` where the registry does not delete.
        """
        path = f"manifests/{image.selector}"
        self._send("DELETE", image, path, at_most=65536, write=True, allowed=(200, 202, 404))

    def get(self, image: Reference, path: str, *, accept: str, allowed: tuple[int, ...]) -> Response:
        """One GET of the API below the repository, or of a whole address on the same host.

        Raises:
            ServiceError: a ``registry-*`` code for a status that is not allowed.
        """
        at_most = limits.IMAGE_MANIFEST_BYTES
        return self._send("GET", image, path, at_most=at_most, headers={"Accept": accept}, allowed=allowed)

    def _read(self, image: Reference, path: str, *, at_most: int, accept: str) -> Response:
        for mirror in self._settings.mirrors.get(image.host, ()):
            there = Reference(host=mirror, repository=image.repository, tag=image.tag, digest=image.digest)
            try:
                return self._send("GET", there, path, at_most=at_most, headers={"Accept": accept})
            except ServiceError:
                continue
        return self._send("GET", image, path, at_most=at_most, headers={"Accept": accept})

    def _send(
        self,
        method: str,
        image: Reference,
        path: str,
        *,
        at_most: int,
        write: bool = False,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (200,),
    ) -> Response:
        url = path if "://" in path else self._url(image.host, image.repository, path)
        scope = f"repository:{image.repository}:pull{',push' if write else ''}"
        if method == "DELETE":
            scope = f"repository:{image.repository}:pull,push,delete"
        action = self._action(method, url, image, scope, body, dict(headers or {}), at_most, allowed)
        return retrying(action, service=f"the registry {image.host}", budget=self._budget, world=self.world)

    def _action(
        self,
        method: str,
        url: str,
        image: Reference,
        scope: str,
        body: bytes | None,
        headers: dict[str, str],
        at_most: int,
        allowed: tuple[int, ...],
    ) -> Callable[[], Response]:
        def once(own: bool) -> Response:
            sent = {**headers, **(self._authorization(image.host, scope) if own else {})}
            redirects = _REDIRECTS if method in {"GET", "HEAD"} else 0
            return self.world.http.request(
                method, url, at_most=at_most, headers=sent, body=body, timeout=_SECONDS, redirects=redirects
            )

        def action() -> Response:
            own = _origin(url) == _origin(self._base(image.host))
            response = once(own)
            if response.status == 401 and own:
                self._answer(response, image.host, scope)
                response = once(own)
            if response.status not in allowed:
                if response.status == 401:
                    raise unauthorized(image.host, self._credential(image.host), 401)
                raise _failure(image.host, response.status, urlsplit(url).path)
            return response

        return action

    def _patch(self, image: Reference, location: str, data: bytes, start: int) -> str:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{start}-{start + len(data) - 1}",
        }
        answer = self._send(
            "PATCH", image, location, at_most=65536, write=True, body=data, headers=headers, allowed=(202, 204)
        )
        return self._location(answer, image)

    def _location(self, response: Response, image: Reference) -> str:
        found = urljoin(f"{self._base(image.host)}/", response.headers.get("location", ""))
        if urlsplit(found).scheme != "https" and _origin(found) != _origin(self._base(image.host)):
            raise ServiceError(
                code="registry-redirect",
                what=f"{image.host} wants the upload to go to an unsafe address",
                why="it is neither its own nor https",
                fix="check the registry's configuration",
            )
        return found

    def _authorization(self, host: str, scope: str) -> dict[str, str]:
        with self._lock:
            found = self._tokens.get((host, scope))
        return {"Authorization": found} if found else {}

    def _answer(self, response: Response, host: str, scope: str) -> None:
        challenge: Challenge | None = parse_challenge(response.headers.get("www-authenticate", ""))
        credential = self._credential(host)
        if challenge is None:
            raise unauthorized(host, credential, 401)
        if challenge.scheme == "basic":
            if credential is None or not credential.username:
                raise unauthorized(host, credential, 401)
            value = credential.basic()
        else:
            value = "Bearer " + fetch_token(
                challenge, host=host, scope=scope, credential=credential, world=self.world, timeout=_SECONDS
            )
        with self._lock:
            self._tokens[(host, scope)] = value

    def _credential(self, host: str) -> Credential | None:
        if self._settings.credential is not None:
            return self._settings.credential
        if host not in self._credentials:
            self._credentials[host] = find_credential(host, self.world)
        return self._credentials[host]

    def _base(self, host: str) -> str:
        plain = host in self._settings.plain_http or is_loopback(host)
        return f"{'http' if plain else 'https'}://{api_host(host)}"

    def _url(self, host: str, repository: str, path: str) -> str:
        return f"{self._base(host)}/v2/{repository}/{path}"


def check_bytes(data: bytes, digest: Digest, size: int | None, name: str) -> None:
    """Refuse bytes that are not those of a digest and size.

    Raises:
        FormatError: ``registry-size-mismatch``, ``registry-digest-mismatch``.
    """
    value = Digest.of(data, digest.algorithm).value
    _compare(value, len(data), digest, len(data) if size is None else size, name)


def _check_size(descriptor: Descriptor, at_most: int) -> None:
    if descriptor.size > at_most:
        raise FormatError(
            code="registry-blob-too-large",
            what=f"the blob {descriptor.digest} is too large",
            why=f"it has {descriptor.size} bytes; at most {at_most} are read",
            fix="look at what the manifest lists",
        )


def _compare(value: bytes, seen: int, digest: Digest, size: int, name: str) -> None:
    if seen != size:
        raise FormatError(
            code="registry-size-mismatch",
            what=f"{name} is not what was asked for",
            why=f"{seen} bytes came where {size} are said to be",
            fix="try again; if it stays, the registry or something on the way is broken",
        )
    if value != digest.value:
        raise FormatError(
            code="registry-digest-mismatch",
            what=f"{name} is not what was asked for",
            why=f"the bytes that came have the digest {digest.algorithm.value}:{value.hex()}",
            fix="do not use this image; the registry or something on the way has changed it",
        )


def _failure(host: str, status: int, path: str) -> ServiceError:
    what = f"{host} answered with status {status}"
    where = path[:200]
    if status == 404:
        return ServiceError(
            code="registry-not-found", what=what, why=f"{where} is not there", fix="check the image's name", status=404
        )
    if status == 403:
        return ServiceError(
            code="registry-forbidden",
            what=what,
            why=f"the credentials do not reach {where}",
            fix="give the account, or the job's token, the right to this repository",
            status=403,
        )
    if status in _RETRYABLE:
        return ServiceError(
            code="registry-unavailable", what=what, why=where, fix="try again later", retryable=True, status=status
        )
    return ServiceError(
        code="registry-refused", what=what, why=where, fix="the registry does not do this", status=status
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
