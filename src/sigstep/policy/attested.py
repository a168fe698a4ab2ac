"""Judge what was proved about one artifact by one demand for attestations of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sigstep.errors import Undecided
from sigstep.model import limits
from sigstep.model.bundle import Envelope
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import EveryContent
from sigstep.policy.demands import Circumstances, Clause, Demands
from sigstep.policy.document import Attested, Quorum


def judge_attested(
    rule: str,
    wanted: Attested,
    made: Mapping[str, list[Verified]],
    proofs: Sequence[Verified],
    now: datetime,
    circumstances: Circumstances,
) -> Finding | None:
    """None where enough signers attested it and all demands hold.

    Args:
        rule: its name.
        made: the proofs of each signer of the policy.
        proofs: those that count for the rule.
        now: aware.

    Raises:
        Undecided: a clause could not be evaluated, and nothing else satisfies; ``evidence-incomplete``: all that was
            found satisfies, and one that was not found might not.
    """
    trusted = {id(one) for name in wanted.quorum.names for one in made[name]}
    known = [one for one in proofs if id(one) in trusted and one.statement is not None]
    types = (wanted.type, *wanted.also)
    candidates = [one for one in known if one.statement and one.statement.predicate_type in types]
    contents = (one.bundle.content for one in candidates)  # one that was found in two places is one
    different = len({one if isinstance(one, Envelope) else number for number, one in enumerate(contents)})
    if wanted.demands.exactly_one and different > 1:
        return _demand(
            code="attestation-not-unique",
            what=f"rule {rule}: {different} attestations {wanted.type} are there",
            why="exactly one is asked for",
        )
    good: list[Verified] = []
    dropped: list[Finding] = []
    unknown: Undecided | None = None
    for proof in candidates:
        try:
            found = _fails(rule, wanted, proof, now, circumstances)
        except Undecided as error:
            unknown = error
            continue
        if found is None:
            good.append(proof)
        elif wanted.every:
            return found
        else:
            dropped.append(found)
    if unknown is not None and (wanted.every or not reached(wanted.quorum, made, good)):
        raise unknown
    if not reached(wanted.quorum, made, good):
        told = next((one for one in dropped if one.code != "policy-condition"), None)
        return told or _demand(
            code="policy-attestation-missing",
            what=f"rule {rule}: no attestation {wanted.type} that satisfies every condition by enough signers",
            why=f"at least {wanted.quorum.count} of {', '.join(wanted.quorum.names)} have to attest it",
        )
    others = [one for one in known if one.statement and one.statement.predicate_type not in types]
    found = EveryContent(rules=wanted.demands.rules).judge([*good, *others], now) if wanted.demands.rules else None
    if found is None and not circumstances.whole and hangs_on_all(wanted):
        raise incomplete(f"rule {rule} asks something of every attestation {wanted.type}")
    return found


def hangs_on_all(wanted: Attested) -> bool:
    """Whether one more attestation by the same signers could break the demand: it is about all of them."""
    return wanted.every or wanted.demands.exactly_one or bool(wanted.demands.rules)


def incomplete(why: str) -> Undecided:
    """The error of a demand on everything that there is, where not everything could be looked at."""
    return Undecided(
        code="evidence-incomplete",
        what="a place that may have another attestation could not be asked",
        why=why,
        fix="try again when it answers, or name the bundles with --bundle",
    )


def reached(quorum: Quorum, made: Mapping[str, list[Verified]], proofs: Sequence[Verified]) -> bool:
    """Distinct signers: names are matched one to one with distinct identities, so nobody counts twice."""
    counted = {id(one) for one in proofs}
    edges = {name: sorted({_who(one) for one in made[name] if id(one) in counted}) for name in quorum.names}
    taken: dict[str, str] = {}
    return sum(_assign(name, edges, taken, set()) for name in quorum.names) >= quorum.count


def _assign(name: str, edges: Mapping[str, list[str]], taken: dict[str, str], seen: set[str]) -> bool:
    for who in edges[name]:
        if who in seen:
            continue
        seen.add(who)
        if who not in taken or _assign(taken[who], edges, taken, seen):
            taken[who] = name
            return True
    return False


def _who(proof: Verified) -> str:
    if proof.identity is None:
        return f"key {proof.key_id}"
    return f"{proof.identity.issuer}\n{proof.identity.subject}"


def _fails(rule: str, wanted: Attested, proof: Verified, now: datetime, circumstances: Circumstances) -> Finding | None:
    """Why one attestation does not count, or None."""
    assert proof.statement is not None
    found = _stale(rule, wanted.demands, proof, now) or _elsewhere(rule, wanted.demands, proof, circumstances)
    if found is not None:
        return found
    failed = next((one for one in wanted.where if not one.holds(proof.statement, now)), None)
    if failed is not None:
        what = f"rule {rule}: an attestation {wanted.type} fails a condition"
        return _demand(code="policy-condition", what=what, why=str(failed))
    clauses = wanted.demands.clauses
    return next((bad for one in clauses if (bad := _evaluate(one, proof, circumstances)) is not None), None)


def _stale(rule: str, demands: Demands, proof: Verified, now: datetime) -> Finding | None:
    if demands.max_age is None:
        return None
    signed = min((time.time for time in proof.times), default=None)
    skew = timedelta(seconds=limits.FUTURE_SKEW_SECONDS)
    if signed is not None and -skew <= now - signed <= demands.max_age:
        return None
    return _demand(
        code="attestation-stale",
        what=f"rule {rule}: an attestation is not fresh",
        why=f"it was signed at {signed.isoformat()}" if signed else "no verified time says when it was signed",
    )


def _elsewhere(rule: str, demands: Demands, proof: Verified, circumstances: Circumstances) -> Finding | None:
    """Another attempt of the same run is the same run."""
    if not demands.this_run:
        return None
    made_by = proof.identity.extensions.get("run-invocation-uri", "") if proof.identity else ""
    if circumstances.run and made_by.partition("/attempts/")[0] == circumstances.run.partition("/attempts/")[0]:
        return None
    return _demand(
        code="attestation-other-run",
        what=f"rule {rule}: an attestation was not made by this run",
        why=f"it was made by {made_by or 'no run that its certificate names'}; this is {circumstances.run or 'no run'}",
    )


def _evaluate(clause: Clause, proof: Verified, circumstances: Circumstances) -> Finding | None:
    if circumstances.evaluate is None:
        raise Undecided(
            code="expression-unevaluated",
            what=f"a condition of the policy is written in {clause.language}, which is not evaluated here",
            fix="use `sigstep verify --policy`",
        )
    return circumstances.evaluate(clause, proof)


def _demand(*, code: str, what: str, why: str) -> Finding:
    return Finding(
        code=code, what=what, why=why, fix="attest it as the policy asks, or change the policy", step="policy"
    )
