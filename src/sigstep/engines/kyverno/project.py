"""ImageValidatingPolicies as a policy of this project: the shapes that `export` writes, and Kyverno's own samples."""

from __future__ import annotations

import json
import re
from typing import Final

from sigstep.engines.kyverno.cel_text import read_condition
from sigstep.engines.kyverno.export import NONE_NAMES_IT, of_patterns
from sigstep.engines.kyverno.project_cluster_policy import add_cluster_policy
from sigstep.engines.kyverno.project_signers import add_signer, pattern_of_glob
from sigstep.engines.kyverno.rules import ImageValidatingPolicy, KyvernoPolicies
from sigstep.policy.conditions import Condition
from sigstep.policy.document import Policy
from sigstep.policy.engine import Loss
from sigstep.policy.exporting import pattern_of
from sigstep.policy.importing import AskedFor, Draft
from sigstep.policy.signer import COSIGN_SIGN

_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_MATCH: Final = re.compile(rf"(!?)ref\.matches\(({_TEXT})\)")
_RECALLED: Final = re.compile(rf"ref\.endsWith\(({_TEXT})\)")
_NOBODY: Final = "variables.all.all(i, false)"
_ALL: Final = re.compile(r"variables\.all\.all\(i, (.*)\)", re.DOTALL)
_SIGNED: Final = re.compile(r"verifyImageSignatures\(i, \[([^\]]*)\]\) >= ([0-9]+)")
_ATTESTED: Final = re.compile(
    r"verifyAttestationSignatures\(i, attestations\.(\w+), \[([^\]]*)\]\) >= ([0-9]+)(.*)", re.DOTALL
)
_SAMPLE: Final = re.compile(
    r"(images\.\w+)\.map\((\w+), (verifyImageSignatures)\(\2, \[([^\]]*)\]\)\)\.all\((\w+), ?\5 > 0\)"
)


def project(rules: KyvernoPolicies) -> tuple[Policy | None, tuple[Loss, ...]]:
    """See `sigstep.policy.engine.Engine.project`."""
    draft = Draft(no_match="allow")
    if rules.exceptions:
        draft.losses.refuse("exceptions", "exceptions by conditions on objects")
    for policy in rules.image_policies:
        _add(policy, draft)
    for one in rules.cluster_policies:
        add_cluster_policy(one, draft)
    return draft.policy()


def _add(policy: ImageValidatingPolicy, draft: Draft) -> None:
    place, losses = policy.name, draft.losses
    enforce = policy.actions in ((), ("Deny",))
    if policy.conditions or policy.extractors or policy.ignore or not policy.admission:
        losses.refuse(place, "conditions on objects, extractors of its own, or failures that are ignored")
    denial = [text for _, text in policy.validations] == [_NOBODY]
    expression = policy.references[0][1] if len(policy.references) == 1 else ""
    message = policy.validations[0][0] if policy.validations else ""
    if denial and message == NONE_NAMES_IT and expression.startswith("!("):
        draft.no_match = "deny" if enforce else "warn"
        return
    recalled = _RECALLED.fullmatch(expression)
    if denial and recalled is not None:
        digest = json.loads(recalled[1]).removeprefix("@")
        reason = message.removeprefix("recalled: ") or "refused by its digest"
        draft.recalls.append({"digest": digest, "reason": reason, "date": "1970-01-01"})
        losses.warn(place, "becomes a recall; when it was recalled is not known")
        return
    images, exclude = _images(policy, draft)
    if denial:
        more = {"deny": {"reason": message or "refused by the policy"}}
        draft.rule(policy.name, images, exclude=exclude, enforce=enforce, more=more)
        return
    asked = [_asked(text, policy, draft) for _, text in policy.validations]
    good = [one for one in asked if one is not None]
    kinds = {name: kind for name, kind, _ in policy.attestations}
    plain = any(not one.type for one in good)
    formats = ("bundle", "legacy") if plain or COSIGN_SIGN not in kinds.values() else ("bundle",)
    signed = [
        AskedFor(type="", names=one.names, count=one.count) if one.type == COSIGN_SIGN and not one.where else one
        for one in good
    ]
    draft.rule(policy.name, images, signed, exclude=exclude, formats=formats, enforce=enforce)


def _images(policy: ImageValidatingPolicy, draft: Draft) -> tuple[list[str], list[str]]:
    images: list[str] = []
    exclude: list[str] = []
    for glob, text in policy.references:
        if glob:
            images.append(pattern_of_glob(glob, policy.name, draft))
            continue
        found = [(no, pattern_of(json.loads(quoted))) for no, quoted in _MATCH.findall(text)]
        named = [one for no, one in found if one is not None and not no]
        apart = [one for no, one in found if one is not None and no]
        if not named or of_patterns(named, apart) != text or (apart and len(policy.references) > 1):
            draft.losses.refuse(f"{policy.name}.matchImageReferences", "an expression over references that is not read")
        images += named
        exclude += apart
    return images or ["**"], exclude


def _asked(text: str, policy: ImageValidatingPolicy, draft: Draft) -> AskedFor | None:
    place = f"{policy.name}.validations"
    sample = _SAMPLE.fullmatch(text)
    if sample is not None:
        draft.losses.warn(place, f"{sample[1]} alone: every container is judged here")
        return AskedFor(type="", names=_names(sample[4], policy, draft))
    whole = _ALL.fullmatch(text)
    signed = _SIGNED.fullmatch(whole[1]) if whole else None
    if signed is not None:
        return AskedFor(type="", names=_names(signed[1], policy, draft), count=int(signed[2]))
    attested = _ATTESTED.fullmatch(whole[1]) if whole else None
    kinds = {name: kind for name, kind, _ in policy.attestations}
    if attested is not None and attested[1] in kinds:
        conditions = _conditions(attested[4], f"extractPayload(i, attestations.{attested[1]})")
        if conditions is not None:
            names = _names(attested[2], policy, draft)
            return AskedFor(type=kinds[attested[1]], names=names, count=int(attested[3]), where=conditions)
    draft.losses.refuse(place, "an expression that is not read")
    return None


def _conditions(text: str, payload: str) -> tuple[Condition, ...] | None:
    """Conditions after ``&&``, each in parentheses; None where one is not read."""
    if not text:
        return ()
    if not (text.startswith(" && (") and text.endswith(")")):
        return None
    found: list[Condition] = []
    rest = text.removeprefix(" && (").removesuffix(")").split(") && (")
    while rest:
        for size in range(1, len(rest) + 1):  # a text inside may have the same characters
            one = read_condition(payload, ") && (".join(rest[:size]))
            if one is not None:
                found.append(one)
                rest = rest[size:]
                break
        else:
            return None
    return tuple(found)


def _names(text: str, policy: ImageValidatingPolicy, draft: Draft) -> tuple[str, ...]:
    known = {one.name: one for one in policy.attestors}
    found = []
    for part in text.split(","):
        name = part.strip().removeprefix("attestors.")
        if name not in known:
            draft.losses.refuse(f"{policy.name}.validations", f"no attestor {name[:80]!r}")
            continue
        found.append(add_signer(re.sub(r"^s[0-9]+_", "", name), known[name], f"{policy.name}.{name}", draft))
    return tuple(found)
