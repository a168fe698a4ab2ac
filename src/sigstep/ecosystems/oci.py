"""Container images: bundles and cosign's signatures at the registry, GitHub's attestations, and long-lived keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sigstep.errors import Refusal, ServiceError, UsageError
from sigstep.model.bundle import Bundle, CertificateMaterial
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.source import RemoteImage
from sigstep.services.attested import listed_at_forge, of_repository, prove, publishers_of
from sigstep.services.registry import Ask
from sigstep.stores.cosign_tags import legacy_layers, read_layer
from sigstep.stores.referrers import bundle_referrers, read_referrer
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.github import is_slug

SIGNATURE: Final = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE: Final = ("https://slsa.dev/provenance/", SIGNATURE)
_RETRY_SECONDS: Final = 15.0
_CHILDREN: Final = 20  # platforms of an index that are looked at
_FOREIGN: Final = frozenset({"issuer-unknown", "key-missing", "key-unsupported"})


@dataclass(slots=True)
class _Found:
    verified: list[Verified]
    broken: str = ""
    foreign: str = ""


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What is attached to an image, proved for its digest; a tag is resolved to what it stands for now.

    Args:
        locked: the image; its name is ``host/repository``.
        ask: trust, and keys that may sign images.

    Raises:
        ServiceError: the registry cannot be asked.
        Refusal: the registry's answers do not hold.
    """
    try:
        reference = parse_reference(_written(locked))
    except UsageError as error:
        return PackageEvidence(state=EvidenceState.ERROR, why=error.what)
    client = Client(ask.world, Settings(retry_seconds=_RETRY_SECONDS))
    source = RemoteImage(client, reference)
    notes = _tag_notes(client, reference)
    manifest: Manifest | None = None if reference.digest else source.manifest()
    digest = manifest.digest if manifest else reference.digest
    if digest is None:
        return PackageEvidence(state=EvidenceState.ERROR, why="its digest is not known")
    about = PackageEvidence(state=EvidenceState.ABSENT, files=1, notes=notes, basis="image")
    found = _attached(source, digest, ask)
    if not found.verified:
        found = _at_forge(reference, digest, found, ask)
    if not found.verified:
        found, more = _children(source, digest, found, ask)
        about = replace(about, notes=(*about.notes, *more))
    return _judged(found, about)


def _judged(found: _Found, about: PackageEvidence) -> PackageEvidence:
    """Anybody who may push can attach something, so that one that holds counts whatever else is there."""
    if found.verified:
        wanted = [one for one in found.verified if one.statement is None or _counts(one.statement.predicate_type)]
        notes = (*about.notes, *([f"something attached does not hold ({found.broken})"] if found.broken else []))
        return replace(
            about,
            state=EvidenceState.VERIFIED,
            publishers=publishers_of(wanted or found.verified),
            attested=1,
            notes=notes,
            basis="signature" if any(one.statement is None for one in found.verified) else "attestation",
        )
    if found.broken:
        return replace(about, state=EvidenceState.INVALID, problems=(*about.problems, _broken(found.broken)))
    if found.foreign:
        why = f"it is signed by a key or authority that is not known here ({found.foreign})"
        return replace(about, state=EvidenceState.UNSUPPORTED, why=why)
    return about


def _counts(predicate_type: str) -> bool:
    return predicate_type.startswith(PROVENANCE)


def _broken(code: str) -> Finding:
    return Finding(code="attestation-invalid", what=f"what is attached does not hold ({code})")


def _written(locked: Locked) -> str:
    tag = f":{locked.ref}" if locked.ref else ""
    return f"{locked.name}{tag}@{locked.version}" if locked.version.startswith("sha") else f"{locked.name}{tag}"


def _tag_notes(client: Client, reference: Reference) -> tuple[str, ...]:
    """Whether the tag beside a digest stands for it still: a note, since tags of images move by design."""
    if reference.digest is None or not reference.tag:
        return ()
    try:
        answer = client.tag_bytes(reference.tagged(reference.tag))
    except ServiceError:
        return ()
    if answer is None:
        return (f"the tag {reference.tag} is gone",)
    now = Digest.of(answer[0], reference.digest.algorithm)
    return () if now == reference.digest else (f"the tag {reference.tag} stands for {now} now",)


def _attached(source: RemoteImage, digest: Digest, ask: Ask) -> _Found:
    found = _Found(verified=[])
    for bundle, subject, original in _documents(source, digest, found):
        trust = ask.trust
        if not isinstance(bundle.material, CertificateMaterial):
            trust = replace(ask.trust, material=replace(ask.trust.material, keys=ask.image_keys))
        try:
            found.verified.append(establish(bundle, subject, trust, now=ask.world.clock.now(), original=original))
        except Refusal as error:
            _refused(found, error)
    return found


def _documents(source: RemoteImage, digest: Digest, found: _Found) -> Iterator[tuple[Bundle, Subject, bytes | None]]:
    subject = Subject(name=source.name, digests=(digest,), location=f"{source.name}@{digest}")
    for referrer in bundle_referrers(source, digest):
        try:
            read = read_referrer(source, referrer, digest)
            if read is not None:
                yield parse_bundle(read.data), subject, None
        except Refusal as error:
            _refused(found, error)
    for layer in legacy_layers(source, digest):
        try:
            old = read_layer(source, layer, digest)
        except Refusal as error:
            _refused(found, error)
            continue
        payload = replace(subject, digests=(Digest.of(old.data),))  # what was signed; read_layer bound it to the image
        yield (old.bundle, payload, None) if old.is_signature else (old.bundle, subject, old.data)


def _refused(found: _Found, error: Refusal) -> None:
    if error.code in _FOREIGN:
        found.foreign = error.code
    else:
        found.broken = error.code


def _at_forge(reference: Reference, digest: Digest, found: _Found, ask: Ask) -> _Found:
    """GitHub's attestations about an image of GitHub's registry, whose first two names are the repository's."""
    slug = "/".join(reference.repository.split("/")[:2])
    if not ask.forge or reference.host != "ghcr.io" or not is_slug(slug):
        return found
    subject = Subject(name=reference.name, digests=(digest,), location=str(reference))
    attested = prove(listed_at_forge(ask, slug, str(digest)), subject, ask, check=lambda one: of_repository(one, slug))
    broken = attested.problems[0].what if attested.problems else found.broken
    return _Found(verified=list(attested.verified), broken=broken, foreign=found.foreign)


def _children(source: RemoteImage, digest: Digest, found: _Found, ask: Ask) -> tuple[_Found, tuple[str, ...]]:
    """For an index with nothing of its own: the images of its platforms, where every one is proved."""
    manifest = source.manifest(digest)
    platforms = [one for one in manifest.manifests if one.platform and "unknown" not in one.platform]
    if not platforms or len(platforms) > _CHILDREN:
        return found, ()
    every = [_attached(source, one.digest, ask) for one in platforms]
    if not all(one.verified for one in every):
        signed = sum(bool(one.verified) for one in every)
        note = f"{signed} of its {len(every)} platforms have something that holds; the index itself has nothing"
        return found, (note,) if signed else ()
    verified = [one for each in every for one in each.verified]
    return replace(found, verified=verified), ("each platform is proved; the index itself has nothing",)
