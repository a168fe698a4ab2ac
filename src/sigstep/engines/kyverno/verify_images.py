"""What ``verifyImages`` of a ClusterPolicy would say about one image.

Source: kyverno ``pkg/imageverification``, ``pkg/cosign``, ``pkg/engine/handlers/validation``, at the version of the
documentation page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sigstep.engines.kyverno.attestor_reader import keys_of
from sigstep.engines.kyverno.conditions import block_holds
from sigstep.engines.kyverno.proofs import Proved, bundles, legacy, prove_all
from sigstep.engines.kyverno.rules import AttestationDemand, Attestor, AttestorSet, Verify
from sigstep.engines.kyverno.variables import Lookup, Unresolved, substitute
from sigstep.errors import Refusal, UsageError
from sigstep.policy.engine import ImageEvidence, Storage, Surroundings, Unjudged
from sigstep.policy.image_patterns import Dialect, matches, parse_image
from sigstep.policy.rulings import kept_as


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCase:
    """One image, as written, with what is known of it and what variables see."""

    written: str
    evidence: ImageEvidence
    lookup: Lookup
    surroundings: Surroundings


class Failed(Exception):
    """The engine's rule fails for the image."""


def concerns(verify: Verify, written: str) -> bool:
    """Whether the patterns select the image."""
    image = parse_image(written)

    def selected(patterns: tuple[str, ...]) -> bool:
        try:
            return any(matches(Dialect.KYVERNO, one, image) for one in patterns)
        except UsageError:
            return False

    return selected(verify.references) and not selected(verify.skipped)


def check(verify: Verify, case: ImageCase) -> None:
    """Nothing, where the image passes.

    Raises:
        Failed: it does not.
        Unjudged: that cannot be known here.
    """
    has_digest = "@" in case.written
    if verify.verify_digest and not verify.mutate_digest and not has_digest:
        raise Failed("missing digest for the image")
    if verify.kind == "Notary":
        raise Unjudged("notary", "verifyImages of type Notary")
    if verify.repository:
        raise Unjudged("evidence", f"signatures are in {verify.repository}, which was not read")
    if not verify.attestors and not verify.attestations:
        if verify.required:
            raise Failed("unverified image: the rule requires a verification and names no attestor")
        return
    for one in verify.attestors:
        _attestors(one, verify, case)
    payloads: dict[str, Any] = {}
    for demand in verify.attestations:
        found = _attested(demand, verify, case)
        if demand.name:
            payloads[demand.name] = found[-1]
    if verify.deny and _holds(verify.deny, case.lookup.within(payloads)):
        raise Failed(verify.message or "the attestations are denied by a condition")


def _attestors(wanted: AttestorSet, verify: Verify, case: ImageCase) -> None:
    """Of all entries as many as are counted have to verify; several keys of one entry are entries of their own."""
    entries = [part for entry in wanted.entries for part in _expanded(entry, case.lookup)]
    passed, why, unknown = 0, "", None
    for entry in entries:
        try:
            if entry.nested is not None:
                _attestors(entry.nested, verify, case)
            else:
                _signed(entry, verify, case)
            passed += 1
        except Failed as error:
            why = why or str(error)
        except Unjudged as error:
            unknown = unknown or error
    needed = len(entries) if wanted.count is None else wanted.count
    if passed >= needed:
        return
    if unknown is not None:
        raise unknown
    raise Failed(f"{passed} of {needed} attestors verify: {why}")


def _expanded(entry: Attestor, lookup: Lookup) -> Iterator[Attestor]:
    if entry.key_text:
        try:
            keys = keys_of(str(substitute(entry.key_text, lookup)))
        except (Refusal, Unresolved) as error:
            raise Failed(f"the key {entry.key_text[:80]}: {error}") from None
        entry = replace(entry, keys=keys, key_text="")
    if len(entry.keys) > 1:
        yield from (replace(entry, keys=(key,)) for key in entry.keys)
    else:
        yield entry


