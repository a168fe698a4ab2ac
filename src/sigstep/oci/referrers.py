"""What refers to an image: the referrers API, and the tag that stands in for it (OCI distribution-spec 1.1)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from sigstep.errors import FormatError, ServiceError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.client import Client, next_page
from sigstep.oci.manifest import INDEX, Descriptor, Manifest, encode, malformed, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.wire import strict_json

_ZERO: Final = "sha256:" + "0" * 64
_NO_API: Final = frozenset({400, 404, 405, 406})
_TRIES: Final = 200
_PAUSE_SECONDS: Final = 0.5
_OWN_TAG_DIGITS: Final = 32  # of the attachment's digest; the tag stays below 128 characters (distribution-spec)


def tag_of(digest: Digest) -> str:
    """The tag that stands in for the referrers API: ``sha256-<hex>``, the digits cut at 64 (referrers tag schema)."""
    return f"{digest.algorithm.value}-{digest.hex[:64]}"


def list_referrers(client: Client, image: Reference, digest: Digest) -> tuple[Descriptor, ...]:
    """Descriptors of everything that says it refers to ``digest``; claims, to be checked by the reader.

    Raises:
        FormatError: ``referrers-too-many``, ``image-manifest``.
        ServiceError: a ``registry-*`` code.
    """
    found = _by_api(client, image, digest)
    return _listed(client, image.tagged(tag_of(digest)))[0] if found is None else found


def attach(client: Client, image: Reference, manifest: Manifest) -> None:
    """Write a manifest that has a subject, and make sure that it is found.

    Where the registry has no referrers API, the list under the stand-in tag has to be extended, and registries do not
    compare before they write. So each attachment first gets a tag of its own, ``sha256-<hex>.<digits>``, that nobody
    else writes; then the list is written until, read again, it has everything that has such a tag. Whoever writes last
    reads after that and sees the tags of all who wrote before, so nobody's entry is lost, however slow a writer is.

    Args:
        image: the repository.
        manifest: its blobs are already there; it has a subject.

    Raises:
        ServiceError: ``referrers-contended`` when others kept overwriting the list; a ``registry-*`` code.
        FormatError: ``referrers-tag-taken``.
    """
    assert manifest.subject is not None
    answer = client.put_manifest(image.at(manifest.digest), manifest.data, manifest.media_type)
    if answer.headers.get("oci-subject") and has_api(client, image):
        return
    if not answer.headers.get("oci-subject"):
        known = _by_api(client, image, manifest.subject.digest) or ()
        if any(one.digest == manifest.digest for one in known):
            return
    own = f"{tag_of(manifest.subject.digest)}.{manifest.digest.hex[:_OWN_TAG_DIGITS]}"
    client.put_manifest(image.tagged(own), manifest.data, manifest.media_type)
    _extend_list(client, image.tagged(tag_of(manifest.subject.digest)), manifest)


def drop(client: Client, image: Reference, subject: Digest, gone: frozenset[Digest]) -> None:
    """Delete manifests that refer to ``subject``, and take them out of the list under the stand-in tag.

    Raises:
        ServiceError: a ``registry-*`` code; ``registry-refused`` where the registry does not delete. Then nothing of
            the list is changed.
    """
    for digest in sorted(gone, key=str):
        client.delete_manifest(image.at(digest))
    tag = image.tagged(tag_of(subject))
    listed, document, etag = _listed(client, tag)
    kept = [raw for one, raw in zip(listed, document["manifests"], strict=True) if one.digest not in gone]
    if len(kept) < len(listed):
        client.put_manifest(tag, encode({**document, "manifests": kept}), INDEX, if_match=etag)


def _listed(client: Client, tag: Reference) -> tuple[tuple[Descriptor, ...], dict[str, Any], str]:
    """The entries under a stand-in tag, the whole list with what others wrote into it, and its ETag."""
    stored = client.tag_bytes(tag)
    if stored is None:
        return (), {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}, ""
    found = parse_manifest(stored[0], manifests_at_most=limits.REFERRERS_READ)
    _check_count(len(found.manifests))
    document = strict_json.loads(stored[0], at_most=limits.IMAGE_MANIFEST_BYTES, name="list of referrers")
    return (
        found.manifests,
        {**document, "mediaType": found.media_type, "manifests": document.get("manifests") or []},
        stored[1],
    )


def _extend_list(client: Client, tag: Reference, manifest: Manifest) -> None:
    seen = {_own_digits(manifest.digest): manifest}
    world = client.world
    for tries in range(_TRIES):
        listed, document, etag = _listed(client, tag)
        if document["mediaType"] != INDEX:  # distribution-spec, referrers tag schema: report it, and leave it alone
            raise FormatError(
                code="referrers-tag-taken",
                what=f"the attachment is stored, but cannot be listed under {tag}",
                why="the tag is something else than a list of referrers",
                fix="remove the tag, or use a registry with the referrers API",
            )
        wanted = {*_tagged(client, tag), *seen}
        missing = wanted - {_own_digits(one.digest) for one in listed}
        if not missing:
            return
        added = [one for digits in sorted(missing) if (one := _read(client, tag, digits, seen)) is not None]
        if not added:
            return
        _check_count(len(listed) + len(added))
        document["manifests"] += [_entry(one) for one in added]
        client.put_manifest(tag, encode(document), INDEX, if_match=etag, allowed=(409, 412))
        if tries:  # others write too: the more tries, the longer, and no two the same
            share = int.from_bytes(world.entropy.token(2), "big") / 0xFFFF
            world.clock.sleep(_PAUSE_SECONDS * share * min(tries, 20))
    raise ServiceError(
        code="referrers-contended",
        what=f"the attachment is stored, but not listed under {tag}",
        why="others kept writing the same list",
        fix="try again later, or use a registry with the referrers API",
        retryable=True,
    )


def _tagged(client: Client, tag: Reference) -> set[str]:
    """The digits of every attachment that has a tag of its own; none where the tags are too many to be listed."""
    start = f"{tag.tag}."
    try:
        tags = client.tags(tag)
    except FormatError:
        tags = ()
    found = {one.removeprefix(start) for one in tags if one.startswith(start)}
    return {one for one in found if len(one) == _OWN_TAG_DIGITS and set(one) <= set("0123456789abcdef")}


def _read(client: Client, tag: Reference, digits: str, seen: dict[str, Manifest]) -> Manifest | None:
    """The attachment with a tag of its own; None where it is gone, or is none of this image."""
    if digits not in seen:
        stored = client.tag_bytes(tag.tagged(f"{tag.tag}.{digits}"))
        try:
            found = None if stored is None else parse_manifest(stored[0])
        except FormatError:
            found = None
        if found is None or found.subject is None or tag_of(found.subject.digest) != tag.tag:
            return None
        if _own_digits(found.digest) != digits:
            return None
        seen[digits] = found
    return seen[digits]


def _own_digits(digest: Digest) -> str:
    return digest.hex[:_OWN_TAG_DIGITS]


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
    if image.name in client.without_referrers:
        return None
    found: list[Descriptor] = []
    path: str | None = f"referrers/{quote(str(digest), safe=':')}"
    for page in range(limits.REFERRER_PAGES):
        allowed = (200,) if page else (200, *_NO_API)  # a list that ends in the middle is no list
        answer = client.get(image, path or "", accept=INDEX, allowed=allowed)
        if page and not _is_index(answer.headers.get("content-type", "")):
            raise malformed("a page of the referrers is no index")
        if answer.status != 200 or not _is_index(answer.headers.get("content-type", "")):
            client.without_referrers.add(image.name)
            return None
        found += parse_manifest(answer.body, INDEX, manifests_at_most=limits.REFERRERS_READ).manifests
        _check_count(len(found))
        path = next_page(answer)
        if path is None:
            return tuple(found)
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
