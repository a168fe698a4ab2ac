"""Verify images: resolve each once, collect what is attached to it, prove it, judge it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sigstep.errors import NothingToExamine, Refusal, SigstepError
from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import ThresholdOverrides, Thresholds, TrustMaterial
from sigstep.model.verdict import Examination, Finding, Report, Verdict
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import Descriptor, Manifest
from sigstep.oci.reference import Reference
from sigstep.oci.saved import SavedImage
from sigstep.oci.source import ImageSource, RemoteImage, WholeImage, own_platform, platforms
from sigstep.policy.rule import AllOf, Rule, any_signer_reason
from sigstep.policy.signer import COSIGN_SIGN, IsSignature
from sigstep.ports.store import Finder
from sigstep.ports.world import World
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.stores.referrers import CONTENT, PREDICATE, bundle_referrers, read_referrer
from sigstep.verification.pipeline import examine_bundle, left_open, verdict_of
from sigstep.wire.bundle import parse_bundle

if TYPE_CHECKING:
    from sigstep.stores.cosign_tags import LegacyLayer

EVERY_PLATFORM: Final = "all"
PARALLEL: Final = 8  # requests to registries at a time
_NO_PLACES: Final[Mapping[Reference, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What to verify: images in registries, and saved ones.

    Attributes:
        images: at least one.
        rule: what the policy asks of a proof.
        trust: whose signatures count.
        attestation: whether the rule names the predicate types it takes; otherwise only signatures count.
        types: those predicate types, to look at what is listed as such first; the rest only where that is not enough.
        platform: ``os/architecture[/variant]`` of an index to verify instead of the index itself; `EVERY_PLATFORM` for
            each image that the index lists.
        recursive: the index and each image that it lists.
        places: the lines of files that name an image, for the report.
        settings: how registries are reached.
        finders: names where else to look for attestations about the digest; asked where what is attached is not enough.
        thresholds: instead of those of each signer's instance.
        thorough: look at everything that is attached, whatever was found before.
    """

    images: tuple[Reference | SavedImage, ...]
    rule: Rule
    trust: TrustMaterial
    attestation: bool = False
    types: tuple[str, ...] = ()
    platform: str = ""
    recursive: bool = False
    places: Mapping[Reference, tuple[str, ...]] = field(default_factory=lambda: _NO_PLACES)
    settings: Settings = field(default_factory=Settings)
    finders: Callable[[], tuple[Finder, ...]] = tuple
    thresholds: Thresholds | ThresholdOverrides | None = None
    thorough: bool = False


def verify_images(request: ImageRequest, world: World) -> Report:
    """Examine every image; an accepted one has at least one attachment that the rule takes.

    Verdicts come in the order of the images, and of the platforms of each.

    Raises:
        NothingToExamine: ``no-subject``, ``platform-missing``, ``layout-missing``.
        SigstepError: an image cannot be resolved.
    """
    if not request.images:
        raise NothingToExamine(code="no-subject", what="nothing is named to verify", fix="name at least one image")
    trust = prepare(request.trust)
    client = Client(world, request.settings)
    with ThreadPoolExecutor(PARALLEL) as pool:
        chosen = pool.map(lambda one: _chosen(one, request, trust, client), dict.fromkeys(request.images))
        images = [image for group in chosen for image in group]
        _look_up(images[0])  # tells whether the registry has the referrers API, so that the others need not ask
        list(pool.map(_look_up, images[1:]))
        _read_all(pool, [(image, one) for image in images for one in image.likely])
        missed = [image for image in images if request.thorough or not image.accepted]
        list(pool.map(_look_up_tags, missed))
        _read_all(pool, [(image, one) for image in missed for one in image.unlikely])
        _read_all(pool, [(image, one) for image in missed for one in image.layers])
    if any(not image.accepted for image in missed):
        for finder in request.finders():
            _seek(finder, [image for image in missed if not image.accepted], world)
    verdicts = tuple(image.verdict() for image in images)
    return Report(verdicts=verdicts, any_signer=any_signer_reason(request.rule))


