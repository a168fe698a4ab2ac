"""Saved images: an OCI layout folder (image-spec, image-layout.md), as ``cosign save`` and ``oci:`` tools write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigstep.errors import FormatError, NothingToExamine, Undecided
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.client import check_bytes
from sigstep.oci.manifest import INDEX, Descriptor, Manifest, parse_manifest
from sigstep.oci.referrers import tag_of

KIND: Final = "kind"
KIND_PREFIX: Final = "dev.cosignproject.cosign/"
_REF_NAME: Final = "org.opencontainers.image.ref.name"
_SUFFIX_KINDS: Final = {"sig": "sigs", "att": "atts"}
_SCANNED: Final = 10_000  # blobs of one layout that are looked at for referrers


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An image in a layout folder; ``ref_name`` chooses one of several."""

    folder: Path
    ref_name: str = ""

    @property
    def name(self) -> str:
        """See `ImageSource.name`."""
        return str(self.folder)

    def index(self) -> Manifest:
        """The layout's ``index.json``.

        Raises:
            NothingToExamine: ``layout-missing``.
            FormatError: ``image-manifest``.
        """
        if not (self.folder / "oci-layout").is_file():
            raise NothingToExamine(
                code="layout-missing",
                what=f"{self.folder} is no saved image",
                why="it has no file oci-layout",
                fix="name a folder that `sigstep save`, `cosign save` or an oci: tool wrote",
            )
        return parse_manifest(_read(self.folder / "index.json", limits.IMAGE_MANIFEST_BYTES), INDEX)

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """See `ImageSource.manifest`.

        Raises:
            NothingToExamine: ``layout-missing``, ``layout-image``.
            FormatError: ``registry-digest-mismatch``, ``image-manifest``.
        """
        wanted = self._main() if digest is None else digest
        data = _read(self._path(wanted), limits.IMAGE_MANIFEST_BYTES)
        check_bytes(data, wanted, None, f"{self.folder}: {wanted}")
        return parse_manifest(data)

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """See `ImageSource.blob`.

        Raises:
            FormatError: ``registry-digest-mismatch``, ``registry-size-mismatch``, ``registry-blob-too-large``.
        """
        data = _read(self._path(descriptor.digest), at_most)
        check_bytes(data, descriptor.digest, descriptor.size, f"{self.folder}: {descriptor.digest}")
        return data

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """See `ImageSource.referrers`: every manifest in the folder whose subject is ``digest``.

        Layouts do not list referrers (cosign leaves them out of ``index.json``), so all small blobs are looked at.
        """
        found = []
        for path in sorted((self.folder / "blobs" / "sha256").glob("*"))[:_SCANNED]:
            if path.stat().st_size > limits.IMAGE_MANIFEST_BYTES:
                continue
            data = _read(path, limits.IMAGE_MANIFEST_BYTES)
            if b'"subject"' not in data or digest.hex.encode() not in data:
                continue
            try:
                manifest = parse_manifest(data)
            except FormatError:
                continue  # a blob that is no manifest
            if manifest.subject is not None and manifest.subject.digest == digest:
                found.append(manifest.descriptor)
        return tuple(found)

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """See `ImageSource.legacy`; cosign marks them by ``kind``, others by the tag as the name."""
        for one in self.index().manifests:
            named = one.annotations.get(_REF_NAME, "").endswith(f"{tag_of(digest)}.{suffix}")
            kind = one.annotations.get(KIND, "") == f"{KIND_PREFIX}{_SUFFIX_KINDS[suffix]}"
            if named or (kind and digest == self._main()):
                return self.manifest(one.digest)
        return None

    def _main(self) -> Digest:
        images = [one for one in self.index().manifests if _is_image(one)]
        if self.ref_name:
            images = [one for one in images if one.annotations.get(_REF_NAME) == self.ref_name]
        digests = dict.fromkeys(one.digest for one in images)
        if len(digests) != 1:
            raise NothingToExamine(
                code="layout-image",
                what=f"{self.folder} does not say which image is meant",
                why=f"it has {len(digests)} images to choose from",
                fix="save one image in a folder of its own",
            )
        return next(iter(digests))

    def _path(self, digest: Digest) -> Path:
        return self.folder / "blobs" / digest.algorithm.value / digest.hex


def _is_image(one: Descriptor) -> bool:
    kind = one.annotations.get(KIND, "")
    tag = one.annotations.get(_REF_NAME, "")
    return kind.removeprefix(KIND_PREFIX) not in {"sigs", "atts"} and not tag.endswith((".sig", ".att", ".sbom"))


def _read(path: Path, at_most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(at_most + 1)
    except OSError as error:
        raise Undecided(
            code="layout-unreadable",
            what=f"{path} cannot be read",
            why=error.strerror or "",
            fix="save the image again",
        ) from None
    if len(data) > at_most:
        raise FormatError(
            code="registry-blob-too-large",
            what=f"{path} is too large",
            why=f"at most {at_most} bytes are read",
            fix="look at what the manifest lists",
        )
    return data
