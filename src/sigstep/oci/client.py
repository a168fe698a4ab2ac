"""A client of the OCI distribution API: bounded, and every byte is checked against its digest and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from sigstep.errors import FormatError, ServiceError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.checks import check_bytes, check_size, compare
from sigstep.oci.manifest import ACCEPT, Descriptor, Manifest, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.oci.transport import REDIRECTS, Settings, Transport, failure, scope_of
from sigstep.ports.http import Response
from sigstep.ports.world import World
from sigstep.wire import strict_json
from sigstep.wire.links import next_address

__all__ = ["Client", "Settings", "next_page"]
_CHUNK_BYTES: Final = 16 * 1024 * 1024
_STREAM_SECONDS: Final = 3600.0
_RESUMES: Final = 5  # of one blob whose transfer is cut
_NO_LIST: Final = frozenset({400, 401, 403, 404, 405, 406, 422, 501})
Got = TypeVar("Got")


class Client:
    """Talks to registries for one run; reads from mirrors first. Safe for threads."""

    def __init__(self, world: World, settings: Settings | None = None) -> None:
        self.world = world
        self.without_referrers: set[str] = set()  # repositories whose registry was seen to lack the API
        self._transport = Transport(world, settings or Settings())

    def manifest(self, image: Reference) -> Manifest:
        """The manifest or index that a reference names; by digest, its bytes have that digest.

        Raises:
            ServiceError: ``registry-not-found`` and the other ``registry-*`` codes.
            FormatError: ``registry-digest-mismatch``, ``image-manifest``.
        """

        def read(there: Reference, mirror: bool) -> Manifest:
            path, at_most = f"manifests/{there.selector}", limits.IMAGE_MANIFEST_BYTES
            headers = {"Accept": ACCEPT}
            response = self._transport.send("GET", there, path, at_most=at_most, headers=headers, once_only=mirror)
            if there.digest is not None:
                check_bytes(response.body, there.digest, None, str(there))
            return parse_manifest(response.body, response.headers.get("content-type", ""))

        return self._first(image, read)

    def tag_bytes(self, image: Reference) -> tuple[bytes, str] | None:
        """The manifest bytes and ETag of a tag, or None where the tag is not there.

        Raises:
            ServiceError: the registry gave neither.
        """
        response = self.get(image, f"manifests/{image.selector}", accept=ACCEPT, allowed=(200, 404))
        return (response.body, response.headers.get("etag", "")) if response.status == 200 else None

    def tags(self, image: Reference) -> tuple[str, ...]:
        """All tags of a repository, as far as the registry lists them.

        Raises:
            FormatError: ``tags-too-many``, or a code of strict JSON.
            ServiceError: a ``registry-*`` code; a registry that does not list tags gives none.
        """
        found: list[str] = []
        path: str | None = "tags/list?n=1000"
        for _ in range(limits.TAG_PAGES):
            answer = self.get(image, path or "", accept="application/json", allowed=(200, *_NO_LIST))
            if answer.status != 200:
                break
            value = strict_json.loads(answer.body, at_most=limits.IMAGE_MANIFEST_BYTES, name="list of tags")
            listed = value.get("tags") if isinstance(value, dict) else None
            found += [one for one in listed or () if isinstance(one, str)]
            path = next_page(answer)
            if path is None:
                break
        else:
            raise FormatError(
                code="tags-too-many",
                what=f"{image.name} has too many tags",
                why=f"{limits.TAG_PAGES} pages of the list are read",
                fix="remove tags that nobody needs",
            )
        return tuple(found)

    def blob(self, image: Reference, descriptor: Descriptor, *, at_most: int) -> bytes:
        """A blob, checked against its descriptor.

        Raises:
            FormatError: ``registry-blob-too-large``, ``registry-digest-mismatch``, ``registry-size-mismatch``.
            ServiceError: a ``registry-*`` code.
        """
        check_size(descriptor, at_most)

        def read(there: Reference, mirror: bool) -> bytes:
            path, at_most = f"blobs/{descriptor.digest}", descriptor.size + 1
            headers = {"Accept": "*/*"}
            response = self._transport.send("GET", there, path, at_most=at_most, headers=headers, once_only=mirror)
            check_bytes(response.body, descriptor.digest, descriptor.size, f"{image.name}@{descriptor.digest}")
            return response.body

        return self._first(image, read)

    def stream_blob(self, image: Reference, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob piece by piece; the error for wrong bytes comes after the last piece, so write to a temporary place.

        Raises:
            FormatError: ``registry-blob-too-large``, ``registry-digest-mismatch``, ``registry-size-mismatch``.
            ServiceError: a ``registry-*`` code.
        """
        check_size(descriptor, limits.IMAGE_LAYER_BYTES)
        path = f"blobs/{descriptor.digest}"
        if not self.has(image, path):  # also gets the token
            raise failure(image.host, Response(status=404, headers={}, body=b"", url=""), path, self.world)
        running = descriptor.digest.algorithm.new()
        seen = resumed = 0
        while True:
            before = seen
            try:
                for piece in self._pieces(image, path, descriptor.size, seen):
                    running.update(piece)
                    seen += len(piece)
                    yield piece
            except ServiceError as error:
                if not error.retryable or seen == before or resumed >= _RESUMES:
                    raise
            if seen >= descriptor.size or seen == before or resumed >= _RESUMES:
                break
            resumed += 1  # it was cut: go on where it ended
        compare(running.digest(), seen, descriptor.digest, descriptor.size, image.name)

    def _pieces(self, image: Reference, path: str, size: int, start: int) -> Iterator[bytes]:
        """The bytes of a blob from ``start`` on (RFC 9110, 14.2)."""
        headers = self._transport.authorization(image, scope_of("GET", image))
        with self.world.http.stream(
            "GET",
            self._transport.url(image, path),
            at_most=size - start + 1,
            headers={**headers, **({"Range": f"bytes={start}-"} if start else {})},
            timeout=_STREAM_SECONDS,
            redirects=REDIRECTS,
        ) as stream:
            if start and stream.status != 206:
                return  # it has no ranges: what is missing stays missing
            if not start and stream.status != 200:
                answer = Response(status=stream.status, headers=stream.headers, body=b"", url=stream.url)
                raise failure(image.host, answer, path, self.world)
            yield from stream.chunks()

    def has(self, image: Reference, path: str) -> bool:
        """Whether a manifest or blob is there (``manifests/…`` or ``blobs/…``).

        Raises:
            ServiceError: the registry said neither yes nor no.
        """
        headers = {"Accept": ACCEPT}
        return (
            self._transport.send("HEAD", image, path, at_most=1024, headers=headers, allowed=(200, 404)).status == 200
        )

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
        begun = self._write("POST", image, "blobs/uploads/", b"", {}, (202,))
        location = self._transport.location(begun, image)
        sent = 0
        waiting = bytearray()
        for piece in pieces:
            waiting += piece
            while len(waiting) > _CHUNK_BYTES:
                location = self._patch(image, location, bytes(waiting[:_CHUNK_BYTES]), sent)
                sent += _CHUNK_BYTES
                del waiting[:_CHUNK_BYTES]
        if sent:
            location = self._patch(image, location, bytes(waiting), sent)
            waiting.clear()
        url = f"{location}{'&' if '?' in location else '?'}digest={quote(str(digest), safe='')}"
        self._write("PUT", image, url, bytes(waiting), {"Content-Type": "application/octet-stream"}, (201, 204))

    def put_manifest(
        self, image: Reference, data: bytes, media_type: str, *, if_match: str = "", allowed: tuple[int, ...] = ()
    ) -> Response:
        """Write a manifest under the reference's tag or digest.

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        headers = {"Content-Type": media_type, **({"If-Match": if_match} if if_match else {})}
        return self._write("PUT", image, f"manifests/{image.selector}", data, headers, (200, 201, 202, *allowed))

    def delete_manifest(self, image: Reference) -> None:
        """Delete a manifest by digest or a tag; one that is not there is no error.

        Raises:
            ServiceError: a ``registry-*`` code; ``registry-refused`` where the registry does not delete.
        """
        self._write("DELETE", image, f"manifests/{image.selector}", None, {}, (200, 202, 404))

    def get(self, image: Reference, path: str, *, accept: str, allowed: tuple[int, ...]) -> Response:
        """One GET of the API below the repository, or of a whole address.

        Raises:
            ServiceError: a ``registry-*`` code for a status that is not allowed.
        """
        at_most = limits.IMAGE_MANIFEST_BYTES
        return self._transport.send("GET", image, path, at_most=at_most, headers={"Accept": accept}, allowed=allowed)

    def _first(self, image: Reference, read: Callable[[Reference, bool], Got]) -> Got:
        """From a mirror that has it whole, else from the registry itself; a mirror is asked once."""
        for mirror in self._transport.settings.mirrors.get(image.host, ()):
            there = Reference(host=mirror, repository=image.repository, tag=image.tag, digest=image.digest)
            try:
                return read(there, True)
            except (ServiceError, FormatError):
                continue
        return read(image, False)

    def _write(
        self,
        method: str,
        image: Reference,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        allowed: tuple[int, ...],
    ) -> Response:
        return self._transport.send(method, image, path, at_most=65536, body=body, headers=headers, allowed=allowed)

    def _patch(self, image: Reference, location: str, data: bytes, start: int) -> str:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{start}-{start + len(data) - 1}",
        }
        return self._transport.location(self._write("PATCH", image, location, data, headers, (202, 204)), image)


def next_page(answer: Response) -> str | None:
    """The address of a list's next page (RFC 8288 ``Link``), or None at the end.

    Raises:
        FormatError: ``registry-next-page``: it is at another host, or at another scheme or port of it.
    """
    following = next_address(answer.headers.get("link", ""))
    if not following:
        return None
    address = urljoin(answer.url, following)
    if urlsplit(address)[:2] != urlsplit(answer.url)[:2]:
        raise FormatError(
            code="registry-next-page",
            what="a list of the registry goes on at another address",
            why=f"its next page is at {'://'.join(urlsplit(address)[:2])[:200]!r}",
            fix="check the registry's configuration",
        )
    return address
