"""Which manifests of an image a platform means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sigstep.errors import NothingToExamine
from sigstep.flows.images import meant
from sigstep.model.digest import Digest
from sigstep.oci.manifest import INDEX, MANIFEST, Descriptor, Manifest, encode, parse_manifest


class Stored:
    """An image whose manifests and blobs are at hand."""

    name = "localhost/app"

    def __init__(self) -> None:
        self.manifests: dict[Digest, Manifest] = {}
        self.blobs: dict[Digest, bytes] = {}
        self.root = self.index()

    def image(self, platform: str, *, listed: str = "") -> dict[str, Any]:
        """A new image, and how an index lists it."""
        names = ("os", "architecture", "variant")
        config = json.dumps({**dict(zip(names, platform.split("/"), strict=False)), "at": len(self.blobs)}).encode()
        self.blobs[Digest.of(config)] = config
        said = Descriptor(media_type="", digest=Digest.of(config), size=len(config)).document()
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": said, "layers": []}
        whole = dict(zip(names, (listed or platform).split("/"), strict=False))
        return {**self._stored(document).descriptor.document(), "platform": whole}

    def index(self, *children: dict[str, Any]) -> Manifest:
        """An index, which becomes the image."""
        self.root = self._stored({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(children) or None})
        return self.root

    def _stored(self, document: dict[str, Any]) -> Manifest:
        found = parse_manifest(encode(document))
        self.manifests[found.digest] = found
        return found

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """What is stored."""
        return self.manifests[digest] if digest else self.root

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """What is stored."""
        return self.blobs[descriptor.digest]

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """Nothing."""
        raise NotImplementedError(digest)

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """Nothing."""
        raise NotImplementedError(digest, suffix)

    def of(self, platform: str) -> list[str]:
        """The platforms of what is meant."""
        return [one for _, one in meant(self, platform)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("linux/arm64", ["linux/arm64"]),
        ("linux/arm64/v8", ["linux/arm64"]),
        ("Linux/AMD64", ["linux/amd64"]),
        ("linux/arm", ["linux/arm/v6", "linux/arm/v7"]),
        ("linux/arm/v7", ["linux/arm/v7"]),
        ("windows/amd64", ["windows/amd64", "windows/amd64"]),
    ],
)
def test_all_images_for_a_platform(asked: str, found: list[str]) -> None:
    """Any of those that fit may run, so each is meant; also where an index lists it within another one."""
    stored = Stored()
    inner = stored.index(stored.image("linux/arm/v6"), stored.image("linux/arm/v7"))
    kinds = ("linux/amd64", "linux/arm64", "windows/amd64", "windows/amd64")
    stored.index(*(stored.image(kind) for kind in kinds), inner.descriptor.document())
    assert stored.of(asked) == found


def test_an_image_alone() -> None:
    """Its config says what it is for."""
    stored = Stored()
    stored.image("linux/arm64/v8")
    stored.root = list(stored.manifests.values())[-1]
    assert stored.of("linux/arm64") == ["linux/arm64/v8"]
    assert [digest for digest, _ in meant(stored, "all")] == [stored.root.digest]
    with pytest.raises(NothingToExamine, match="linux/amd64") as caught:
        stored.of("linux/amd64")
    assert (caught.value.code, caught.value.why) == ("platform-missing", "it has linux/arm64/v8")


def test_an_empty_index() -> None:
    """Go writes an empty list as null."""
    stored = Stored()
    assert [digest for digest, _ in meant(stored)] == [stored.root.digest]
    with pytest.raises(NothingToExamine):
        stored.of("all")