def open_source(image: Reference | SavedImage, client: Client) -> WholeImage:
    """Where an image is read from."""
    if isinstance(image, Reference):
        return RemoteImage(client, image)
    from sigstep.oci.layout import open_layout

    return open_layout(image)


def meant(
    source: ImageSource, platform: str = "", *, recursive: bool = False, root: Manifest | None = None
) -> tuple[tuple[Digest, str], ...]:
    """The manifests of an image that are meant, each with its platform. A tag is resolved here, once.

    Args:
        root: the image's manifest where it was read before.
        platform: of an index: the images for it, with whatever variant or version of the system; `EVERY_PLATFORM`:
            each image; empty: the index itself. An image that is no index is for the platform that its config says.
        recursive: the index and each image.

    Raises:
        NothingToExamine: ``platform-missing``.
        SigstepError: it cannot be resolved.
    """
    root = root or source.manifest()
    whole = (root.digest, "")
    if not (platform or recursive):
        return (whole,)
    every = recursive or platform == EVERY_PLATFORM
    if root.is_index:
        there = [(child.digest, child.platform) for child in platforms(source, root)]
    else:
        there = [whole if every else (root.digest, own_platform(source, root))]
    wanted = f"{_usual(platform)}/"
    found = there if every else [one for one in there if f"{_usual(one[1])}/".startswith(wanted)]
    found = found if platform else [whole, *found]
    if not found:
        raise NothingToExamine(
            code="platform-missing",
            what=f"{source.name} has no image for {platform if platform != EVERY_PLATFORM else 'any platform'}",
            why=f"it has {', '.join(one or '?' for _, one in there)[:300] or 'no platforms'}",
            fix="name one of its platforms, as os/architecture",
        )
    return tuple(dict.fromkeys(found))


def _usual(platform: str) -> str:
    """A platform without the variant that is meant where none is written (containerd, platforms.Normalize)."""
    return {"linux/arm64/v8": "linux/arm64", "linux/amd64/v1": "linux/amd64"}.get(platform.lower(), platform.lower())


@dataclass(slots=True, kw_only=True)
class _Image:
    """One manifest that is verified: what was found of it so far."""

    source: ImageSource
    subject: Subject
    digest: Digest
    request: ImageRequest
    trust: PreparedTrust
    now: datetime
    likely: tuple[Descriptor, ...] = ()
    unlikely: tuple[Descriptor, ...] = ()
    layers: tuple[LegacyLayer, ...] = ()
    examinations: list[Examination] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    undecided: bool = False
    whole: bool = True

    @property
    def accepted(self) -> bool:
        return any(one.finding is None for one in self.examinations)

    def examine(self, source: str, bundle: Bundle, subject: Subject, original: bytes | None = None) -> Examination:
        rule = self.request.rule if self.request.attestation else AllOf((IsSignature(), self.request.rule))
        return examine_bundle(
            source,
            bundle,
            subject,
            self.trust,
            rule,
            now=self.now,
            thresholds=self.request.thresholds,
            original=original,
        )

    def failed(self, error: SigstepError, step: str, source: str) -> None:
        self.undecided = self.undecided or not isinstance(error, Refusal)
        self.whole = self.whole and step != "search" and isinstance(error, Refusal)
        self.findings.append(Finding.of(error, step=step, source=source))

    def verdict(self) -> Verdict:
        verdict = replace(verdict_of(self.subject, self.examinations, self.findings), whole=self.whole)
        return left_open(verdict) if self.undecided else verdict


