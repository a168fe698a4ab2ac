"""Constraints of our own template as a policy of this project. Other Rego is evaluated, and not turned into rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.gatekeeper.rules import Constraint, GatekeeperRules
from sigstep.engines.gatekeeper.template import EXTENSIONS, KIND, REGO
from sigstep.policy.document import Policy
from sigstep.policy.engine import Loss
from sigstep.policy.exporting import pattern_of, unanchored
from sigstep.policy.importing import AskedFor, Draft
from sigstep.policy.matcher import Matcher
from sigstep.policy.recalls import EXTENSIONS as RECALLED
from sigstep.policy.rego_text import read_conditions
from sigstep.policy.signer import COSIGN_SIGN

_NAMES: Final = {value: name for name, value in EXTENSIONS.items()}
_KINDS: Final = {EXTENSIONS[extension]: kind for kind, extension in RECALLED.items()}


def project(rules: GatekeeperRules) -> tuple[Policy | None, tuple[Loss, ...]]:
    """See `sigstep.policy.engine.Engine.project`."""
    draft = Draft(no_match="allow")
    for constraint in rules.constraints:
        template = rules.templates.get(constraint.kind)
        if template is None or constraint.kind != KIND or template.module != REGO or template.libraries:
            what = f"the Rego of {constraint.kind} is not turned into rules: use `sigstep policy admit`"
            draft.losses.refuse(constraint.name, what)
            continue
        try:
            _add(constraint, draft)
        except (KeyError, TypeError, AttributeError, ValueError):
            draft.losses.refuse(f"{constraint.name}.parameters", "they are not those that the template takes")
    return draft.policy()


def _add(constraint: Constraint, draft: Draft) -> None:
    given: Mapping[str, Any] = constraint.parameters
    if constraint.action not in ("deny", "warn"):
        draft.losses.refuse(constraint.name, f"the action {constraint.action}")
    enforce = constraint.action == "deny"
    if given["refuseUnnamed"] and draft.no_match != "deny":
        draft.no_match = constraint.action
    draft.require_digest = draft.require_digest or (given["requireDigest"] is True and enforce)
    for rule in given["rules"]:
        images = [_pattern(one, constraint, draft) for one in rule["images"]]
        exclude = [_pattern(one, constraint, draft) for one in rule["exclude"]]
        more: dict[str, Any] = {}
        if rule["deny"]:
            more = {"deny": {"reason": rule["deny"]}}
        elif rule["allowedUntil"]:
            more = {"allow": {"reason": "allowed by the policy", "until": rule["allowedUntil"][:10]}}
        asked = [_asked(one, draft) for one in rule["demands"]]
        draft.rule(rule["name"], images, asked, exclude=exclude, formats=("bundle",), enforce=enforce, more=more)
    for recall in given["recalls"]:
        draft.recalls.append(_recall(recall))
        draft.losses.warn(constraint.name, "when something was recalled is not known")


def _pattern(expression: str, constraint: Constraint, draft: Draft) -> str:
    found = pattern_of(expression)
    if found is None:
        draft.losses.refuse(constraint.name, f"{expression[:200]} is no expression over repositories that is read")
    return found or "**"


def _asked(demand: Mapping[str, Any], draft: Draft) -> AskedFor:
    names = tuple(
        draft.signer(
            name,
            issuer=_matcher(one["issuer"]),
            subject=_matcher(one["subject"]),
            extensions={_NAMES[member]: value for member, value in one["extensions"].items()},
        )
        for name, one in demand["signers"].items()
    )
    where = read_conditions(demand["conditions"])
    plain = demand["type"] == COSIGN_SIGN and not where and not demand["every"]
    kind = "" if plain else demand["type"]
    return AskedFor(type=kind, names=names, count=demand["count"], where=where, every=demand["every"])


def _matcher(said: Mapping[str, Any]) -> Matcher | None:
    if "exact" in said:
        return Matcher(said["exact"])
    if said.get("any") is True:
        return None
    found = unanchored(said["regex"])
    if found is None:
        raise ValueError("the expression is not anchored")
    return found


def _recall(said: Mapping[str, Any]) -> dict[str, Any]:
    more = {"reason": said["reason"], "date": "1970-01-01"}
    if "digest" in said:
        return {"digest": said["digest"], **more}
    if "member" in said:
        return {_KINDS[said["member"]]: said["value"], **more}
    identity = {}
    for name in ("issuer", "subject"):
        matcher = _matcher(said[name])
        assert matcher is not None
        identity[name] = matcher.text if matcher.kind == "exact" else {matcher.kind: matcher.text}
    return {"identity": identity, **more}
