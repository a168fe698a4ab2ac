"""cosign's signatures and attestations from before version 3: the tags ``sha256-<hex>.sig`` and ``.att``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sigstep.errors import ServiceError
from sigstep.model import limits
from sigstep.model.bundle import Bundle, Envelope
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.oci.client import Client
from sigstep.oci.manifest import MANIFEST, Descriptor, encode, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import tag_of
from sigstep.oci.source import ImageSource
from sigstep.wire.simple_signing import ENVELOPE_TYPE, PAYLOAD_TYPE, check_payload, layer_annotations, parse_layer
from sigstep.wire.statement import parse_statement

_CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
_PREDICATE: Final = "predicateType"
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.2
_EXPECTED: Final = {"sig": PAYLOAD_TYPE, "att": ENVELOPE_TYPE}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyLayer:
    """One layer of a tag: where it is, its descriptor, and the tag's suffix."""

    source: str
    descriptor: Descriptor
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySignature:
    """The claims of a layer and its exact bytes; ``is_signature`` for ``.sig``."""

    bundle: Bundle
    data: bytes
    is_signature: bool


def legacy_layers(source: ImageSource, digest: Digest) -> tuple[LegacyLayer, ...]:
    """The layers of both tags of an image; none where there is no tag.

    Raises:
        SigstepError: the registry or folder could not be asked.
    """
    found = []
    for suffix, media_type in _EXPECTED.items():
        manifest = source.legacy(digest, suffix)
        layers = manifest.layers if manifest else ()
        found += [
            LegacyLayer(source=f"{source.name}:{suffix}[{at}]", descriptor=one, suffix=suffix)
            for at, one in enumerate(layers)
            if one.media_type == media_type
        ]
    return tuple(found)


def read_layer(source: ImageSource, layer: LegacyLayer, image: Digest) -> LegacySignature:
    """One layer, and for a signature its binding to the image.

    Raises:
        FormatError: ``simple-signing``, ``simple-signing-image``, or bytes that do not match their digest.
    """
    data = source.blob(layer.descriptor, at_most=limits.BUNDLE_BYTES)
    is_signature = layer.suffix == "sig"
    if is_signature:
        check_payload(data, image)
    bundle = parse_layer(layer.descriptor.media_type, data, layer.descriptor.annotations)
    return LegacySignature(bundle=bundle, data=data, is_signature=is_signature)


def publish(
    client: Client, image: Reference, subject: Digest, media_type: str, layer: bytes, bundle: Bundle
) -> Receipt:
    """Add a layer to cosign's tag of an image; layers that are there stay.

    Args:
        image: the repository.
        subject: of the image's manifest or index.
        media_type: `PAYLOAD_TYPE` for a signature, `ENVELOPE_TYPE` for an attestation.
        layer: the payload, or the envelope's exact bytes.
        bundle: what was made over it.

    Raises:
        UsageError: ``legacy-promise``.
        ServiceError: ``referrers-contended`` when others kept overwriting the tag; a ``registry-*`` code.
    """
    suffix = next(name for name, kind in _EXPECTED.items() if kind == media_type)
    annotations = layer_annotations(bundle)
    if isinstance(bundle.content, Envelope):
        annotations[_PREDICATE] = parse_statement(bundle.content.payload).predicate_type
    client.put_blob(image, layer)
    added = Descriptor(media_type=media_type, digest=Digest.of(layer), size=len(layer), annotations=annotations)
    tag = image.tagged(f"{tag_of(subject)}.{suffix}")
    for tries in range(_TRIES):
        stored = client.tag_bytes(tag)
        known = [one.document() for one in parse_manifest(stored[0]).layers] if stored else []
        if added.document() in known:
            return Receipt(store="cosign-tags", location=f"{tag}", id=str(added.digest))
        manifest = _tag_manifest(client, image, [*known, added.document()])
        client.put_manifest(tag, manifest, MANIFEST, if_match=stored[1] if stored else "", allowed=(409, 412))
        client.world.clock.sleep(_PAUSE_SECONDS * tries)
    raise ServiceError(
        code="referrers-contended",
        what=f"the signature is not in {tag}",
        why="others kept writing the same tag",
        fix="try again later; one writer at a time is what this format is made for",
        retryable=True,
    )


def _tag_manifest(client: Client, image: Reference, layers: list[dict[str, Any]]) -> bytes:
    """A manifest over these layers, with the configuration that image tools expect."""
    config = {
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in layers]},
    }
    stored = client.put_blob(image, encode(config))
    described = {**stored.document(), "mediaType": _CONFIG_TYPE}
    return encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers})