def _chosen(
    one: Reference | SavedImage, request: ImageRequest, trust: PreparedTrust, client: Client
) -> tuple[_Image, ...]:
    """The manifests of an image that are to be verified."""
    source = open_source(one, client)
    places = request.places.get(one, ()) if isinstance(one, Reference) else ()
    return tuple(
        _Image(
            source=source,
            subject=subject_of(source.name, digest, platform, places),
            digest=digest,
            request=request,
            trust=trust,
            now=client.world.clock.now(),
        )
        for digest, platform in meant(source, request.platform, recursive=request.recursive)
    )


def subject_of(name: str, digest: Digest, platform: str, places: tuple[str, ...]) -> Subject:
    """An image as the subject of a verdict: where it is, its platform, and the lines of files that name it."""
    named = f" ({', '.join(places)})" if places else ""
    location = f"{name}@{digest}{f' {platform}' if platform else ''}{named}"
    return Subject(name=name, digests=(digest,), location=location)


def _look_up(image: _Image) -> None:
    """What refers to the image: what is listed as wanted first. A listing is a hint, so the rest is kept for later."""
    try:
        listed = bundle_referrers(image.source, image.digest)
    except SigstepError as error:
        image.failed(error, "search", image.source.name)
        return
    wanted = image.request.types if image.request.attestation else (COSIGN_SIGN,)
    image.likely = tuple(one for one in listed if _may_be(one, wanted))
    image.unlikely = tuple(one for one in listed if not _may_be(one, wanted))


def _may_be(one: Descriptor, wanted: Sequence[str]) -> bool:
    said = one.annotations.get(PREDICATE, "")
    if said and wanted:
        return said in wanted
    return not wanted or COSIGN_SIGN in wanted or one.annotations.get(CONTENT, "") != "message-signature"


def _seek(finder: Finder, images: Sequence[_Image], world: World) -> None:
    """Attestations that are kept elsewhere than in the registry, as GitHub keeps those of actions/attest."""
    if not images:
        return
    from sigstep.wire.signed_document import parse_signed

    try:
        found = finder.find([image.subject for image in images], world)
    except SigstepError as error:
        for image in images:
            image.failed(error, "search", finder.name)
        return
    for image in images:
        for one in found.get(image.digest, ()):
            try:
                image.examinations += [
                    image.examine(one.source, signed.bundle, image.subject, signed.original)
                    for signed in parse_signed(one.data)
                ]
            except Refusal as error:
                image.failed(error, "bundle", one.source)


def _look_up_tags(image: _Image) -> None:
    from sigstep.stores.cosign_tags import legacy_layers

    try:
        image.layers = legacy_layers(image.source, image.digest)
    except SigstepError as error:
        image.failed(error, "search", image.source.name)


def _read_all(pool: ThreadPoolExecutor, jobs: Sequence[tuple[_Image, Descriptor | LegacyLayer]]) -> None:
    """Read and examine attachments in parallel; results are kept in the order of the jobs."""

    def one(job: tuple[_Image, Descriptor | LegacyLayer]) -> Callable[[], None]:
        image, attachment = job
        try:
            found = _of(image, attachment) if isinstance(attachment, Descriptor) else _of_layer(image, attachment)
        except SigstepError as error:
            failure, source = error, attachment.digest if isinstance(attachment, Descriptor) else attachment.source
            return lambda: image.failed(failure, "bundle", str(source))
        return lambda: image.examinations.append(found) if found is not None else None

    for keep in pool.map(one, jobs):
        keep()


def _of(image: _Image, referrer: Descriptor) -> Examination | None:
    found = read_referrer(image.source, referrer, image.digest)
    return None if found is None else image.examine(found.source, parse_bundle(found.data), image.subject)


def _of_layer(image: _Image, layer: LegacyLayer) -> Examination:
    from sigstep.stores.cosign_tags import read_layer

    read = read_layer(image.source, layer, image.digest)
    if read.is_signature:  # the payload is what was signed; `read_layer` bound it to the image
        payload = replace(image.subject, digests=(Digest.of(read.data),))
        return image.examine(layer.source, read.bundle, payload)
    return image.examine(layer.source, read.bundle, image.subject, read.data)
