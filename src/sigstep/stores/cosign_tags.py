"""cosign's signatures and attestations from before version 3: the tags ``sha256-<hex>.sig`` and ``.att``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sigstep.model import limits
from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.oci.manifest import Descriptor
from sigstep.oci.source import ImageSource
from sigstep.wire.simple_signing import ENVELOPE_TYPE, PAYLOAD_TYPE, check_payload, parse_layer

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
