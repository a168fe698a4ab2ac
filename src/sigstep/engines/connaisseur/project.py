"""A configuration of Connaisseur as a policy of this project, as far as it can say the same."""

from __future__ import annotations

from dataclasses import replace

from sigstep.engines.connaisseur.rules import Configuration, PatternRule, Signer, Validator
from sigstep.policy.document import ROOTS, Policy
from sigstep.policy.engine import Loss
from sigstep.policy.importing import AskedFor, Draft, either

_EVERYTHING = ("*:*", "*", "**", "")


def project(rules: Configuration) -> tuple[Policy | None, tuple[Loss, ...]]:
    """See `sigstep.policy.engine.Engine.project`."""
    draft = Draft()
    validators = {one.name: one for one in rules.validators}
    if rules.pods_only or rules.namespaces:
        draft.losses.warn("features", "the rules hold for every workload here, not for some")
    named = [_pattern(one.pattern, draft) for one in rules.rules if one.pattern not in _EVERYTHING]
    groups: dict[PatternRule, list[str]] = {}
    for at, one in enumerate(rules.rules):
        validator = validators.get(one.validator or "default")
        if validator is None:
            draft.losses.refuse(f"policy[{at}]", f"no validator {one.validator or 'default'!r}")
        elif one.pattern in _EVERYTHING and validator.kind == "static":
            draft.no_match = "allow" if validator.approve else "deny"
        elif one.pattern in _EVERYTHING:
            groups[one] = ["**"]
        else:
            groups.setdefault(replace(one, pattern="by name"), []).append(_pattern(one.pattern, draft))
    for at, (one, images) in enumerate(groups.items()):
        _check_overlaps(images, [name for name in named if name not in images and images != ["**"]], draft)
        exclude = named if images == ["**"] else []
        validator = validators[one.validator or "default"]
        _rule(f"rule-{at}", one, validator, images, exclude, not rules.detection_only, draft)
    return draft.policy()


def _pattern(pattern: str, draft: Draft) -> str:
    """The repositories that a pattern names; it is open at both ends, but for a tag that is written ``:*``."""
    written = f"**{pattern.lstrip('*')}" if pattern.startswith("*") else pattern
    name, colon, tag = written.rpartition(":")
    if not colon or "/" in tag:
        name = f"{written.rstrip('*')}**"
    elif tag != "*":
        draft.losses.refuse(pattern, "rules go by repository here, not by tag")
    draft.losses.warn(pattern, "closed at its beginning here: other hosts with such a path are not governed")
    return (name.removeprefix("index.") if name.startswith("index.docker.io/") else name).replace("***", "**")


def _check_overlaps(images: list[str], others: list[str], draft: Draft) -> None:
    for pattern in images:
        head = pattern.partition("*")[0]
        for other in others:
            start = other.partition("*")[0]
            wild = "*" in pattern or "*" in other
            if other == pattern or (wild and (start.startswith(head) or head.startswith(start))):
                what = f"{pattern} and {other}: every rule holds here, not the most specific alone"
                draft.losses.refuse("policy", what)


def _rule(
    place: str,
    rule: PatternRule,
    validator: Validator,
    images: list[str],
    exclude: list[str],
    enforce: bool,
    draft: Draft,
) -> None:
    if validator.kind == "static":
        if validator.approve:
            draft.losses.refuse(place, "an allowance needs an end")
        else:
            draft.rule(place, images, more={"deny": {"reason": "denied by the configuration"}}, enforce=enforce)
        return
    if validator.kind != "cosign":
        draft.losses.refuse(place, f"validators of type {validator.kind} are not read")
        return
    if validator.rekor_key or validator.fulcio_certificate or validator.ct_log_key:
        draft.losses.refuse(place, "an instance of its own, by its keys")
    signers = {one.name: one for one in validator.signers}
    chosen = list(signers) if rule.trust_root == "*" else [rule.trust_root or "default"]
    if any(one not in signers for one in chosen):
        draft.losses.refuse(place, f"no trust root {chosen[0]!r}")
        return
    count = 1
    if rule.trust_root == "*" and rule.required:
        chosen, count = list(rule.required), len(rule.required)
    elif rule.trust_root == "*":
        count = rule.threshold or len(chosen)
    if rule.trust_root == "*" and count not in (1, len(chosen)):
        draft.losses.warn(place, "distinct signers are counted here, not signatures")
    names = tuple(_signer(signers[one], rule, draft) for one in chosen)
    if not rule.scts:
        draft.losses.warn(place, "a certificate has to be in a CT log here")
    asked = AskedFor(type="", names=names, count=count)
    draft.rule(place, images, [asked], exclude=exclude, formats=("legacy",), enforce=enforce)


def _signer(signer: Signer, rule: PatternRule, draft: Draft) -> str:
    if signer.key is not None:
        return draft.signer(signer.name, key=signer.key.key, log="required" if rule.log else "")
    if signer.elsewhere or signer.unusable:
        draft.losses.refuse(signer.name, signer.elsewhere or signer.unusable)
        return signer.name
    if not rule.log:
        draft.losses.warn(signer.name, "a signature by certificate has to be in the log here")
    return draft.signer(
        signer.name,
        issuer=either(signer.issuer, signer.issuer_regexp),
        subject=either(signer.subject, signer.subject_regexp),
        root=ROOTS["public"],
    )
