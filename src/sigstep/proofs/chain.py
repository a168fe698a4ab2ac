"""The path from a leaf to a trusted root (RFC 5280 section 6; Sigstore client specification, verification)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sigstep.errors import ProofError
from sigstep.proofs.authority import AuthorityChain, signed_by
from sigstep.proofs.certificate import Leaf
from sigstep.proofs.prepared import PreparedRoot, PreparedTrust


def find_roots(leaf: Leaf, trust: PreparedTrust) -> tuple[tuple[PreparedRoot, tuple[AuthorityChain, ...]], ...]:
    """Each trusted root with an authority that issued the leaf, and its authorities that did (several may share a key).

    At least one; an old and a current root of an instance are two that have the same authority.

    Raises:
        ProofError: ``issuer-unknown``: no trusted authority issued the leaf; ``trust-root-outdated`` where the leaf
            was made after the newest part of every root that has an authority of the issuer's name.
    """
    found = ((root, _issuers(leaf, root.certificate_authorities)) for root in trust.roots)
    if issued := tuple((root, issuers) for root, issuers in found if issuers):
        return issued
    made = leaf.certificate.not_valid_before_utc
    same_name = [
        root
        for root in trust.roots
        if any(one.certificates[0].subject == leaf.certificate.issuer for one in root.certificate_authorities)
    ]
    if same_name and all(root.newest is not None and root.newest < made for root in same_name):
        raise outdated("the certificate's authority")
    raise ProofError(
        code="issuer-unknown",
        what="no trusted authority issued the certificate",
        why=f"its issuer is {leaf.certificate.issuer.rfc4514_string()[:200]!r}; "
        f"trusted are the authorities of {_names(trust)}",
        fix="check where it was signed; if you trust that instance, name it with --instance or --trusted-root",
    )


def _names(trust: PreparedTrust) -> str:
    """The instances, as people call them."""
    return ", ".join(one.root.name for one in trust.roots)[:200] or "nobody"


def _issuers(leaf: Leaf, authorities: Sequence[AuthorityChain]) -> tuple[AuthorityChain, ...]:
    """The authorities that issued the leaf; each key is tried once, however many windows it has in the root."""
    name = leaf.certificate.issuer
    held: dict[bytes, bool] = {}
    found = []
    for one in authorities:
        issuer = one.certificates[0]
        if issuer.subject != name:
            continue
        if one.key.spki not in held:
            held[one.key.spki] = signed_by(leaf, one)
        if held[one.key.spki]:
            found.append(one)
    return tuple(found)


def verify_path(leaf: Leaf, issuers: Sequence[AuthorityChain], times: Sequence[datetime]) -> AuthorityChain:
    """One authority that, with the leaf, was valid at every one of ``times``.

    Raises:
        ProofError: ``certificate-expired`` (the leaf at one of the times), ``authority-window`` (every authority).
    """
    for time in times:
        if not leaf.certificate.not_valid_before_utc <= time <= leaf.certificate.not_valid_after_utc:
            raise ProofError(
                code="certificate-expired",
                what="the signature was not made while the certificate was valid",
                why=f"it was seen at {time:%Y-%m-%dT%H:%M:%SZ}; the certificate is valid from "
                f"{leaf.certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ} to "
                f"{leaf.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
                fix="sign again",
            )
    for issuer in issuers:
        if all(issuer.valid_at(time) for time in times):
            return issuer
    raise ProofError(
        code="authority-window",
        what="the certificate authority did not count when the signature was made",
        why="a verified time lies outside its window in the trusted root, or outside its certificates' validity",
        fix="sign again, or take a current trusted root",
    )


def outdated(what: str) -> ProofError:
    """The error of evidence that is newer than the trusted root."""
    return ProofError(
        code="trust-root-outdated",
        what=f"{what} is not in the trusted root, which is older than the signature",
        why="keys are rotated; a root from before does not know the new ones",
        fix="update the trusted root: `sigstep trust update`",
    )
