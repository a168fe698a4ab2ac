"""No change of a real bundle is accepted that changes what it says."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from tests.corpus.test_bundles import CASES, SHARED
from tests.mutants import mutants, outcome

from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.proofs.keys import load_pem_key
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.subjects.hashing import hash_file
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.trusted_root import parse_trusted_roots

BITS = 6
MEANINGLESS = re.compile(
    r"messageSignature\.messageDigest dropped"  # only a hint; a wrong one is refused
    r"|verificationMaterial\.tlogEntries\.0\.inclusionProof dropped"  # version 0.1: the promise suffices
    r"|verificationMaterial\.tlogEntries\.0\.inclusionPromise dropped"  # a time stamp and a proof suffice
    r"|verificationMaterial\.tlogEntries\.0 with inclusionPromise added"  # Rekor v2 makes none, and clients ignore one
    r"|verificationMaterial with (tlogEntries|timestampVerificationData) added"  # of logs and authorities nobody knows
    r"|verificationMaterial\.publicKey\.hint .*"  # the caller's key counts, whatever the hint
    r"|verificationMaterial\.timestampVerificationData(\.rfc3161Timestamps(\.0(\.signedTimestamp)?)?)? (swapped|dropped|emptied)"
)
ACCEPTED = [one for one in CASES if json.loads((one / "case.json").read_text())["expect"] == "accept"]


@cache
def trust_of(folder: Path) -> PreparedTrust:
    """The trust of a case."""
    case = json.loads((folder / "case.json").read_text())
    root = (
        folder / "trusted_root.json"
        if case["root"] == "own"
        else SHARED / "trust" / f"{case['root']}.trusted_root.json"
    )
    key = folder / "key.pub"
    keys = (TrustedKey(key=load_pem_key(key.read_bytes()).spki),) if key.exists() else ()
    return prepare(TrustMaterial(roots=parse_trusted_roots(root.read_bytes(), name=root.name), keys=keys))


def subject_of(folder: Path) -> Subject:
    """The subject of a case, with every digest."""
    case = json.loads((folder / "case.json").read_text())
    if case["subject"] != "artifact":
        return Subject(name="", digests=(Digest.parse(case["subject"]),))
    return Subject(name="artifact", digests=hash_file(folder / "artifact", Algorithm))


@pytest.mark.parametrize("folder", ACCEPTED, ids=lambda folder: folder.name)
def test_no_mutant_is_accepted(folder: Path) -> None:
    """Issue 3: every member of every accepted bundle."""
    data = (folder / "bundle.sigstore.json").read_bytes()
    original = parse_bundle(data)
    others = [one for one in ACCEPTED if one != folder]
    chance = random.Random(folder.name)
    other = json.loads((chance.choice(others) / "bundle.sigstore.json").read_bytes())
    by_key = (folder / "key.pub").exists()
    seen: Counter[str] = Counter()
    accepted = []
    for mutant in mutants(json.loads(data), other, chance, bits=BITS):
        found = outcome(mutant, original, subject_of(folder), trust_of(folder))
        seen[found.partition(":")[0]] += 1
        if by_key and mutant.name.startswith("verificationMaterial"):
            continue  # a caller's key asks for no log entry and no time; entries of unknown logs do not count
        if found == "accepted" and not MEANINGLESS.fullmatch(mutant.name):
            accepted.append(mutant.name)
    assert seen["refused"] > 50
    assert not accepted
