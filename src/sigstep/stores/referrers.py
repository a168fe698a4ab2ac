"""Bundles attached to an image as OCI 1.1 referrers: reading and writing."""

from __future__ import annotations

from datetime import timezone
from typing import Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import Envelope
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.oci.client import Client
from sigstep.oci.manifest import EMPTY, EMPTY_TYPE, MANIFEST, Descriptor, Manifest, encode, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import attach
from sigstep.oci.source import ImageSource
from sigstep.ports.store import Found
from sigstep.wire.bundle import MEDIA_TYPE, parse_bundle
from sigstep.wire.statement import parse_statement

_PREFIX: Final = "application/vnd.dev.sigstore.bundle"
_UNSAID: Final = frozenset({"", EMPTY_TYPE})
CONTENT: Final = "dev.sigstore.bundle.content"
PREDICATE: Final = "dev.sigstore.bundle.predicateType"
CREATED: Final = "org.opencontainers.image.created"


def bundle_referrers(source: ImageSource, digest: Digest) -> tuple[Descriptor, ...]:
    """Descriptors of what may be bundles about ``digest``; annotations are hints.

    Raises:
        SigstepError: the registry or folder could not be asked.
    """
    listed = source.referrers(digest)
    return tuple(one for one in listed if one.artifact_type in _UNSAID or one.artifact_type.startswith(_PREFIX))


def read_referrer(source: ImageSource, referrer: Descriptor, subject: Digest) -> Found | None:
    """The bundle of one referrer; None where the manifest carries something else.

    Raises:
        FormatError: ``referrer-subject``, ``referrer-layers``, or bytes that do not match their digest.
        SigstepError: the registry or folder could not be asked.
    """
    manifest = source.manifest(referrer.digest)
    if manifest.subject is None or manifest.subject.digest != subject:
        raise FormatError(
            code="referrer-subject",
            what="the registry lists an attachment of another image",
            why=f"{referrer.digest} is about {manifest.subject.digest if manifest.subject else 'nothing'}",
            fix="attach it to this image; the listing of the registry is wrong",
        )
    if not any(one.media_type.startswith(_PREFIX) for one in manifest.layers):
        return None
    if len(manifest.layers) != 1:
        raise FormatError(
            code="referrer-layers",
            what="the attachment does not have exactly one bundle",
            why=f"{referrer.digest} has {len(manifest.layers)} layers",
            fix="attach each bundle by itself",
        )
    data = source.blob(manifest.layers[0], at_most=limits.BUNDLE_BYTES)
    return Found(source=f"{source.name}@{referrer.digest}", data=data)


def publish(client: Client, image: Reference, subject: Manifest, bundle: bytes) -> Receipt:
    """Attach a bundle to an image, as cosign 3 and actions/attest do: blobs first, then the manifest by digest.

    Args:
        image: the repository.
        subject: the image's manifest or index.
        bundle: the JSON of a version 0.3 bundle.

    Raises:
        FormatError: the bundle cannot be read.
        ServiceError: a ``registry-*`` code, ``referrers-contended``.
    """
    manifest = referrer_manifest(client, subject, bundle)
    client.put_blob(image, EMPTY)
    client.put_blob(image, bundle)
    attach(client, image, manifest)
    return Receipt(store="referrers", location=f"{image.name}@{manifest.digest}", id=str(manifest.digest))


def referrer_manifest(client: Client, subject: Manifest, bundle: bytes) -> Manifest:
    """The manifest that attaches a bundle to ``subject``.

    Raises:
        FormatError: the bundle cannot be read.
    """
    content = parse_bundle(bundle).content
    created = client.world.clock.now().astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    annotations = {CREATED: created, CONTENT: "message-signature"}
    if isinstance(content, Envelope):
        annotations[CONTENT] = "dsse-envelope"
        annotations[PREDICATE] = parse_statement(content.payload).predicate_type
    layer = Descriptor(media_type=MEDIA_TYPE, digest=Digest.of(bundle), size=len(bundle))
    config = Descriptor(media_type=EMPTY_TYPE, digest=Digest.of(EMPTY), size=len(EMPTY))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": MEDIA_TYPE,
        "config": config.document(),
        "layers": [layer.document()],
        "subject": subject.descriptor.document(),
        "annotations": annotations,
    }
    return parse_manifest(encode(document), MANIFEST)
