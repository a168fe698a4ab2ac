"""Saved images: OCI layouts (image-spec, image-layout.md) as cosign, Docker 25 and ``oci:`` tools write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.errors import FormatError, NothingToExamine
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.checks import check_bytes, check_size, compare
from sigstep.oci.files import Archive, Files, Folder, read
from sigstep.oci.manifest import INDEX, Descriptor, Manifest, parse_manifest
from sigstep.oci.referrers import tag_of
from sigstep.oci.saved import SavedImage

KIND: Final = "kind"
KIND_PREFIX: Final = "dev.cosignproject.cosign/"
REF_NAME: Final = "org.opencontainers.image.ref.name"
_IMAGE_NAME: Final = "io.containerd.image.name"  # the whole reference, as Docker writes it
_SUFFIX_KINDS: Final = {"sig": "sigs", "att": "atts"}
_ATTACHED_TAG: Final = re.compile(r"(?:.*:)?sha(?:256|384|512)-[0-9a-f]{64}(?:\..*)?")
_SCANNED: Final = 10_000  # blobs of one layout that are looked at for referrers


class Layout:
    """An image in a layout; ``ref_name`` chooses one of several by its tag or its whole name."""

    def __init__(self, files: Files, ref_name: str = "") -> None:
        self._files = files
        self._ref_name = ref_name
        self._referrers: dict[Digest, list[Descriptor]] | None = None

    @property
    def name(self) -> str:
        """See `ImageSource.name`."""
        return self._files.name

    def index(self) -> Manifest:
        """The layout's ``index.json``.

        Raises:
            NothingToExamine: ``layout-missing``.
            FormatError: ``image-manifest``; ``layout-docker-archive``.
        """
        if not self._files.has("oci-layout"):
            if self._files.has("manifest.json"):
                raise FormatError(
                    code="layout-docker-archive",
                    what=f"{self.name} does not hold the image as registries know it",
                    why="it is of Docker before version 25: its layers have other digests than in a registry",
                    fix="save it with Docker 25 or newer, or with: skopeo copy docker://… oci-archive:FILE",
                )
            raise NothingToExamine(
                code="layout-missing",
                what=f"{self.name} is no saved image",
                why="it has no file oci-layout",
                fix="name what `sigstep save`, `cosign save`, `docker save` or an oci: tool wrote",
            )
        return parse_manifest(read(self._files, "index.json", limits.IMAGE_MANIFEST_BYTES), INDEX)

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """See `ImageSource.manifest`.

        Raises:
            NothingToExamine: ``layout-missing``, ``layout-image``.
            FormatError: ``registry-digest-mismatch``, ``image-manifest``.
            Undecided: ``layout-unreadable``.
        """
        wanted = self._main() if digest is None else digest
        data = read(self._files, _path(wanted), limits.IMAGE_MANIFEST_BYTES)
        check_bytes(data, wanted, None, f"{self.name}: {wanted}")
        return parse_manifest(data)

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """See `ImageSource.blob`.

        Raises:
            FormatError: ``registry-digest-mismatch``, ``registry-size-mismatch``, ``registry-blob-too-large``.
        """
        data = read(self._files, _path(descriptor.digest), at_most)
        check_bytes(data, descriptor.digest, descriptor.size, f"{self.name}: {descriptor.digest}")
        return data

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """See `WholeImage.stream`.

        Raises:
            FormatError: ``registry-digest-mismatch``, ``registry-size-mismatch``, ``registry-blob-too-large``.
        """
        check_size(descriptor, limits.IMAGE_LAYER_BYTES)
        running = descriptor.digest.algorithm.new()
        seen = 0
        for piece in self._files.pieces(_path(descriptor.digest)):
            running.update(piece)
            seen += len(piece)
            yield piece
        compare(running.digest(), seen, descriptor.digest, descriptor.size, f"{self.name}: {descriptor.digest}")

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """See `ImageSource.referrers`: every manifest in the layout whose subject is ``digest``.

        Layouts do not list referrers (cosign leaves them out of ``index.json``): all small blobs are looked at, once.
        """
        if self._referrers is None:
            known: dict[Digest, list[Descriptor]] = {}
            for path in self._files.below("blobs/sha256")[:_SCANNED]:
                manifest = self._attachment(path)
                if manifest is not None and manifest.subject is not None:
                    known.setdefault(manifest.subject.digest, []).append(_described(manifest))
            self._referrers = known
        return tuple(self._referrers.get(digest, ()))

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """See `ImageSource.legacy`; cosign marks them by ``kind``, others by the tag as the name."""
        for one in self.index().manifests:
            named = one.annotations.get(REF_NAME, "").endswith(f"{tag_of(digest)}.{suffix}")
            kind = one.annotations.get(KIND, "") == f"{KIND_PREFIX}{_SUFFIX_KINDS[suffix]}"
            unnamed = not one.annotations.get(REF_NAME)
            if named or (kind and unnamed and digest == self._main()):
                return self.manifest(one.digest)
        return None

    def _attachment(self, path: str) -> Manifest | None:
        if self._files.size(path) > limits.IMAGE_MANIFEST_BYTES:
            return None
        data = read(self._files, path, limits.IMAGE_MANIFEST_BYTES)
        if not data.startswith(b"{") or b'"subject"' not in data:
            return None
        try:
            return parse_manifest(data)
        except FormatError:
            return None  # a blob that is no manifest

    def _main(self) -> Digest:
        images = [one for one in self.index().manifests if _is_image(one)]
        if self._ref_name:
            named = (REF_NAME, _IMAGE_NAME)
            images = [one for one in images if self._ref_name in [one.annotations.get(each) for each in named]]
        digests = dict.fromkeys(one.digest for one in images)
        if len(digests) != 1:
            raise NothingToExamine(
                code="layout-image",
                what=f"{self.name} does not say which image is meant",
                why=f"it has {len(digests)} images to choose from"
                + (f" with the name {self._ref_name[:200]!r}" if self._ref_name else ""),
                fix="name one with oci:FOLDER:NAME, or save one image in a folder of its own",
            )
        return next(iter(digests))


def open_layout(saved: SavedImage) -> Layout:
    """A saved image: a folder, or an archive.

    Raises:
        NothingToExamine: ``layout-missing``.
        FormatError: ``layout-archive``.
    """
    return Layout(Folder(saved.path) if saved.path.is_dir() else Archive(saved.path), saved.ref_name)


def _described(manifest: Manifest) -> Descriptor:
    """What a listing would say about an attachment."""
    return Descriptor(
        media_type=manifest.media_type,
        digest=manifest.digest,
        size=len(manifest.data),
        artifact_type=manifest.artifact_type,
        annotations=manifest.annotations,
    )


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm.value}/{digest.hex}"


def _is_image(one: Descriptor) -> bool:
    kind = one.annotations.get(KIND, "").removeprefix(KIND_PREFIX)
    return kind not in {"sigs", "atts"} and not _ATTACHED_TAG.fullmatch(one.annotations.get(REF_NAME, ""))
