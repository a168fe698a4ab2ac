"""Maven repositories: ``.sigstore.json`` beside each artifact, matched to its locked SHA-256."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from sigstep.errors import ServiceError
from sigstep.model import limits
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.services.attested import prove, publishers_of
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
    verified: list[Verified] = []
    problems: list[Finding] = []
    attested = 0
    for (name, digest), begun in zip(files, asked, strict=True):
        try:
            answer = begun.result()
        except ServiceError as error:
            return replace(about, state=EvidenceState.ERROR, why=f"{error.what} ({error.code})")
        if answer.status != 200:
            continue
        subject = Subject(name=name, digests=(digest,), location=f"{locked.label} {name}")
        one = prove([answer.body], subject, ask)
        if one.undecided:
            return replace(about, state=EvidenceState.ERROR, why=one.undecided)
        verified.extend(one.verified)
        problems.extend(one.problems)
        attested += bool(one.verified)
    if problems:
        return replace(about, state=EvidenceState.INVALID, problems=tuple(problems))
    if not verified:
        return about
    return replace(
        about,
        state=EvidenceState.VERIFIED,
        publishers=publishers_of(verified),
        attested=attested,
        basis="signature",
    )
