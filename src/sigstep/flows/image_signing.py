"""Sign and attest images: pin each tag once, prove what was signed, attach it in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from sigstep.errors import NothingToExamine
from sigstep.flows.attest import check_described, complete, statement
from sigstep.flows.sign import Made, SigningResult, for_each
from sigstep.flows.signing_run import SigningOptions, open_run
from sigstep.model.digest import Digest
from sigstep.model.statement import Predicate
from sigstep.model.subject import Subject
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference
from sigstep.ports.world import World
from sigstep.predicates.slsa_provenance import NOTHING_MORE, Extras
from sigstep.signing.batch import sign_statement
from sigstep.stores.referrers import publish
from sigstep.wire.bundle import encode_bundle
from sigstep.wire.statement import encode_statement

SIGNATURE: Final = Predicate(type="https://sigstore.dev/cosign/sign/v1", content=MappingProxyType({}), kind="signature")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSigningRequest:
    """What to sign or attest.

    Attributes:
        images: at least one; a tag is resolved once and pinned for the rest of the run.
        options: how to sign.
        predicates: what is attested, at least one; `SIGNATURE` is a signature as cosign 3 writes it.
        extras: what provenance made here says beside the claims of the token.
        annotations: of the signed subject.
        recursive: sign an index and each image that it lists.
        settings: how registries are reached.
    """

    images: tuple[Reference, ...]
    options: SigningOptions
    predicates: tuple[Predicate, ...] = (SIGNATURE,)
    extras: Extras = NOTHING_MORE
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    recursive: bool = False
    settings: Settings = field(default_factory=Settings)


def sign_images(request: ImageSigningRequest, world: World) -> SigningResult:
    """Sign or attest every image, and attach the proved bundle as an OCI 1.1 referrer.

    Raises:
        NothingToExamine: ``no-subject``, ``no-predicate``.
        PolicyRefusal: ``sbom-subject-mismatch``.
        SigstepError: nothing could be begun, or nothing at all was attached.
    """
    if not request.images:
        raise NothingToExamine(code="no-subject", what="nothing is named to sign", fix="name at least one image")
    client = Client(world, request.settings)
    named: dict[Digest, tuple[Reference, Manifest]] = {}
    for image in request.images:
        for manifest in _manifests(client, image, recursive=request.recursive):
            named[manifest.digest] = (image, manifest)
    subjects = [_subject(*pair, request.annotations) for pair in named.values()]
    for predicate in request.predicates:
        check_described(predicate, [(one, _meant_by(named[one.digests[0]][1])) for one in subjects])
    run = open_run(request.options, world)
    predicates = complete(request.predicates, request.extras, request.options, run, world)
    jobs = [(subject, predicate) for subject in subjects for predicate in predicates]

    def one(number: int, group: tuple[Subject, ...]) -> Made:
        predicate = jobs[number - 1][1]
        image, manifest = named[group[0].digests[0]]
        assert predicate.content is not None
        payload = encode_statement(statement(group, predicate.type, predicate.content))
        bundle = sign_statement(payload, group[0], run.batch, world)
        receipt = publish(client, image, manifest, encode_bundle(bundle))
        return Made(subjects=group, bundle=bundle, location=receipt.location, pending=bundle.pending)

    return for_each([(subject,) for subject, _ in jobs], one)


def _manifests(client: Client, image: Reference, *, recursive: bool) -> list[Manifest]:
    manifest = client.manifest(image)
    children = manifest.manifests if recursive else ()
    return [manifest, *(client.manifest(image.at(child.digest)) for child in children)]


def _subject(image: Reference, manifest: Manifest, annotations: Mapping[str, str]) -> Subject:
    location = f"{image.name}@{manifest.digest}"
    return Subject(name=image.name, digests=(manifest.digest,), location=location, annotations=annotations)


def _meant_by(manifest: Manifest) -> frozenset[str]:
    """Digests that an SBOM may give for the image: its own, and those of the images that an index lists."""
    return frozenset(one.hex for one in (manifest.digest, *(child.digest for child in manifest.manifests)))
