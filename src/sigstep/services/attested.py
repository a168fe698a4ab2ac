"""Prove what a registry or forge hands out about one artifact: every bundle, and who published by them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from sigstep.errors import Refusal
from sigstep.model import limits
from sigstep.model.bundle import CertificateMaterial
from sigstep.model.dependency import EvidenceState, PackageEvidence, Publisher
from sigstep.model.identity import GITHUB_RELEASES
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.publisher import publisher_of
from sigstep.policy.release import is_release, released
from sigstep.services.registry import Ask
from sigstep.verification.pipeline import establish
from sigstep.wire import strict_json
from sigstep.wire.github import check_bundle_url, listed
from sigstep.wire.members import as_mapping
from sigstep.wire.signed_document import parse_signed
from sigstep.wire.snappy import unsnapped

GITHUB: Final = "https://github.com/"
_MISMATCHES: Final = frozenset({"subject-mismatch", "message-digest", "entry-digest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What was proved about how many files, what does not hold, and why something could not be judged here."""

    verified: tuple[Verified, ...] = ()
    problems: tuple[Finding, ...] = ()
    undecided: str = ""
    files: int = 0

    def onto(self, about: PackageEvidence, publishers: Iterable[Publisher], basis: str) -> PackageEvidence:
        """The evidence with this: one bad attestation is invalid, whatever the others prove."""
        if self.problems:
            return replace(about, state=EvidenceState.INVALID, problems=(*about.problems, *self.problems))
        if self.undecided:
            return replace(about, state=EvidenceState.ERROR, why=self.undecided)
        if not self.verified:
            return about
        named = tuple(dict.fromkeys(publishers))
        return replace(about, state=EvidenceState.VERIFIED, publishers=named, attested=self.files, basis=basis)


def prove(
    documents: Iterable[bytes], subject: Subject, ask: Ask, *, check: Callable[[Verified], bool] = lambda _: True
) -> Attested:
    """Prove every bundle of some documents for one subject.

    Args:
        documents: whatever `parse_signed` reads.
        subject: the artifact.
        ask: trust and clock; a bundle without a certificate is held against ``ask.keys``.
        check: whether a proof is about this package; one that is not counts as a mismatch.
    """
    verified: list[Verified] = []
    problems: list[Finding] = []
    undecided = ""
    for document in documents:
        try:
            for signed in parse_signed(document):
                by_certificate = isinstance(signed.bundle.material, CertificateMaterial)
                trust = ask.trust if by_certificate else ask.keys
                one = establish(signed.bundle, subject, trust, now=ask.world.clock.now(), original=signed.original)
                if check(one):
                    verified.append(one)
                else:
                    problems.append(mismatch("an attestation is about something else", subject.location))
        except Refusal as error:
            if error.code == "trust-root-outdated":
                undecided = f"{error.what}: {error.why}"
            else:
                problems.append(problem(error))
    return Attested(verified=tuple(verified), problems=tuple(problems), undecided=undecided, files=1 if verified else 0)


def together(found: Sequence[Attested]) -> Attested:
    """What was proved about several files of one package."""
    return Attested(
        verified=tuple(one for each in found for one in each.verified),
        problems=tuple(one for each in found for one in each.problems),
        undecided=next((each.undecided for each in found if each.undecided), ""),
        files=sum(each.files for each in found),
    )


def publishers_of(verified: Iterable[Verified]) -> tuple[Publisher, ...]:
    """Who published by these proofs: the certificate speaks; in a release attestation GitHub's statement does."""
    found = []
    for one in verified:
        if is_release(one):
            found.append(
                Publisher(
                    subject=GITHUB_RELEASES,
                    repository=f"{GITHUB}{released(one, 'repository')}",
                    repository_id=released(one, "repositoryId"),
                    owner_id=released(one, "ownerId"),
                )
            )
        elif one.identity is not None:
            found.append(publisher_of(one.identity))
        else:
            found.append(Publisher(subject=f"key {one.key_id}"))
    return tuple(dict.fromkeys(found))


def of_repository(verified: Verified, slug: str) -> bool:
    """Whether a proof is by a workflow of that GitHub repository, or GitHub's word about a release of it."""
    if is_release(verified):
        return released(verified, "repository") == slug.lower()
    identity = verified.identity
    return identity is not None and publisher_of(identity).repository == f"{GITHUB}{slug.lower()}"


def listed_at_forge(ask: Ask, slug: str, digest: str, predicate_type: str = "") -> tuple[bytes, ...]:
    """The bundles that GitHub's API lists about a digest in a repository; none where it knows nothing.

    Args:
        digest: ``sha256:…``, or ``sha1:…`` of a Git object.
        predicate_type: ``release``, ``provenance`` or a URI; empty for all.

    Raises:
        ServiceError: as `Ask.get`.
        FormatError: ``github-answer``, ``github-bundle-url``.
        UsageError: ``snappy-missing``.
    """
    kind = f"&predicate_type={quote(predicate_type, safe='')}" if predicate_type else ""
    url = f"{ask.forge}/repos/{slug}/attestations/{digest}?per_page=100{kind}"
    answer = ask.get(url, accept="application/vnd.github+json", at_most=limits.SERVICE_ANSWER_BYTES)
    if answer.status != 200:
        return ()
    value = strict_json.loads(answer.body, at_most=limits.SERVICE_ANSWER_BYTES, name="GitHub's answer")
    found = []
    for one in listed(as_mapping(value, "answer")):
        if one.bundle is not None:
            found.append(json.dumps(one.bundle).encode())
            continue
        check_bundle_url(one.url, ask.forge)
        block = ask.get(one.url, accept="*/*", at_most=limits.SNAPPY_BYTES)
        found += [unsnapped(block.body)] if block.status == 200 else []
    return tuple(found)


def problem(error: Refusal, where: str = "") -> Finding:
    """The finding of an attestation that does not hold."""
    place = f"{where}: " if where else ""
    if error.code in _MISMATCHES:
        return Finding(code="subject-mismatch", what=f"{place}{error.what}", why=error.why)
    what = f"{place}an attestation does not hold ({error.code})"
    return Finding(code="attestation-invalid", what=what, why=error.what)


def mismatch(what: str, why: str) -> Finding:
    """The finding of a proof about something else."""
    return Finding(code="subject-mismatch", what=what, why=why)
