"""Images with everything attached to them: list it, copy it between registries and saved layouts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep.errors import UsageError
from sigstep.model.digest import Digest
from sigstep.oci.client import Client, Settings
from sigstep.oci.layout import KIND, KIND_PREFIX, REF_NAME
from sigstep.oci.manifest import Descriptor, Manifest, index_document
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import attach, tag_of
from sigstep.oci.source import ImageSource, RemoteImage, WholeImage, walk
from sigstep.ports.world import World
from sigstep.stores.referrers import CREATED, PREDICATE

_TAGS: Final = {"sig": "sigs", "att": "atts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One thing that is attached to a manifest, as it is listed: unverified.

    Attributes:
        subject: the manifest it is attached to.
        digest: of the attachment's own manifest.
        kind: its predicate type or artifact type.
        created: the time it claims, RFC 3339, or empty.
        legacy: the suffix of cosign's tag that holds it, or empty for a referrer.
    """

    subject: Digest
    digest: Digest
    kind: str
    created: str = ""
    legacy: str = ""


def tree(source: ImageSource) -> tuple[Manifest, tuple[tuple[Manifest, str], ...], tuple[Attached, ...]]:
    """An image, its manifests with their platforms (itself first), and what is attached; nothing is verified.

    Raises:
        SigstepError: the registry could not be asked.
    """
    root = source.manifest()
    nodes = tuple(walk(source, root))[::-1]
    return root, nodes, tuple(one for manifest, _ in nodes for one in attachments(source, manifest.digest))


def attachments(source: ImageSource, digest: Digest) -> tuple[Attached, ...]:
    """What is listed as attached to one manifest; hints, nothing is verified.

    Raises:
        SigstepError: the registry could not be asked.
    """
    found = [_attached(source, digest, one) for one in source.referrers(digest)]
    for suffix in _TAGS:
        legacy = source.legacy(digest, suffix)
        if legacy is not None:
            kind = f"{len(legacy.layers)} in the tag .{suffix}"
            found.append(Attached(subject=digest, digest=legacy.digest, kind=kind, legacy=suffix))
    return tuple(found)


def _attached(source: ImageSource, subject: Digest, one: Descriptor) -> Attached:
    """One entry of a list; cosign leaves annotations out of the list that stands in for the API: its manifest tells."""
    annotations, kind = one.annotations, one.artifact_type
    if PREDICATE not in annotations and CREATED not in annotations:
        manifest = source.manifest(one.digest)
        annotations, kind = manifest.annotations, manifest.artifact_type or kind
    kind = annotations.get(PREDICATE, "") or kind
    return Attached(subject=subject, digest=one.digest, kind=kind, created=annotations.get(CREATED, ""))


def copy(source: WholeImage, target: Reference, settings: Settings, world: World) -> Manifest:
    """Copy an image, its children and all that is attached; the tag of the target is written last.

    Raises:
        SigstepError: it was not copied whole; the target's tag is as it was.
    """
    client = Client(world, settings)
    root = source.manifest()
    for manifest, _ in walk(source, root):
        _push(client, source, target.at(manifest.digest), manifest)
        for one in source.referrers(manifest.digest):
            attached = source.manifest(one.digest)
            _push_blobs(client, source, target, attached)
            attach(client, target, attached)
        for suffix in _TAGS:
            legacy = source.legacy(manifest.digest, suffix)
            if legacy is not None:
                _push(client, source, target.tagged(f"{tag_of(manifest.digest)}.{suffix}"), legacy)
    if target.tag:
        client.put_manifest(target.tagged(target.tag), root.data, root.media_type)
    return root


def save(origin: Reference, folder: Path, settings: Settings, world: World) -> Manifest:
    """Save an image and all that is attached as an OCI layout, as ``cosign save`` does; whole or not at all.

    Raises:
        UsageError: ``output-exists``, ``output-unwritable``.
        SigstepError: it could not be read.
    """
    if folder.exists():
        raise UsageError(
            code="output-exists",
            what=f"{folder} is there already",
            why="an image is saved into a folder of its own",
            fix="name another folder",
        )
    source = RemoteImage(Client(world, settings), origin)
    root = source.manifest()
    partial = folder.with_name(f".{folder.name}.{root.digest.hex[:12]}")
    try:
        _write(source, root, partial, f"{origin.name}:{origin.tag}" if origin.tag else "")
        partial.rename(folder)
    except OSError as error:
        raise UsageError(
            code="output-unwritable", what=f"{folder} cannot be written", why=error.strerror or "", fix="check the disk"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _write(source: WholeImage, root: Manifest, folder: Path, name: str) -> None:
    (folder / "blobs" / "sha256").mkdir(parents=True)
    listed: list[dict[str, Any]] = [_listed(root, "imageIndex" if root.is_index else "image", name)]
    for manifest, _ in walk(source, root):
        _save_manifest(source, folder, manifest)
        for one in source.referrers(manifest.digest):
            _save_manifest(source, folder, source.manifest(one.digest))
        for suffix, kind in _TAGS.items():
            legacy = source.legacy(manifest.digest, suffix)
            if legacy is not None:
                _save_manifest(source, folder, legacy)
                listed.append(_listed(legacy, kind, f"{tag_of(manifest.digest)}.{suffix}"))
    (folder / "index.json").write_bytes(index_document(listed))
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


def _listed(manifest: Manifest, kind: str, name: str = "") -> dict[str, Any]:
    annotations = {KIND: KIND_PREFIX + kind, **({REF_NAME: name} if name else {})}
    return {**manifest.descriptor.document(), "annotations": annotations}


def _save_manifest(source: WholeImage, folder: Path, manifest: Manifest) -> None:
    for blob in _blobs(manifest):
        path = folder / "blobs" / blob.digest.algorithm.value / blob.digest.hex
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            for piece in source.stream(blob):
                file.write(piece)
    path = folder / "blobs" / manifest.digest.algorithm.value / manifest.digest.hex
    path.write_bytes(manifest.data)


def _push(client: Client, source: WholeImage, target: Reference, manifest: Manifest) -> None:
    _push_blobs(client, source, target, manifest)
    client.put_manifest(target, manifest.data, manifest.media_type)


def _push_blobs(client: Client, source: WholeImage, target: Reference, manifest: Manifest) -> None:
    for blob in _blobs(manifest):
        if not client.has(target, f"blobs/{blob.digest}"):
            client.upload(target, blob.digest, source.stream(blob))


def _blobs(manifest: Manifest) -> Iterator[Descriptor]:
    if manifest.config is not None:
        yield manifest.config
    yield from manifest.layers
