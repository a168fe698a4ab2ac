"""Images with everything attached to them: list it, copy it to another registry, save it as a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigstep.errors import UsageError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci.client import Client, Settings
from sigstep.oci.layout import KIND, KIND_PREFIX
from sigstep.oci.manifest import Descriptor, Manifest, index_document, malformed
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import attach, tag_of
from sigstep.oci.source import RemoteImage
from sigstep.ports.world import World

_TAGS = {"sig": "sigs", "att": "atts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One thing that is attached to a manifest, as it is listed: unverified."""

    subject: Digest
    digest: Digest
    kind: str


def tree(image: Reference, settings: Settings, world: World) -> tuple[Manifest, tuple[Attached, ...]]:
    """An image and what is attached to it and to its children; hints of the registry, nothing is verified.

    Raises:
        SigstepError: the registry could not be asked.
    """
    source = RemoteImage(Client(world, settings), image)
    root = source.manifest()
    found: list[Attached] = []
    for digest in (root.digest, *(child.digest for child in root.manifests)):
        for one in source.referrers(digest):
            kind = one.annotations.get("dev.sigstore.bundle.predicateType", "") or one.artifact_type
            found.append(Attached(subject=digest, digest=one.digest, kind=kind))
        for suffix in _TAGS:
            legacy = source.legacy(digest, suffix)
            if legacy is not None:
                kind = f"{len(legacy.layers)} in the tag .{suffix}"
                found.append(Attached(subject=digest, digest=legacy.digest, kind=kind))
    return root, tuple(found)


def copy(origin: Reference, target: Reference, settings: Settings, world: World) -> Manifest:
    """Copy an image, its children and all that is attached; the tag of the target is written last.

    Raises:
        SigstepError: it was not copied whole; the target's tag is as it was.
    """
    client = Client(world, settings)
    source = RemoteImage(client, origin)
    root = source.manifest()
    for manifest in _whole(source, root, 0):
        _copy_blobs(client, origin, target, manifest)
        client.put_manifest(target.at(manifest.digest), manifest.data, manifest.media_type)
        for one in source.referrers(manifest.digest):
            attached = source.manifest(one.digest)
            _copy_blobs(client, origin, target, attached)
            attach(client, target, attached)
        for suffix in _TAGS:
            legacy = source.legacy(manifest.digest, suffix)
            if legacy is not None:
                _copy_blobs(client, origin, target, legacy)
                tag = target.tagged(f"{tag_of(manifest.digest)}.{suffix}")
                client.put_manifest(tag, legacy.data, legacy.media_type)
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
        _write(source, root, partial)
        partial.rename(folder)
    except OSError as error:
        raise UsageError(
            code="output-unwritable", what=f"{folder} cannot be written", why=error.strerror or "", fix="check the disk"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _write(source: RemoteImage, root: Manifest, folder: Path) -> None:
    (folder / "blobs" / "sha256").mkdir(parents=True)
    kind = "imageIndex" if root.is_index else "image"
    listed: list[dict[str, Any]] = [_listed(root, kind)]
    for manifest in _whole(source, root, 0):
        _save_manifest(source, folder, manifest)
        for one in source.referrers(manifest.digest):
            _save_manifest(source, folder, source.manifest(one.digest))
        for suffix, name in _TAGS.items():
            legacy = source.legacy(manifest.digest, suffix)
            if legacy is not None:
                _save_manifest(source, folder, legacy)
                listed.append(_listed(legacy, name, f"{tag_of(manifest.digest)}.{suffix}"))
    (folder / "index.json").write_bytes(index_document(listed))
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


def _listed(manifest: Manifest, kind: str, name: str = "") -> dict[str, Any]:
    annotations = {KIND: KIND_PREFIX + kind, **({"org.opencontainers.image.ref.name": name} if name else {})}
    return {**manifest.descriptor.document(), "annotations": annotations}


def _save_manifest(source: RemoteImage, folder: Path, manifest: Manifest) -> None:
    for blob in _blobs(manifest):
        path = folder / "blobs" / blob.digest.algorithm.value / blob.digest.hex
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            for piece in source.client.stream_blob(source.image, blob):
                file.write(piece)
    path = folder / "blobs" / manifest.digest.algorithm.value / manifest.digest.hex
    path.write_bytes(manifest.data)


def _copy_blobs(client: Client, origin: Reference, target: Reference, manifest: Manifest) -> None:
    for blob in _blobs(manifest):
        if not client.has(target, f"blobs/{blob.digest}"):
            client.upload(target, blob.digest, client.stream_blob(origin, blob))


def _blobs(manifest: Manifest) -> Iterator[Descriptor]:
    if manifest.config is not None:
        yield manifest.config
    yield from manifest.layers


def _whole(source: RemoteImage, manifest: Manifest, depth: int) -> Iterator[Manifest]:
    """Children before their index."""
    if depth > limits.INDEX_DEPTH:
        raise malformed(f"indexes nest deeper than {limits.INDEX_DEPTH}")
    for child in manifest.manifests:
        yield from _whole(source, source.manifest(child.digest), depth + 1)
    yield manifest
