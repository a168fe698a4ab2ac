"""Maven repositories: ``.sigstore.json`` beside each artifact, matched to its locked SHA-256."""

from __future__ import annotations

from urllib.parse import quote

from sigstep.model import limits
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.subject import Subject
from sigstep.services.attested import prove, publishers_of, together
from sigstep.services.registry import Ask


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What the bundles beside the locked artifacts prove.

    Args:
        locked: the component; its name is ``group:artifact``.
        ask: the repository.

    Raises:
        ServiceError: the repository cannot be asked.
    """
    group, _, artifact = locked.name.partition(":")
    parts = [*group.split("."), artifact, locked.version]
    folder = "/".join(quote(one, safe="") for one in parts)
    files = [(file.name, digest) for file in locked.files for digest in file.digests]
    if not files:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="no hash is locked to match a bundle with")
    asked = [
        ask.begin(f"{ask.registry}/{folder}/{quote(name, safe='')}.sigstore.json", at_most=limits.BUNDLE_BYTES)
        for name, _ in files
    ]
    about = PackageEvidence(state=EvidenceState.ABSENT, files=len(files))
    found = []
    for (name, digest), begun in zip(files, asked, strict=True):
        answer = begun.result()
        if answer.status == 200:
            subject = Subject(name=name, digests=(digest,), location=f"{locked.label} {name}")
            found.append(prove([answer.body], subject, ask))
    attested = together(found)
    return attested.onto(about, publishers_of(attested.verified), "signature")
