"""What engines share when they judge: who signed, and rulings that say what cannot be known."""

from __future__ import annotations

from sigstep.errors import UsageError
from sigstep.model.trust import TrustedKey
from sigstep.model.verified import Verified
from sigstep.policy.engine import ImageEvidence, Ruling, Unjudged
from sigstep.policy.judging import Decision
from sigstep.policy.matcher import search
from sigstep.proofs.keys import load_key


def is_by(
    proof: Verified, *, issuer: str = "", issuer_regexp: str = "", subject: str = "", subject_regexp: str = ""
) -> bool:
    """Whether a certificate's signer is the one that is asked for, as cosign compares.

    A regular expression wins over an exact value and is not anchored; a pair that has neither asks for nothing.
    """
    who = proof.identity
    if who is None:
        return False
    pairs = ((issuer_regexp, issuer, who.issuer or ""), (subject_regexp, subject, who.subject))
    try:
        return all(search(pattern, value) if pattern else exact in ("", value) for pattern, exact, value in pairs)
    except UsageError:
        return False


def check_algorithm(key: TrustedKey, algorithm: str) -> None:
    """Nothing, where every signature of the key that verifies here has that digest algorithm.

    Args:
        algorithm: ``sha256`` and its like, as the engine's policy says or takes for granted.

    Raises:
        Unjudged: the engine may refuse what verifies here.
    """
    known = [one.value for one in load_key(key.key).algorithms]
    if known and known != [algorithm]:
        raise Unjudged("algorithm", f"{algorithm} is asked for; the key signs {' or '.join(known)}")


def unknown(error: Unjudged, *, pointer: str, policy: str = "", rule: str = "") -> Ruling:
    """The ruling that nobody can know here."""
    return Ruling(
        decision=Decision.UNKNOWN, policy=policy, rule=rule, pointer=pointer, reason=str(error), unjudged=error.name
    )


def missing_evidence(evidence: ImageEvidence | None, image: str) -> Unjudged | None:
    """Why a denial may be only missing knowledge; None where all is known."""
    if evidence is None:
        return Unjudged("evidence", f"{image} was not resolved")
    if evidence.findings:
        first = evidence.findings[0]
        return Unjudged("evidence", f"{image}: {first.what}")
    return None


def kept_as(evidence: ImageEvidence) -> str:
    """How what is attached is stored, for reasons."""
    kept = sorted({one.storage.value for one in evidence.attachments})
    return f"; attached are: {', '.join(kept)}" if kept else "; nothing is attached"
