"""Whether two policies ask for the same of images, whatever names and forms they are written in."""

from __future__ import annotations

from typing import Any

from sigstep.policy.conditions import Condition
from sigstep.policy.document import Policy, PolicyRule, Quorum, Signer
from sigstep.policy.matcher import Matcher


def same_demands(one: Policy, other: Policy) -> bool:
    """Whether they select the same images and ask the same signers for the same.

    Storage formats, instances and logs are left out: exports tell by name where an engine has its own way with them.
    Reasons are left out too: not every engine tells them.
    """
    return bool(_demands(one) == _demands(other))


def _demands(policy: Policy) -> Any:
    rules = [_rule(rule, policy) for rule in policy.rules if rule.images]
    everything = any("**" in rule.images and not rule.exclude for rule in policy.rules)  # then no image is unnamed
    return "" if everything else policy.no_match, sorted(rules, key=repr)


def _rule(rule: PolicyRule, policy: Policy) -> Any:
    attested = [
        (one.type, _quorum(one.quorum, policy), one.every, [_condition(each) for each in one.where])
        for one in rule.attestations
    ]
    asked = (_quorum(rule.signature, policy), attested, bool(rule.allow), bool(rule.deny), rule.until, rule.enforce)
    return sorted(rule.images), sorted(rule.exclude), asked


def _quorum(quorum: Quorum | None, policy: Policy) -> Any:
    return quorum and (quorum.count, sorted(repr(_signer(policy.signers[name])) for name in quorum.names))


def _signer(signer: Signer) -> Any:
    if signer.identity is None:
        return signer.release or signer.key
    extensions = [(name, one.text) for name, one in signer.identity.extensions]
    return _matcher(signer.identity.issuer), _matcher(signer.identity.subject), extensions


def _matcher(one: Matcher | None) -> Any:
    if one is None or one.text == ".+":
        return None
    return one.text if one.kind == "exact" else ("matches", one.expression)


def _condition(one: Condition) -> Any:
    value = one.value
    if isinstance(value, Matcher):
        value = value.expression
    elif isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return one.path, one.operator, repr(value)
