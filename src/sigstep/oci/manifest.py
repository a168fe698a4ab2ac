"""Image manifests, indexes and descriptors (OCI image-spec), and Docker's equivalents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.wire import strict_json

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES: Final = frozenset({INDEX, DOCKER_LIST})
MANIFEST_TYPES: Final = frozenset({MANIFEST, DOCKER_MANIFEST})
ACCEPT: Final = f"{MANIFEST}, {INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
EMPTY: Final = b"{}"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a manifest says about a blob or another manifest: media type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    platform: str = ""

    def document(self) -> dict[str, Any]:
        """The descriptor as JSON's members."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.artifact_type:
            found["artifactType"] = self.artifact_type
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest or an index, with the bytes that its digest is computed over.

    ``manifests`` are the children of an index; ``config``, ``layers`` and ``subject`` belong to an image manifest.
    """

    media_type: str
    data: bytes
    digest: Digest
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)

    @property
    def is_index(self) -> bool:
        """Whether it lists other manifests."""
        return self.media_type in INDEX_TYPES

    @property
    def descriptor(self) -> Descriptor:
        """What others say about it."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.data))


def parse_manifest(data: bytes, media_type: str = "", *, manifests_at_most: int = limits.IMAGE_MANIFESTS) -> Manifest:
    """A manifest from its bytes.

    Args:
        data: the exact bytes.
        media_type: the media type that the registry or descriptor gave; the manifest's own has to agree.
        manifests_at_most: children of an index.

    Raises:
        FormatError: ``image-manifest``, or a code of strict JSON.
    """
    value = strict_json.loads(data, at_most=limits.IMAGE_MANIFEST_BYTES, name="image manifest")
    if not isinstance(value, dict) or value.get("schemaVersion") != 2:
        raise malformed("it is not of schema version 2")
    own = value.get("mediaType", "")
    said = media_type.partition(";")[0].strip()
    if own and said and own != said:
        raise malformed(f"it is a {str(own)[:100]!r} and was handed over as {said[:100]!r}")
    kind = own or said or (INDEX if "manifests" in value else MANIFEST)
    if not isinstance(kind, str) or kind not in INDEX_TYPES | MANIFEST_TYPES:
        raise malformed(f"the media type {str(kind)[:100]!r} is not known")
    if ("manifests" in value) != (kind in INDEX_TYPES) or ("layers" in value and kind in INDEX_TYPES):
        raise malformed("its members are not those of its media type")
    config, subject = value.get("config"), value.get("subject")
    return Manifest(
        media_type=kind,
        data=data,
        digest=Digest.of(data),
        artifact_type=_text(value, "artifactType"),
        config=_descriptor(config) if config is not None else None,
        layers=_descriptors(value, "layers", limits.IMAGE_LAYERS),
        manifests=_descriptors(value, "manifests", manifests_at_most),
        subject=_descriptor(subject) if subject is not None else None,
        annotations=_annotations(value),
    )


def encode(document: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest that we write."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def index_document(manifests: list[dict[str, Any]]) -> bytes:
    """The bytes of an index that lists these descriptors."""
    return encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})


def malformed(why: str) -> FormatError:
    """The error for a manifest that cannot be used."""
    return FormatError(
        code="image-manifest",
        what="the image manifest is not acceptable",
        why=why,
        fix="push the image again with a current tool",
    )


def _descriptors(value: dict[str, Any], name: str, at_most: int) -> tuple[Descriptor, ...]:
    found = value.get(name)
    if found is None:  # how Go writes an empty list
        return ()
    if not isinstance(found, list) or len(found) > at_most:
        raise malformed(f"{name} is no list of at most {at_most}")
    return tuple(_descriptor(one) for one in found)


def _descriptor(value: Any) -> Descriptor:
    if not isinstance(value, dict):
        raise malformed("a descriptor is no object")
    size, digest = value.get("size"), value.get("digest")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0 or not isinstance(digest, str):
        raise malformed("a descriptor has no size or no digest")
    return Descriptor(
        media_type=_text(value, "mediaType"),
        digest=Digest.parse(digest),
        size=size,
        artifact_type=_text(value, "artifactType"),
        annotations=_annotations(value),
        platform=_platform(value.get("platform")),
    )


def _annotations(value: dict[str, Any]) -> Mapping[str, str]:
    found = value.get("annotations")
    if found is None:
        return _NONE
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise malformed("annotations are texts by name")
    return MappingProxyType(found)


def _platform(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict):
        raise malformed("a platform is no object")
    parts = [_text(value, name) for name in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if part)


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name, "")
    if not isinstance(found, str):
        raise malformed(f"{name} is no text")
    return found
