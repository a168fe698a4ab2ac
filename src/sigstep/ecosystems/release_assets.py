"""Assets of GitHub releases, by their SHA-256: attestations of the repository's workflows, and of GitHub itself."""

from __future__ import annotations

from collections.abc import Callable

from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified
from sigstep.policy.release import is_release, released
from sigstep.services.attested import listed_at_forge, of_repository, prove, publishers_of, together
from sigstep.services.registry import Ask
from sigstep.wire.github import is_slug


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What GitHub knows about the locked assets of one release.

    Args:
        locked: the release; its name is ``owner/repository``.
        ask: GitHub's API.

    Raises:
        ServiceError: GitHub cannot be asked.
        FormatError: an answer is malformed.
    """
    if not is_slug(locked.name):
        return PackageEvidence(state=EvidenceState.ERROR, why="its name is no repository's")
    assets = [(file.name, digest) for file in locked.files for digest in file.digests]
    about = PackageEvidence(state=EvidenceState.ABSENT, files=len(assets))
    found = []
    for name, digest in assets:
        subject = Subject(name=name, digests=(digest,), location=f"{locked.label} {name}")
        documents = listed_at_forge(ask, locked.name, str(digest))
        found.append(prove(documents, subject, ask, check=_of(locked)))
    attested = together(found)
    by_workflow = [one for one in attested.verified if not is_release(one)]
    basis = "provenance" if by_workflow else "release attestation"
    return attested.onto(about, publishers_of(by_workflow or attested.verified), basis)


def _of(locked: Locked) -> Callable[[Verified], bool]:
    def check(verified: Verified) -> bool:
        tagged = not is_release(verified) or released(verified, "tag") == locked.version
        return tagged and of_repository(verified, locked.name)

    return check
