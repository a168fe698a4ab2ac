"""Where an image and what is attached to it are read from: a registry or a saved layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sigstep.model.digest import Digest
from sigstep.oci.client import Client
from sigstep.oci.manifest import Descriptor, Manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import has_api, list_referrers, tag_of


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

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """See `ImageSource.referrers`."""
        return list_referrers(self.client, self.image, digest)

    def has_referrers_api(self) -> bool:
        """Whether the registry lists referrers itself; otherwise a tag stands in for the list."""
        return has_api(self.client, self.image)

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """See `ImageSource.legacy`."""
        from sigstep.oci.manifest import parse_manifest

        found = self.client.tag_bytes(self.image.tagged(f"{tag_of(digest)}.{suffix}"))
        return None if found is None else parse_manifest(found[0])
