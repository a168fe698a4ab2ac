"""Sign and attest images: pin each tag once, prove what was signed, attach it in the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from sigstep.errors import NothingToExamine
from sigstep.flows.attest import check_described, complete
from sigstep.flows.image_attaching import AttachAs, Attaching, Target
from sigstep.flows.sbom_making import make_sbom
from sigstep.flows.sign import Made, SigningResult, for_each
from sigstep.flows.signing_run import SigningOptions, open_run
from sigstep.model.statement import Predicate
from sigstep.model.subject import Subject
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference, is_loopback
from sigstep.oci.source import RemoteImage, platforms
from sigstep.ports.world import World
from sigstep.predicates.slsa_provenance import NOTHING_MORE, Extras

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
        sbom: attest an SBOM of each image too, by syft; of an index: of each image that it lists.
        attach_as: the storage.
        replace: drop older bundles of the same signer and predicate type once the new one is attached.
        settings: how registries are reached.
    """

    images: tuple[Reference, ...]
    options: SigningOptions
    predicates: tuple[Predicate, ...] = (SIGNATURE,)
    extras: Extras = NOTHING_MORE
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    recursive: bool = False
    sbom: bool = False
    attach_as: AttachAs = AttachAs.BUNDLE
    replace: bool = False
    settings: Settings = field(default_factory=Settings)


def sign_images(request: ImageSigningRequest, world: World) -> SigningResult:
    """Sign or attest every image, and attach what was proved.

    Raises:
        NothingToExamine: ``no-subject``, ``no-predicate``.
        UsageError: ``sbom-generator-missing``.
        PolicyRefusal: ``sbom-subject-mismatch``.
        SigstepError: nothing could be begun, or nothing at all was attached.
    """
    if not request.images:
        raise NothingToExamine(code="no-subject", what="nothing is named to sign", fix="name at least one image")
    client = Client(world, request.settings)
    targets = _once(one for image in request.images for one in _targets(client, image, request))
    for predicate in request.predicates:
        check_described(predicate, [(one.subject, _meant_by(one.manifest)) for one in targets])
    bills = [(one, _bill(one, request.settings, world)) for one in _described(client, request)]
    run = open_run(request.options, world)
    wanted = request.predicates or not bills
    predicates = complete(request.predicates, request.extras, request.options, run, world) if wanted else ()
    jobs = [(target, predicate) for target in targets for predicate in predicates] + bills
    attaching = Attaching(client=client, run=run, attach_as=request.attach_as, replace=request.replace)

    def one(number: int, _: tuple[Subject, ...]) -> Made:
        target, predicate = jobs[number - 1]
        return attaching.make(target, predicate, world)

    return for_each([(target.subject,) for target, _ in jobs], one)


def _targets(client: Client, image: Reference, request: ImageSigningRequest) -> list[Target]:
    """The image, and with ``recursive`` each that it lists."""
    source = RemoteImage(client, image)
    root = source.manifest()
    below = [source.manifest(child.digest) for child in platforms(source, root)] if request.recursive else []
    return [_target(image, manifest, request) for manifest in (root, *below)]


def _described(client: Client, request: ImageSigningRequest) -> list[Target]:
    """The images that get an SBOM of their own: an index has none, but each image that it lists has."""
    if not request.sbom:
        return []
    wide = replace(request, recursive=True)
    found = (one for image in request.images for one in _targets(client, image, wide))
    return [one for one in _once(found) if not one.manifest.is_index]


def _once(targets: Iterable[Target]) -> list[Target]:
    """Each manifest of a repository once, however it was named."""
    return list({(one.image.name, one.manifest.digest): one for one in targets}.values())


def _target(image: Reference, manifest: Manifest, request: ImageSigningRequest) -> Target:
    location = f"{image.name}@{manifest.digest}"
    subject = Subject(name=image.name, digests=(manifest.digest,), location=location, annotations=request.annotations)
    return Target(image=image, manifest=manifest, subject=subject)


def _bill(target: Target, settings: Settings, world: World) -> Predicate:
    """An SBOM of what is in the registry, by digest; syft asks the registry with Docker's own configuration."""
    plain = is_loopback(target.image.host) or target.image.host in settings.plain_http
    environ = {"SYFT_REGISTRY_INSECURE_USE_HTTP": "true"} if plain else {}
    return make_sbom(f"registry:{target.image.name}@{target.manifest.digest}", world, environ=environ)


def _meant_by(manifest: Manifest) -> frozenset[str]:
    """Digests that an SBOM may give for the image: its own, and those of the images that an index lists."""
    return frozenset(one.hex for one in (manifest.digest, *(child.digest for child in manifest.manifests)))
