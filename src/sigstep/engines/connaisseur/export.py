"""Write a policy as Connaisseur's ``application`` values: validators, and one policy entry for each image pattern."""

from __future__ import annotations

from typing import Any, Final

from sigstep.policy.document import Policy, PolicyRule, Quorum, Signer
from sigstep.policy.engine import Export, ExportedFile, Wanted
from sigstep.policy.exporting import (
    PUBLIC,
    Losses,
    anchored,
    dns_name,
    image_rules,
    manifest,
    pem,
    place,
)
from sigstep.policy.matcher import Matcher

LOG: Final = "https://rekor.sigstore.dev"


def export(wanted: Wanted) -> Export:
    """See `sigstep.policy.engine.Engine.export`."""
    policy, losses = wanted.policy, Losses()
    validators: list[dict[str, Any]] = [
        {"name": "allow", "type": "static", "approve": True},
        {"name": "deny", "type": "static", "approve": False},
    ]
    entries: list[dict[str, Any]] = []
    if policy.no_match == "warn":
        losses.refuse("defaults.no-match", "the engine warns for everything or for nothing")
    entries.append({"pattern": "*:*", "validator": "allow" if policy.no_match == "allow" else "deny"})
    rules = image_rules(policy, losses)
    _check_overlaps(rules, losses)
    for rule in rules:
        made, validator = _rule(rule, wanted, losses)
        validators += validator
        if "**" in rule.images:  # it names what no other rule does
            entries[0] = {"pattern": "*:*", **made}
        named = [one for one in rule.images if one != "**"]
        entries += [{"pattern": f"{_pattern(one, rule, losses)}:*", **made} for one in named]
    for recall in policy.recalls:
        losses.warn("recalls", f"a recall by {recall.kind} is not exported: a more specific pattern would win")
    if policy.require_digest:
        losses.warn("defaults.require-digest", "the engine fills the digest in instead of refusing a tag")
    if losses.refused:
        return Export(files=(), losses=losses.all)
    values = {"application": {"validators": validators, "policy": entries}}
    what = "values for its Helm chart"
    return Export(files=(ExportedFile(name="connaisseur.yaml", data=manifest([values]), what=what),), losses=losses.all)


def _pattern(pattern: str, rule: PolicyRule, losses: Losses) -> str:
    where = f"{place(rule)}.images"
    if any(one in pattern for one in "[]{}\\!?"):
        losses.refuse(where, f"{pattern}: its globs read some of these characters in another way")
    losses.warn(where, f"{pattern}: open at its beginning: other hosts with such a path are governed too")
    if "*" in pattern.replace("**", ""):
        losses.warn(where, f"{pattern}: * crosses / here, so that deeper repositories are governed too")
    return f"index.{pattern}" if pattern.startswith("docker.io/") else pattern


def _check_overlaps(rules: tuple[PolicyRule, ...], losses: Losses) -> None:
    for at, one in enumerate(rules):
        if one.exclude:
            losses.refuse(f"{place(one)}.exclude", "an exception is a rule of its own in this engine")
        for other in rules[at + 1 :]:
            if any(_may_overlap(a, b) for a in one.images for b in other.images) and not _asks_the_same(one, other):
                what = f"it may name images of {other.name}: the engine lets the most specific pattern decide alone"
                losses.refuse(place(one), what)


def _may_overlap(one: str, other: str) -> bool:
    if "*" not in one + other:
        return one == other
    a, b = one.partition("*")[0], other.partition("*")[0]
    if "*" not in one:
        return Matcher(other.replace("*", "**"), "glob").matches(one)
    if "*" not in other:
        return Matcher(one.replace("*", "**"), "glob").matches(other)
    return a.startswith(b) or b.startswith(a)


def _asks_the_same(one: PolicyRule, other: PolicyRule) -> bool:
    return (one.signature, one.attestations, one.allow, one.deny, one.until, one.enforce) == (
        other.signature,
        other.attestations,
        other.allow,
        other.deny,
        other.until,
        other.enforce,
    )


def _rule(rule: PolicyRule, wanted: Wanted, losses: Losses) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    where = place(rule)
    if not rule.enforce:
        losses.refuse(f"{where}.mode", "the engine warns for everything or for nothing")
    if rule.attestations:
        losses.refuse(f"{where}.attestations", "the engine reads none")
    if rule.deny:
        losses.warn(f"{where}.deny", "its reason is not told by the engine")
        return {"validator": "deny"}, []
    if rule.allow:
        losses.refuse(f"{where}.allow.until", "the end of an allowance cannot be said")
        return {"validator": "allow"}, []
    if rule.signature is None:
        return {}, []
    if "legacy" not in rule.formats:
        losses.refuse(f"{where}.formats", "the engine reads no bundles")
    else:
        how = "cosign sign --new-bundle-format=false --use-signing-config=false"
        losses.warn(f"{where}.formats", f"only signatures in the old form are read: {how}")
    name = dns_name(rule.name)
    signers = [wanted.policy.signers[one] for one in rule.signature.names]
    roots = [_trust_root(one, wanted, losses) for one in signers]
    validator = {"name": name, "type": "cosign", "trustRoots": roots}
    chosen = _quorum(rule.signature, wanted.policy, where, losses)
    logged = {one.identity is not None or one.log == "required" for one in signers}
    if len(logged) > 1:
        losses.refuse(where, "the log is asked for of all signers or of none")
    return {
        "validator": name,
        "with": {**chosen, "verifyInTransparencyLog": True in logged, "verifySCT": True, "mode": "mutate"},
    }, [validator]


def _quorum(quorum: Quorum, policy: Policy, where: str, losses: Losses) -> dict[str, Any]:
    names = [dns_name(one) for one in quorum.names]
    if len(names) == 1:
        return {"trustRoot": names[0]}
    if quorum.count == 1:
        return {"trustRoot": "*", "threshold": 1}
    if quorum.count == len(names):
        from sigstep.policy.exporting import distinct

        if not distinct(quorum, policy.signers):
            losses.refuse(where, "several signers are asked for, and two of them may be the same one")
        return {"trustRoot": "*", "required": names}
    losses.refuse(f"{where}.signature", "at-least: the engine counts signatures, not signers")
    return {}


def _trust_root(signer: Signer, wanted: Wanted, losses: Losses) -> dict[str, Any]:
    where = f"signers.{signer.name}"
    made: dict[str, Any] = {"name": dns_name(signer.name)}
    if signer.log == "tsa":
        losses.refuse(f"{where}.log", "the engine reads no time stamps")
    if signer.identity is None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        key = load_der_public_key(wanted.keys[signer.name])
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size != 256:
            losses.refuse(where, "the engine hashes with SHA-256 whatever the key is")
        return {**made, "key": pem(wanted.keys[signer.name])}
    if signer.identity.extensions:
        losses.refuse(f"{where}.extensions", "the engine reads none")
    if signer.root not in ("", PUBLIC):
        losses.refuse(f"{where}.trust", "the engine takes single keys and certificates, no trusted root")
    elif not signer.root:
        losses.warn(where, "certificates of the public instance only: name another with trust:")
    keyless = {}
    for name, matcher in (("issuer", signer.identity.issuer), ("subject", signer.identity.subject)):
        if matcher is None:
            losses.refuse(where, f"the engine asks for a {name}")
        elif matcher.kind == "exact":
            keyless[name] = matcher.text
        else:
            keyless[f"{name}Regex"] = anchored(matcher)
    return {**made, "keyless": keyless}
