"""One authority over one image: who signed, who attested, and whether what they attested satisfies the texts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sigstep.engines.cluster_image_policy.evaluating import complaint
from sigstep.engines.cluster_image_policy.rules import AttestationDemand, AuthorityDemand, Identity, Keyless
from sigstep.errors import Refusal
from sigstep.model.bundle import Envelope
from sigstep.model.trust import Thresholds, TrustedRoot
from sigstep.model.verified import TimeSource, Verified
from sigstep.policy.engine import Attachment, ImageEvidence, Storage, Surroundings, Unjudged
from sigstep.policy.importing import SHORT_TYPES
from sigstep.policy.rulings import check_algorithm, is_by, kept_as
from sigstep.trust.pem_roots import root_for_keys, root_of_pems

_WHOLE: Final = frozenset({"custom", "spdx", "spdxjson", "cyclonedx"})
_EXTENSIONS: Final = {
    "githubWorkflowTrigger": "github-workflow-trigger",
    "githubWorkflowSha": "github-workflow-sha",
    "githubWorkflowName": "github-workflow-name",
    "githubWorkflowRepo": "github-workflow-repository",
    "githubWorkflowRef": "github-workflow-ref",
}
_BUNDLES: Final = (Storage.REFERRER, Storage.FALLBACK_TAG)
TrustRoots = Mapping[str, TrustedRoot | None]


class NotMatched(Exception):
    """The authority does not pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What the authority found, as the texts of the policy see it."""

    signatures: tuple[Mapping[str, str], ...] = ()
    attestations: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    static: bool = False

    def as_input(self) -> dict[str, Any]:
        """JSON; empty members are left out, as Go does."""
        given: dict[str, Any] = {}
        if self.signatures:
            given["signatures"] = [dict(one) for one in self.signatures]
        if self.attestations:
            given["attestations"] = {name: [dict(one) for one in many] for name, many in self.attestations.items()}
        if self.static:
            given["static"] = True
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How this authority's signatures are verified: against what, and what has to be there."""

    roots: tuple[TrustedRoot, ...]
    thresholds: Thresholds
    log: bool
    stamps: bool


def judge_authority(
    authority: AuthorityDemand, evidence: ImageEvidence, surroundings: Surroundings, trust_roots: TrustRoots
) -> Matched:
    """What the authority found.

    Raises:
        NotMatched: it does not pass.
        Unjudged: that cannot be known here.
    """
    if authority.static:
        if authority.static == "fail":
            raise NotMatched(authority.message or "disallowed by static policy")
        return Matched(static=True)
    if authority.source is not None and authority.source[0]:
        raise Unjudged("evidence", f"signatures are in {authority.source[0]}, which was not read")
    if authority.source is not None:
        raise Unjudged("evidence", f"signatures have tags that begin with {authority.source[1]}, which were not read")
    if authority.bundle:
        _check_bundle(authority)
    way = _way(authority, surroundings, trust_roots)
    if not authority.attestations:
        found = [
            (one, verified)
            for one in evidence.attachments
            if one.storage is Storage.LEGACY_SIGNATURE
            and (verified := _proved(authority, one, way, surroundings)) is not None
        ]
        if not found:
            raise NotMatched("no matching signatures" + kept_as(evidence))
        return Matched(signatures=tuple(_signature(verified, one, authority) for one, verified in found))
    attested = {one.name: _attested(one, authority, evidence, way, surroundings) for one in authority.attestations}
    return Matched(attestations=attested)


def _check_bundle(authority: AuthorityDemand) -> None:
    """What the engine cannot do with bundles is a failure, whatever is attached."""
    keyless = authority.keyless
    if keyless is None:
        raise NotMatched("a key cannot verify bundles in this engine")
    if not authority.attestations:
        raise NotMatched("bundle support for image signatures is not yet implemented; ask for an attestation")
    if len(keyless.identities) > 1:
        raise NotMatched("multiple identities are not supported with bundles")
    if any(one not in ("", keyless.trust_root) for one in (authority.log or "", authority.timestamps)):
        raise NotMatched("the trust roots of the log and of time stamps have to be that of keyless")


def _way(authority: AuthorityDemand, surroundings: Surroundings, trust_roots: TrustRoots) -> _Way:
    keyless, key = authority.keyless, authority.key
    if key is not None and key.key is None:
        raise Unjudged("key-elsewhere", key.elsewhere)
    if key is not None and key.key is not None:
        check_algorithm(key.key, key.hash_algorithm)
    stamps = bool(authority.timestamps)
    own_root = keyless is not None and bool(keyless.trust_root)
    log = not stamps and (authority.log is not None or (keyless is not None and not own_root))
    if own_root and authority.bundle:
        log = not stamps
    roots = tuple(
        _combined(one, authority, surroundings, trust_roots) for one in _bases(keyless, surroundings, trust_roots)
    )
    thresholds = Thresholds(
        entries=int(log),
        times=int(log or stamps) if keyless else int(stamps),
        signed_times=int(stamps),
        scts=0 if keyless is None or keyless.ignore_sct else 1,
    )
    return _Way(roots=roots, thresholds=thresholds, log=log, stamps=stamps or authority.bundle)


