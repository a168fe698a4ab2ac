"""What refers to an image: the referrers API, and the tag that stands in for it (OCI distribution-spec 1.1)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from sigstep.errors import FormatError, ServiceError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, Descriptor, Manifest, index_document, parse_manifest
from sigstep.oci.reference import Reference

_NEXT: Final = re.compile(r'<([^<>]{1,2000})>\s*;[^,]*\brel="?next"?', re.IGNORECASE)
_ZERO: Final = "sha256:" + "0" * 64
_NO_API: Final = frozenset({400, 404, 405, 406})
_TRIES: Final = 60
_SETTLE_SECONDS: Final = 0.2


def tag_of(digest: Digest) -> str:
    """The tag that stands in for the referrers API: ``sha256-<hex>``."""
    return f"{digest.algorithm.value}-{digest.hex}"


def list_referrers(client: Client, image: Reference, digest: Digest) -> tuple[Descriptor, ...]:
    """Descriptors of everything that says it refers to ``digest``; claims, to be checked by the reader.

    Raises:
        FormatError: ``referrers-too-many``, ``image-manifest``.
        ServiceError: a ``registry-*`` code.
    """
    found = _by_api(client, image, digest)
    if found is None:
        stored = client.tag_bytes(image.tagged(tag_of(digest)))
        found = () if stored is None else parse_manifest(stored[0]).manifests
    return found


def attach(client: Client, image: Reference, manifest: Manifest) -> None:
    """Write a manifest that has a subject, and make sure that it is found again.

    Where the registry has no referrers API, the stand-in tag is read, extended and written (with ``If-Match`` where the
    registry gives an ETag), then read again after a pause, until the entry stays: writers who do the same at once
    do not lose one another's.

    Args:
        image: the repository.
        manifest: its blobs are already there; it has a subject.

    Raises:
        ServiceError: ``referrers-contended`` when others kept overwriting the entry; a ``registry-*`` code.
    """
    assert manifest.subject is not None
    answer = client.put_manifest(image.at(manifest.digest), manifest.data, manifest.media_type)
    if answer.headers.get("oci-subject") and has_api(client, image):
        return
    if not answer.headers.get("oci-subject") and has_api(client, image):
        known = _by_api(client, image, manifest.subject.digest) or ()
        if any(one.digest == manifest.digest for one in known):
            return
    _extend_tag(client, image.tagged(tag_of(manifest.subject.digest)), manifest)


def drop(client: Client, image: Reference, subject: Digest, gone: frozenset[Digest]) -> None:
    """Delete manifests that refer to ``subject``, and take them out of the stand-in tag.

    Raises:
        ServiceError: a ``registry-*`` code.
    """
    tag = image.tagged(tag_of(subject))
    stored = client.tag_bytes(tag)
    if stored is not None:
        kept = [one.document() for one in parse_manifest(stored[0]).manifests if one.digest not in gone]
        client.put_manifest(tag, index_document(kept), INDEX, if_match=stored[1])
    for digest in sorted(gone, key=str):
        client.delete_manifest(image.at(digest))


def _extend_tag(client: Client, tag: Reference, manifest: Manifest) -> None:
    entry = _entry(manifest)
    world = client.world
    stayed = 0
    for tries in range(_TRIES):
        began = world.clock.monotonic()
        stored = client.tag_bytes(tag)
        known = parse_manifest(stored[0]).manifests if stored else ()
        if any(one.digest == manifest.digest for one in known):
            stayed += 1
            if stayed == 2:
                return
        else:
            stayed = 0
            _check_count(len(known) + 1)
            data = index_document([*(one.document() for one in known), entry])
            client.put_manifest(tag, data, INDEX, if_match=stored[1] if stored else "", allowed=(412,))
        share = int.from_bytes(world.entropy.token(2), "big") / 0xFFFF
        settle = max(_SETTLE_SECONDS, 2 * (world.clock.monotonic() - began))  # others are as slow as we are
        world.clock.sleep(settle * (1 + share * min(tries + 1, 10)))
    raise ServiceError(
        code="referrers-contended",
        what=f"the attachment is stored, but not listed under {tag}",
        why="others kept writing the same list",
        fix="try again later, or use a registry with the referrers API",
        retryable=True,
    )


def _entry(manifest: Manifest) -> dict[str, Any]:
    kind = manifest.artifact_type or (manifest.config.media_type if manifest.config else "")
    return {**manifest.descriptor.document(), "artifactType": kind, "annotations": dict(manifest.annotations)}


def has_api(client: Client, image: Reference) -> bool:
    """Whether the registry has the referrers API.

    Raises:
        ServiceError: a ``registry-*`` code.
    """
    answer = client.get(image, f"referrers/{_ZERO}", accept=INDEX, allowed=(200, *_NO_API))
    return answer.status == 200 and _is_index(answer.headers.get("content-type", ""))


def _by_api(client: Client, image: Reference, digest: Digest) -> tuple[Descriptor, ...] | None:
    found: list[Descriptor] = []
    path = f"referrers/{quote(str(digest), safe=':')}"
    for _ in range(limits.REFERRER_PAGES):
        answer = client.get(image, path, accept=INDEX, allowed=(200, *_NO_API))
        if answer.status != 200 or not _is_index(answer.headers.get("content-type", "")):
            return None
        found += parse_manifest(answer.body, INDEX).manifests
        _check_count(len(found))
        following = _NEXT.search(answer.headers.get("link", ""))
        if following is None:
            return tuple(found)
        path = urljoin(answer.url, following[1])
        if urlsplit(path)[:2] != urlsplit(answer.url)[:2]:
            raise FormatError(
                code="image-manifest",
                what="the list of referrers goes on at another host",
                why=f"its next page is at {urlsplit(path).netloc[:200]!r}",
                fix="check the registry's configuration",
            )
    raise _too_many()


def _is_index(content_type: str) -> bool:
    return content_type.partition(";")[0].strip() == INDEX


def _check_count(count: int) -> None:
    if count > limits.REFERRERS:
        raise _too_many()


def _too_many() -> FormatError:
    return FormatError(
        code="referrers-too-many",
        what="too much is attached to the image",
        why=f"at most {limits.REFERRERS} referrers are read",
        fix="remove old ones with `sigstep prune`",
    )
