"""A repository of a registry as a store: bundles attached to an image, by its digest, and older signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sigstep.errors import Refusal
from sigstep.model import limits
from sigstep.model.bundle import MessageSignature
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import Descriptor
from sigstep.oci.reference import Reference
from sigstep.oci.source import RemoteImage
from sigstep.ports.store import Found
from sigstep.ports.world import World
from sigstep.stores.cosign_tags import LegacyLayer, legacy_layers, read_layer
from sigstep.stores.referrers import bundle_referrers, publish, read_referrer
from sigstep.wire.bundle import encode_bundle
from sigstep.wire.simple_signing import blob_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadSignature:
    """A signature of older cosign: over ``payload``, which names the image; ``bundle`` is about the payload as a file.

    ``bundle`` is of version 0.1: the log entry has a promise alone, which later versions do not hold.
    """

    source: str
    payload: bytes
    bundle: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryStore:
    """One repository; its tag and digest do not matter.

    Attributes:
        repository: where the image is.
        settings: how the registry is reached.
    """

    repository: Reference
    settings: Settings = field(default_factory=Settings)
    name: str = "registry"

    def publish(self, bundle: bytes, subjects: Sequence[Subject], world: World) -> tuple[Receipt, ...]:
        """See `Store.publish`: attached to each subject.

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        client = Client(world, self.settings)
        receipts = []
        for subject in subjects:
            image = self.repository.at(subject.digests[0])
            made = publish(client, image, client.manifest(image), bundle)
            receipts.append(replace(made, store=self.name))
        return tuple(receipts)

    def find(self, subjects: Sequence[Subject], world: World) -> Mapping[Digest, tuple[Found, ...]]:
        """See `Finder.find`.

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        client = Client(world, self.settings)
        known: dict[Digest, tuple[Found, ...]] = {}
        for digest in dict.fromkeys(digest for subject in subjects for digest in subject.digests):
            source = RemoteImage(client, self.repository.at(digest))
            read = [_read(source, one, digest) for one in bundle_referrers(source, digest)]
            read += [_read_layer(source, one) for one in legacy_layers(source, digest) if one.suffix == "att"]
            known[digest] = tuple(one for one in read if one is not None)
        return known

    def payload_signatures(self, digest: Digest, world: World) -> tuple[PayloadSignature, ...]:
        """What older cosign signed of an image; what does not hold or is about another image is passed over.

        Raises:
            ServiceError: a ``registry-*`` code.
        """
        source = RemoteImage(Client(world, self.settings), self.repository.at(digest))
        read = [_read_signature(source, one, digest) for one in legacy_layers(source, digest) if one.suffix == "sig"]
        return tuple(one for one in read if one is not None)


def _read(source: RemoteImage, referrer: Descriptor, digest: Digest) -> Found | None:
    """One attachment; what does not hold is passed over, so that nobody's push keeps others' from being found."""
    try:
        return read_referrer(source, referrer, digest)
    except Refusal:
        return None


def _read_layer(source: RemoteImage, layer: LegacyLayer) -> Found | None:
    """One attestation of older cosign, in the form that it has as a file; its signatures have none for a digest."""
    try:
        envelope = source.blob(layer.descriptor, at_most=limits.BUNDLE_BYTES)
        return Found(source=layer.source, data=blob_bundle(envelope, layer.descriptor.annotations))
    except Refusal:
        return None


def _read_signature(source: RemoteImage, layer: LegacyLayer, digest: Digest) -> PayloadSignature | None:
    try:
        read = read_layer(source, layer, digest)
    except Refusal:
        return None
    assert isinstance(read.bundle.content, MessageSignature)
    content = replace(read.bundle.content, digest=Digest.of(read.data))
    bundle = encode_bundle(replace(read.bundle, content=content))
    return PayloadSignature(source=layer.source, payload=read.data, bundle=bundle)