def _bases(keyless: Keyless | None, surroundings: Surroundings, trust_roots: TrustRoots) -> tuple[TrustedRoot, ...]:
    if keyless is None:
        return (root_for_keys(surroundings.public),)
    if keyless.elsewhere:
        raise Unjudged("authority-elsewhere", keyless.elsewhere)
    if keyless.trust_root:
        return (_named(keyless.trust_root, surroundings, trust_roots),)
    if keyless.authority:
        try:
            own = root_of_pems("ca-cert", authorities=(keyless.authority,))
        except Refusal as error:
            raise NotMatched(f"ca-cert: {error.why}") from error
        return tuple(
            replace(own, logs=one.logs, ct_logs=one.ct_logs, timestamp_authorities=one.timestamp_authorities)
            for one in surroundings.public
        )
    return surroundings.public


def _combined(
    base: TrustedRoot, authority: AuthorityDemand, surroundings: Surroundings, trust_roots: TrustRoots
) -> TrustedRoot:
    """The root with the log and the time stamp authorities that the authority names."""
    logs, stamping = base.logs, base.timestamp_authorities
    if authority.log:
        logs = _named(authority.log, surroundings, trust_roots).logs
    elif authority.log is not None and not authority.bundle:
        logs = tuple(log for one in surroundings.public for log in one.logs)
    if authority.timestamps:
        stamping = _named(authority.timestamps, surroundings, trust_roots).timestamp_authorities
    return replace(base, logs=logs, timestamp_authorities=stamping)


def _named(name: str, surroundings: Surroundings, trust_roots: TrustRoots) -> TrustedRoot:
    found = surroundings.trust.get(name) or trust_roots.get(name)
    if found is None:
        raise Unjudged("trust-root", name)
    return found


def _proved(
    authority: AuthorityDemand, attachment: Attachment, way: _Way, surroundings: Surroundings
) -> Verified | None:
    proof = surroundings.prover.prove(
        attachment,
        key=authority.key.key if authority.key else None,
        roots=way.roots,
        thresholds=way.thresholds,
        log=way.log,
        stamps=way.stamps,
    )
    if not isinstance(proof, Verified):
        return None
    if authority.keyless is not None and not any(_is(one, proof) for one in authority.keyless.identities):
        return None
    logged = any(one.source is TimeSource.TRANSPARENCY_LOG for one in proof.times)
    if authority.bundle and not authority.timestamps and not logged:
        raise Unjudged("engine-version", "a bundle whose time is only stamped, without rfc3161timestamp")
    return proof


def _is(identity: Identity, proof: Verified) -> bool:
    return is_by(
        proof,
        issuer=identity.issuer,
        issuer_regexp=identity.issuer_regexp,
        subject=identity.subject,
        subject_regexp=identity.subject_regexp,
    )


def _attested(
    demand: AttestationDemand,
    authority: AuthorityDemand,
    evidence: ImageEvidence,
    way: _Way,
    surroundings: Surroundings,
) -> tuple[Mapping[str, str], ...]:
    """Every verified attestation of the type that satisfies the text; at least one."""
    uri = SHORT_TYPES.get(demand.predicate_type, demand.predicate_type)
    found: list[Mapping[str, str]] = []
    why = f"no matching attestations of type {uri}"
    unknown: Unjudged | None = None
    for attachment, proof, statement in _statements(authority, evidence, way, surroundings):
        if statement.get("predicateType") != uri:
            continue
        if demand.text is not None:
            try:
                if demand.predicate_type in SHORT_TYPES and demand.predicate_type not in _WHOLE:
                    raise Unjudged(
                        "language", f"the engine rewrites the predicate of the short name {demand.predicate_type}"
                    )
                refused = complaint(demand.text, statement, surroundings.languages)
            except Unjudged as error:
                unknown = error
                continue
            if refused:
                why = f"{demand.name}: {refused}"
                continue
        found.append({**_signature(proof, attachment, authority), "predicateType": uri, "digest": str(evidence.digest)})
    if not found and unknown is not None:
        raise unknown
    if not found:
        raise NotMatched(why + kept_as(evidence))
    return tuple(found)


def _statements(
    authority: AuthorityDemand, evidence: ImageEvidence, way: _Way, surroundings: Surroundings
) -> Iterator[tuple[Attachment, Verified, dict[str, Any]]]:
    wanted = _BUNDLES if authority.bundle else (Storage.LEGACY_ATTESTATION,)
    for attachment in evidence.attachments:
        if attachment.storage not in wanted or attachment.bundle is None:
            continue
        proof = _proved(authority, attachment, way, surroundings)
        content = attachment.bundle.content
        if proof is not None and isinstance(content, Envelope):
            yield attachment, proof, json.loads(content.payload)


def _signature(proof: Verified, attachment: Attachment, authority: AuthorityDemand) -> dict[str, str]:
    """What a text sees of a signature; of a bundle's certificate the engine hands nothing on."""
    found = {"id": hashlib.sha256(attachment.original or attachment.source.encode()).hexdigest()}
    if proof.identity is not None and not authority.bundle:
        found |= {"subject": proof.identity.subject, "issuer": proof.identity.issuer or ""}
        found |= {name: proof.identity.extensions.get(own, "") for name, own in _EXTENSIONS.items()}
    return {name: value for name, value in found.items() if value}
