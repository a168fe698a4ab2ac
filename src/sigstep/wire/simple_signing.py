"""cosign's signatures and attestations from before the bundle: layers of ``.sig`` and ``.att`` manifests."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from sigstep.errors import FormatError, UsageError
from sigstep.model import limits
from sigstep.model.bundle import (
    Bundle,
    BundleVersion,
    CertificateMaterial,
    Envelope,
    MessageSignature,
    PublicKeyMaterial,
)
from sigstep.model.digest import Digest
from sigstep.wire import strict_json
from sigstep.wire.cosign import certificate_der, parse_rekor_bundle
from sigstep.wire.dsse import parse_envelope
from sigstep.wire.members import as_mapping, decode_base64
from sigstep.wire.rekor_body import encode_pem

PAYLOAD_TYPE: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE_TYPE: Final = "application/vnd.dsse.envelope.v1+json"
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
CERTIFICATE: Final = "dev.sigstore.cosign/certificate"
LOG_BUNDLE: Final = "dev.sigstore.cosign/bundle"
TIMESTAMP: Final = "dev.sigstore.cosign/rfc3161timestamp"
_KIND: Final = "cosign container image signature"


def check_payload(payload: bytes, image: Digest) -> Mapping[str, str]:
    """Bind a simple signing payload to an image; its ``optional`` texts.

    Args:
        payload: the exact bytes that were signed.
        image: digest of the manifest or index.

    Raises:
        FormatError: ``simple-signing``, ``simple-signing-image``, or a code of strict JSON.
    """
    value = strict_json.loads(payload, at_most=limits.IMAGE_MANIFEST_BYTES, name="signature payload")
    critical = value.get("critical") if isinstance(value, dict) else None
    found = critical.get("image") if isinstance(critical, dict) else None
    if not isinstance(critical, dict) or not isinstance(found, dict) or critical.get("type") != _KIND:
        raise FormatError(
            code="simple-signing",
            what="the signature's payload is not one of a container image",
            why=f"it needs critical.image and the type {_KIND!r}",
            fix="sign the image again",
        )
    if found.get("docker-manifest-digest") != str(image):
        raise FormatError(
            code="simple-signing-image",
            what="the signature is about another image",
            why=f"it names {str(found.get('docker-manifest-digest'))[:80]!r}",
            fix="sign this image",
        )
    optional = value.get("optional")
    return {k: v for k, v in optional.items() if isinstance(v, str)} if isinstance(optional, dict) else {}


def encode_payload(name: str, image: Digest, annotations: Mapping[str, str]) -> bytes:
    """The simple signing payload of an image, as cosign signed it before version 3.

    Args:
        name: the repository with its host.
        image: digest of the manifest or index.
        annotations: become ``optional``.
    """
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": str(image)},
        "type": _KIND,
    }
    return json.dumps({"critical": critical, "optional": dict(annotations) or None}, separators=(",", ":")).encode()


def blob_bundle(envelope: bytes, annotations: Mapping[str, str]) -> bytes:
    """A legacy attestation as a file: cosign's blob bundle of before version 3, which `parse_signed` reads.

    Args:
        envelope: the layer's exact bytes.
        annotations: of the layer's descriptor.

    Raises:
        FormatError: the annotation with the log entry is not JSON.
    """
    document: dict[str, Any] = {"base64Signature": base64.b64encode(envelope).decode()}
    if annotations.get(CERTIFICATE):
        document["cert"] = base64.b64encode(annotations[CERTIFICATE].encode()).decode()
    if annotations.get(LOG_BUNDLE):
        document["rekorBundle"] = _annotation(annotations[LOG_BUNDLE], "log entry")
    return json.dumps(document).encode()


def layer_annotations(bundle: Bundle) -> dict[str, str]:
    """What the descriptor of a legacy layer says beside the layer: signature, certificate, log entry, time stamp.

    Raises:
        UsageError: ``legacy-promise``: no log entry has the signed promise (SET) that the format needs.
    """
    entry = next((one for one in bundle.entries if one.promise is not None), None)
    if entry is None or entry.promise is None:
        raise UsageError(
            code="legacy-promise",
            what="the signature cannot be written for older cosign",
            why="that format needs the signed entry timestamp of Rekor v1, and the services used give none",
            fix="use an instance whose signing config names Rekor v1, or leave out --attach-as",
        )
    payload = {
        "body": base64.b64encode(entry.body).decode(),
        "integratedTime": entry.integrated_time,
        "logIndex": entry.log_index,
        "logID": entry.log_id.hex(),
    }
    promise = base64.b64encode(entry.promise).decode()
    found = {SIGNATURE: "", LOG_BUNDLE: json.dumps({"SignedEntryTimestamp": promise, "Payload": payload})}
    if isinstance(bundle.content, MessageSignature):
        found[SIGNATURE] = base64.b64encode(bundle.content.signature).decode()
    if isinstance(bundle.material, CertificateMaterial):
        found[CERTIFICATE] = encode_pem(bundle.material.leaf, "CERTIFICATE")
    if bundle.timestamps:
        stamp = base64.b64encode(bundle.timestamps[0]).decode()
        found[TIMESTAMP] = json.dumps({"SignedRFC3161Timestamp": stamp})
    return found


def parse_layer(media_type: str, data: bytes, annotations: Mapping[str, str]) -> Bundle:
    """The claims of one legacy layer. A chain in the annotations is only a hint and is not read.

    Args:
        media_type: of the layer: `PAYLOAD_TYPE` or `ENVELOPE_TYPE`.
        data: the layer's bytes.
        annotations: of the layer's descriptor.

    Raises:
        FormatError: ``legacy-layer``, or what the parts are refused for.
    """
    content: Envelope | MessageSignature
    if media_type == ENVELOPE_TYPE:
        value = strict_json.loads(data, at_most=limits.BUNDLE_BYTES, name="envelope")
        content = parse_envelope(value, "envelope")[0]
    elif media_type == PAYLOAD_TYPE:
        signature = decode_base64(annotations.get(SIGNATURE, ""), SIGNATURE, at_most=limits.SIGNATURE_BYTES)
        content = MessageSignature(digest=None, signature=signature)
    else:
        raise FormatError(
            code="legacy-layer",
            what="the layer is neither a signature nor an attestation",
            why=f"its media type is {media_type[:100]!r}",
            fix="sign the image again",
        )
    rekor = annotations.get(LOG_BUNDLE, "")
    entries = (parse_rekor_bundle(_annotation(rekor, "log entry")),) if rekor else ()
    return Bundle(
        version=BundleVersion.V0_1,
        material=_material(annotations.get(CERTIFICATE, "")),
        entries=entries,
        timestamps=_timestamps(annotations.get(TIMESTAMP, "")),
        content=content,
    )


def _material(text: str) -> CertificateMaterial | PublicKeyMaterial:
    der = certificate_der(text.encode()) if text else None
    return PublicKeyMaterial(hint="") if der is None else CertificateMaterial(leaf=der)


def _timestamps(text: str) -> tuple[bytes, ...]:
    if not text:
        return ()
    stamp = as_mapping(_annotation(text, "time stamp"), TIMESTAMP).get("SignedRFC3161Timestamp", "")
    return (decode_base64(stamp, TIMESTAMP, at_most=limits.TIMESTAMP_BYTES),)


def _annotation(text: str, name: str) -> Any:
    return strict_json.loads(text.encode(), at_most=limits.LOG_BODY_BYTES, name=name)
