"""One shape for every bundle: who is said to have signed, under which trusted root, and how much has to be proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sigstep.errors import ProofError
from sigstep.model.bundle import Bundle, CertificateMaterial, MessageSignature
from sigstep.model.trust import ThresholdOverrides, Thresholds, TrustedKey, TrustMaterial, Witness
from sigstep.model.verified import Lowered
from sigstep.proofs.authority import AuthorityChain
from sigstep.proofs.certificate import Leaf, load_leaf
from sigstep.proofs.chain import find_roots
from sigstep.proofs.keys import PublicKey, load_key
from sigstep.proofs.prepared import PreparedRoot, PreparedTrust

KEY_THRESHOLDS = Thresholds(entries=0, times=0, signed_times=0, scts=0)


_USAGES: Final = frozenset({"", "npm:attestations"})  # a registry keeps other keys for its signatures over packages


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that may have signed: of a certificate that a trusted authority issued, or of the caller.

    ``verifiers`` are the DER forms under which a log entry may name it.
    """

    key: PublicKey
    verifiers: tuple[bytes, ...]
    leaf: Leaf | None = None
    issuers: tuple[AuthorityChain, ...] = ()
    trusted: TrustedKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A key of the caller, and one of the trusted roots that know a log of the bundle; a key belongs to no root."""

    key: TrustedKey
    root: PreparedRoot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate as one trusted root sees it: ``issuers`` are the root's authorities that issued it."""

    leaf: Leaf
    root: PreparedRoot
    issuers: tuple[AuthorityChain, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the checks need; ``original`` are the exact bytes of the envelope where they are at hand."""

    bundle: Bundle
    signature: bytes
    signer: Signer
    root: PreparedRoot | None
    thresholds: Thresholds
    witnesses: tuple[Witness, ...]
    now: datetime
    original: bytes | None


def lowered(evidence: Evidence) -> tuple[Lowered, ...]:
    """The kinds of evidence of which the caller asked for less than the signer's instance does by itself."""
    own = KEY_THRESHOLDS if evidence.signer.leaf is None or evidence.root is None else evidence.root.root.thresholds
    pairs = ((one.name, getattr(evidence.thresholds, one.name), getattr(own, one.name)) for one in fields(own))
    return tuple(Lowered(evidence=name, asked=asked, default=usual) for name, asked, usual in pairs if asked < usual)


def keys_of(bundle: Bundle, material: TrustMaterial) -> tuple[TrustedKey, ...]:
    """The caller's keys that may have signed a bundle; empty where its certificate decides.

    Raises:
        ProofError: ``key-missing``: the bundle has no certificate, and no key is for it.
    """
    keys = tuple(one for one in material.keys if one.usage in _USAGES)
    anyones = tuple(one for one in keys if not one.hint)
    if isinstance(bundle.material, CertificateMaterial):
        return () if material.certificates_too else anyones
    hint = bundle.material.hint
    found = tuple(one for one in keys if one.hint and one.hint == hint) or anyones
    if not found:
        raise _no_key(hint)
    return found


def candidates(bundle: Bundle, trust: PreparedTrust) -> tuple[Given | Issued, ...]:
    """Who may have signed a bundle, at least one: keys of the caller, which a certificate in the bundle never
    overrides; else the certificate, by each trusted root that issued it.

    Raises:
        ProofError: ``key-missing``, ``certificate-malformed``, ``certificate-not-for-signing``, ``issuer-unknown``,
            ``trust-root-outdated``, ``key-unsupported``.
    """
    if keys := keys_of(bundle, trust.material):
        return tuple(Given(key=key, root=root) for root in _roots_of_entries(bundle, trust.roots) for key in keys)
    assert isinstance(bundle.material, CertificateMaterial)  # else `keys_of` gave a key
    leaf = load_leaf(bundle.material.leaf)
    return tuple(Issued(leaf=leaf, root=root, issuers=issuers) for root, issuers in find_roots(leaf, trust))


def as_evidence(
    bundle: Bundle,
    trust: PreparedTrust,
    candidate: Given | Issued,
    *,
    thresholds: Thresholds | ThresholdOverrides | None,
    now: datetime,
    original: bytes | None,
) -> Evidence:
    """Choose signer, root and thresholds.

    Args:
        bundle: the claims.
        trust: what counts.
        candidate: one of `candidates`.
        thresholds: instead of those of the signer's instance.
        now: aware.
        original: the exact bytes of the envelope where they are at hand.

    Raises:
        ProofError: ``key-unsupported``.
    """
    content = bundle.content
    signature = content.signature if isinstance(content, MessageSignature) else content.signatures[0].signature
    root: PreparedRoot | None = candidate.root
    if isinstance(candidate, Given):
        signer, needed = _of_key(bundle, candidate.key), KEY_THRESHOLDS
    else:
        leaf = candidate.leaf
        signer = Signer(key=leaf.key, verifiers=(leaf.der,), leaf=leaf, issuers=candidate.issuers)
        needed = candidate.root.root.thresholds
    if thresholds is not None:
        needed = thresholds.over(needed) if isinstance(thresholds, ThresholdOverrides) else thresholds
    return Evidence(
        bundle=bundle,
        signature=signature,
        signer=signer,
        root=root,
        thresholds=needed,
        witnesses=trust.material.witnesses,
        now=now,
        original=original,
    )


def _of_key(bundle: Bundle, chosen: TrustedKey) -> Signer:
    key = load_key(chosen.key)
    certificate = bundle.material.leaf if isinstance(bundle.material, CertificateMaterial) else None
    same = certificate is not None and _same_key(certificate, key)
    verifiers = (key.spki, certificate) if same and certificate is not None else (key.spki,)
    return Signer(key=key, verifiers=verifiers, trusted=chosen)


def _same_key(certificate: bytes, key: PublicKey) -> bool:
    """Whether a certificate merely carries the caller's key; whoever issued it does not matter then."""
    try:
        return load_leaf(certificate).key.spki == key.spki
    except ProofError:
        return False


def _roots_of_entries(bundle: Bundle, roots: Sequence[PreparedRoot]) -> Sequence[PreparedRoot | None]:
    """The roots that know a log of the bundle; where none does, all of them, for their timestamp authorities."""
    ids = {entry.log_id for entry in bundle.entries}
    return [root for root in roots if any(one.log.log_id in ids for one in root.logs)] or roots or [None]


def _no_key(hint: str) -> ProofError:
    return ProofError(
        code="key-missing",
        what="the bundle was signed with a key, and that key is not known",
        why=f"its hint is {hint[:100]!r}",
        fix="give the public key with --key",
    )
