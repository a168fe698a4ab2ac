"""Write a policy as a policy file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.policy.conditions import Condition
from sigstep.policy.demands import NOTHING_MORE
from sigstep.policy.document import (
    FORMATS,
    ROOTS,
    SCHEMA,
    Attested,
    Policy,
    PolicyRule,
    Quorum,
    Signer,
    TrustSource,
)
from sigstep.policy.exporting import manifest
from sigstep.policy.matcher import Matcher
from sigstep.policy.recalls import Recall

_ROOTS: Final = {value: key for key, value in ROOTS.items()}


def write_policy(policy: Policy) -> bytes:
    """The policy file that says the same, without comments.

    Raises:
        FormatError: ``policy-unwritable``: it has parts that only its author can write.
    """
    if policy.recall_list is not None or any(
        one.demands != NOTHING_MORE or one.also for rule in policy.rules for one in rule.attestations
    ):
        raise FormatError(
            code="policy-unwritable",
            what="the policy has parts that are not written again",
            why="a recall list, or demands on what attestations say",
            fix="change the file itself",
        )
    document: dict[str, Any] = {"schema": SCHEMA}
    defaults: dict[str, Any] = {}
    if policy.no_match != "deny":
        defaults["no-match"] = policy.no_match
    if policy.require_digest:
        defaults["require-digest"] = True
    parts = {
        "name": policy.name,
        "defaults": defaults,
        "trust": {name: _trust(one) for name, one in policy.trust.items()},
        "witnesses": {"at-least": seen.count, "of": list(seen.keys)} if (seen := policy.witnesses) else {},
        "signers": {name: _signer(one) for name, one in policy.signers.items()},
        "rules": [_rule(one) for one in policy.rules],
        "recalls": [recall_document(one) for one in policy.recalls],
        "targets": {
            name: {k: list(v) if isinstance(v, tuple) else v for k, v in one.items()}
            for name, one in policy.targets.items()
        },
    }
    return manifest([{**document, **{name: value for name, value in parts.items() if value}}])


def matcher_document(matcher: Matcher) -> Any:
    """How the policy file writes a matcher."""
    return matcher.text if matcher.kind == "exact" else {matcher.kind: matcher.text}


def condition_document(condition: Condition) -> dict[str, Any]:
    """How the policy file writes a condition."""
    path = list(condition.path)
    plain = all("." not in one for one in path)
    return {"path": ".".join(path) if plain else path, condition.operator: _operand(condition.value)}


def _operand(value: Any) -> Any:
    if isinstance(value, Matcher):
        return value.text
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        return next(f"{seconds // size}{unit}" for unit, size in _UNITS if seconds % size == 0)
    return list(value) if isinstance(value, tuple) else value


_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _trust(one: TrustSource) -> dict[str, Any]:
    return {"trusted-root": one.trusted_root} if one.trusted_root else {"tuf": {"mirror": one.mirror, "root": one.root}}


def _signer(one: Signer) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if one.release is not None:
        said["release-of"] = str(one.release)
    elif one.identity is None:
        said["key"] = one.key
    else:
        if one.identity.issuer is not None:
            said["issuer"] = matcher_document(one.identity.issuer)
        if one.identity.subject is not None:
            said["subject"] = matcher_document(one.identity.subject)
        if one.identity.extensions:
            said["extensions"] = {name: matcher.text for name, matcher in one.identity.extensions}
    if one.root:
        said["trust"] = _ROOTS.get(one.root, one.root)
    return {**said, **({"log": one.log} if one.log else {})}


def _rule(rule: PolicyRule) -> dict[str, Any]:
    said: dict[str, Any] = {"name": rule.name}
    for name, value in (("images", rule.images), ("exclude", rule.exclude), ("blobs", rule.blobs)):
        if value:
            said[name] = list(value)
    if rule.formats != FORMATS:
        said["formats"] = list(rule.formats)
    if not rule.enforce:
        said["mode"] = "warn"
    if rule.signature is not None:
        said["signature"] = _quorum(rule.signature)
    if rule.attestations:
        said["attestations"] = [_attested(one) for one in rule.attestations]
    if rule.allow:
        said["allow"] = {"reason": rule.allow, "until": str(rule.until)}
    if rule.deny:
        said["deny"] = {"reason": rule.deny}
    return said


def _attested(one: Attested) -> dict[str, Any]:
    said: dict[str, Any] = {"type": one.type, **_quorum(one.quorum)}
    if one.every:
        said["each"] = "every"
    if one.where:
        said["where"] = [condition_document(each) for each in one.where]
    return said


def _quorum(quorum: Quorum) -> dict[str, Any]:
    names = list(quorum.names)
    if quorum.count == 1:
        return {"any-of": names}
    return {"all-of": names} if quorum.count == len(names) else {"at-least": quorum.count, "of": names}


def recall_document(one: Recall) -> dict[str, Any]:
    """How the policy file and a recall list write a recall."""
    said: dict[str, Any] = {one.kind: one.value}
    if one.issuer is not None and one.subject is not None:
        said = {"identity": {"issuer": matcher_document(one.issuer), "subject": matcher_document(one.subject)}}
    for name, moment in (("from", one.start), ("until", one.end)):
        if moment is not None:
            said[name] = moment.isoformat()
    return {**said, "reason": one.reason, "date": str(one.day)}