def _signed(entry: Attestor, verify: Verify, case: ImageCase) -> None:
    if verify.kind == "SigstoreBundle":
        _needs_both(entry)
        where = bundles(case.evidence)
    else:
        where = legacy(case.evidence, Storage.LEGACY_SIGNATURE)
    key = entry.keys[0] if entry.keys else None
    found = prove_all(
        entry,
        where,
        case.surroundings,
        key=key,
        in_bundle=verify.kind == "SigstoreBundle",
        with_wildcards=True,
    )
    if not any(one.wanted for one in found):
        raise Failed("no signatures found" + kept_as(case.evidence))


def _needs_both(entry: Attestor) -> None:
    who = entry.identities[0] if entry.identities else {}
    issuer, subject = who.get("issuer") or who.get("issuerRegExp"), who.get("subject") or who.get("subjectRegExp")
    if entry.keyless and not (issuer and subject):
        raise Failed("bundles need both an issuer and a subject")


def _attested(demand: AttestationDemand, verify: Verify, case: ImageCase) -> list[Any]:
    """Predicates of all attestations that every attestor set accepts; all of them satisfy the conditions."""
    sets = demand.attestors or (
        AttestorSet(count=None, entries=(Attestor(keyless=True, identities=({},), ignore_sct=True),)),
    )
    found: list[Any] = []
    for one in sets:
        found += _of_set(one, demand, verify, case)
    return found


def _of_set(wanted: AttestorSet, demand: AttestationDemand, verify: Verify, case: ImageCase) -> list[Any]:
    found: list[Any] = []
    passed, why, unknown = 0, "", None
    for entry in wanted.entries:
        try:
            if entry.nested is not None:
                found += _of_set(entry.nested, demand, verify, case)
            else:
                found += _of_entry(entry, demand, verify, case)
            passed += 1
        except Failed as error:
            why = why or str(error)
        except Unjudged as error:
            unknown = unknown or error
    needed = len(wanted.entries) if wanted.count is None else wanted.count
    if passed >= needed:
        return found
    if unknown is not None:
        raise unknown
    raise Failed(f"{passed} of {needed} attestors attest {demand.type}: {why}")


def _of_entry(entry: Attestor, demand: AttestationDemand, verify: Verify, case: ImageCase) -> list[Any]:
    """All statements of the type that verify have to be by the attestor (legacy), and to satisfy the conditions."""
    in_bundle = verify.kind == "SigstoreBundle"
    if in_bundle:
        _needs_both(entry)
    where = bundles(case.evidence) if in_bundle else legacy(case.evidence, Storage.LEGACY_ATTESTATION)
    first = next(_expanded(entry, case.lookup))
    key = first.keys[0] if first.keys else None
    proved = [
        (one, statement)
        for one in prove_all(first, where, case.surroundings, key=key, in_bundle=in_bundle, with_wildcards=True)
        if (statement := one.statement) is not None and statement.get("predicateType") == demand.type
    ]
    if in_bundle:
        proved = [(one, statement) for one, statement in proved if one.wanted]
    other = _other_signer([one for one, _ in proved])
    if other:
        raise Failed(f"an attestation of {demand.type} is by another signer: {other}")
    if not proved:
        raise Failed(f"no attestation of type {demand.type}" + kept_as(case.evidence))
    predicates = [statement.get("predicate") for _, statement in proved]
    for predicate in predicates:
        more = predicate if isinstance(predicate, dict) else {}
        for block in demand.conditions:
            if not _holds(block, case.lookup.within(more)):
                raise Failed(f"an attestation of {demand.type} does not satisfy the conditions")
    return predicates


def _other_signer(proved: list[Proved]) -> str:
    for one in proved:
        if not one.wanted:
            identity = one.verified.identity
            return identity.subject if identity else "a key"
    return ""


def _holds(block: Any, lookup: Lookup) -> bool:
    try:
        return block_holds(block, lookup)
    except Unresolved as error:
        raise Failed(f"a condition: {error}") from None
