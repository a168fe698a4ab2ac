"""Where an image and what is attached to it are read from: a registry or a saved layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX_TYPES, Descriptor, Manifest, malformed, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import has_api, list_referrers, tag_of
from sigstep.wire import strict_json

_BUILDKIT: Final = "vnd.docker.reference.type"  # an annotation of children that describe another child


class ImageSource(Protocol):
    """Manifests, blobs and attachments of one repository."""

    @property
    def name(self) -> str:
        """The repository's name, or the layout's folder."""
        ...

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """The image itself, or the manifest with a digest."""
        ...

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """A blob, checked against its descriptor."""
        ...

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """Descriptors of the manifests that say they are about ``digest``."""
        ...

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """cosign's tag of an image (``sig``, ``att``), or None."""
        ...


class WholeImage(ImageSource, Protocol):
    """An image of which layers of any size are read too."""

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob piece by piece; the error for wrong bytes comes after the last."""
        ...


def walk(source: ImageSource, root: Manifest) -> Iterator[tuple[Manifest, str]]:
    """Every manifest of an image once, with its platform: children before the index that lists them.

    Raises:
        FormatError: ``image-manifest``: indexes nest too deep, or list too much.
        SigstepError: a manifest cannot be read.
    """
    seen: set[Digest] = set()

    def below(manifest: Manifest, platform: str, depth: int) -> Iterator[tuple[Manifest, str]]:
        if depth > limits.INDEX_DEPTH:
            raise malformed(f"indexes nest deeper than {limits.INDEX_DEPTH}")
        for child in manifest.manifests:
            if child.digest in seen:
                continue
            seen.add(child.digest)
            if len(seen) > limits.IMAGE_NODES:
                raise malformed(f"it lists more than {limits.IMAGE_NODES} manifests")
            yield from below(source.manifest(child.digest), child.platform, depth + 1)
        yield manifest, platform

    yield from below(root, "", 0)


def platforms(source: ImageSource, root: Manifest) -> tuple[Descriptor, ...]:
    """The images that an index lists, each once, also below indexes in it; none for an image.

    Raises:
        FormatError: ``image-manifest``: indexes nest too deep, or list too much.
        SigstepError: an index cannot be read.
    """
    found: dict[Digest, Descriptor] = {}

    def below(manifest: Manifest, depth: int) -> None:
        if depth > limits.INDEX_DEPTH:
            raise malformed(f"indexes nest deeper than {limits.INDEX_DEPTH}")
        for child in manifest.manifests:
            if child.digest in found or not is_image(child):
                continue
            found[child.digest] = child
            if len(found) > limits.IMAGE_NODES:
                raise malformed(f"it lists more than {limits.IMAGE_NODES} manifests")
            if child.media_type in INDEX_TYPES:
                below(source.manifest(child.digest), depth + 1)

    below(root, 0)
    return tuple(found.values())


def own_platform(source: ImageSource, image: Manifest) -> str:
    """What an image's config says it is for (OCI image-spec, config); empty where it says nothing.

    Raises:
        FormatError: a code of strict JSON.
        SigstepError: it cannot be read.
    """
    if image.config is None:
        return ""
    data = source.blob(image.config, at_most=limits.IMAGE_MANIFEST_BYTES)
    value = strict_json.loads(data, at_most=limits.IMAGE_MANIFEST_BYTES, name="image config")
    said = [value.get(name) for name in ("os", "architecture", "variant")] if isinstance(value, dict) else []
    return "/".join(one for one in said if isinstance(one, str) and one)


def lineage(source: ImageSource, root: Manifest) -> dict[Digest, tuple[Digest, ...]]:
    """For an image, and whatever its indexes list: the digests of all that lists it and of all that it lists.

    Raises:
        FormatError: ``image-manifest``: indexes nest too deep, or list too much.
        SigstepError: an index cannot be read.
    """
    below: dict[Digest, set[Digest]] = {}

    def visit(manifest: Manifest, depth: int) -> None:
        if depth > limits.INDEX_DEPTH:
            raise malformed(f"indexes nest deeper than {limits.INDEX_DEPTH}")
        found = below.setdefault(manifest.digest, set())
        for child in manifest.manifests:
            if child.digest not in below:
                below[child.digest] = set()
                if len(below) > limits.IMAGE_NODES:
                    raise malformed(f"it lists more than {limits.IMAGE_NODES} manifests")
                if child.media_type in INDEX_TYPES:
                    visit(source.manifest(child.digest), depth + 1)
            found |= {child.digest, *below[child.digest]}

    visit(root, 0)
    return {
        digest: (*found, *(above for above, some in below.items() if digest in some)) for digest, found in below.items()
    }


def is_image(child: Descriptor) -> bool:
    """Whether a child of an index is an image; BuildKit also lists its own (unsigned) attestation manifests."""
    return _BUILDKIT not in child.annotations


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image in a registry."""

    client: Client
    image: Reference

    @property
    def name(self) -> str:
        """See `ImageSource.name`."""
        return self.image.name

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """See `ImageSource.manifest`."""
        return self.client.manifest(self.image if digest is None else self.image.at(digest))

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """See `ImageSource.blob`."""
        return self.client.blob(self.image, descriptor, at_most=at_most)

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """See `WholeImage.stream`."""
        return self.client.stream_blob(self.image, descriptor)

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """See `ImageSource.referrers`."""
        return list_referrers(self.client, self.image, digest)

    def has_referrers_api(self) -> bool:
        """Whether the registry lists referrers itself; otherwise a tag stands in for the list."""
        return has_api(self.client, self.image)

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """See `ImageSource.legacy`."""
        found = self.client.tag_bytes(self.image.tagged(f"{tag_of(digest)}.{suffix}"))
        return None if found is None else parse_manifest(found[0])
