"""Rules ``verifyImages`` of a ClusterPolicy as rules of the policy file, as far as it can say the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.kyverno.project_signers import add_signer, pattern_of_glob
from sigstep.engines.kyverno.rules import AttestationDemand, AttestorSet, ClusterPolicy, Verify
from sigstep.policy.conditions import Condition
from sigstep.policy.importing import AskedFor, Draft

_FORMATS: Final = {"Cosign": ("legacy",), "SigstoreBundle": ("bundle",)}
_KEY: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\}\}")


def add_cluster_policy(policy: ClusterPolicy, draft: Draft) -> None:
    """Add a rule for each member of its ``verifyImages``."""
    if policy.namespace:
        draft.losses.warn(policy.name, "the rule holds for every namespace here")
    for rule in policy.rules:
        place = f"{policy.name}.{rule.name}"
        if rule.exclude or rule.context or rule.preconditions:
            draft.losses.refuse(place, "exclude, context or preconditions")
        if rule.match:
            draft.losses.warn(f"{place}.match", "the rule holds for every workload here, not for some")
        for index, verify in enumerate(rule.verify):
            name = f"{policy.name}-{rule.name}" + (f"-{index}" if len(rule.verify) > 1 else "")
            _add(name, place, verify, draft)


def _add(name: str, place: str, verify: Verify, draft: Draft) -> None:
    losses = draft.losses
    formats = _FORMATS.get(verify.kind)
    if formats is None:
        losses.refuse(place, f"signatures of {verify.kind}")
        return
    if verify.repository:
        losses.refuse(place, "signatures in another repository are not looked for")
    if verify.deny:
        losses.refuse(f"{place}.validate", "conditions across attestations")
    wildcards = verify.kind == "Cosign"
    images = [pattern_of_glob(one, place, draft) for one in verify.references]
    exclude = [pattern_of_glob(one, place, draft) for one in verify.skipped]
    asked = [_of_set("", one, place, draft, wildcards) for one in verify.attestors]
    asked += [_attested(one, place, draft, wildcards) for one in verify.attestations]
    if not asked:
        losses.refuse(place, "it asks for nothing")
        return
    draft.rule(name, images, asked, exclude=exclude, formats=formats, enforce=verify.enforce)


def _of_set(kind: str, one: AttestorSet, place: str, draft: Draft, wildcards: bool) -> AskedFor:
    if any(entry.nested is not None for entry in one.entries):
        draft.losses.refuse(place, "nested attestors")
    names = tuple(
        add_signer(f"{place}-{index}".replace(".", "-"), entry, place, draft, wildcards=wildcards)
        for index, entry in enumerate(one.entries)
    )
    return AskedFor(type=kind, names=names, count=len(names) if one.count is None else one.count)


def _attested(one: AttestationDemand, place: str, draft: Draft, wildcards: bool) -> AskedFor:
    if len(one.attestors) != 1:
        draft.losses.refuse(place, f"{one.type}: no attestors, which takes anybody, or several sets of them")
        return AskedFor(type=one.type, names=())
    made = _of_set(one.type, one.attestors[0], place, draft, wildcards)
    where = tuple(each for block in one.conditions for each in _block(block, place, draft))
    return AskedFor(type=made.type, names=made.names, count=made.count, where=where, every=True)


def _block(block: Mapping[str, Any], place: str, draft: Draft) -> list[Condition]:
    found = []
    if block.get("any"):
        draft.losses.refuse(f"{place}.conditions", "any: one of several conditions")
    for one in block.get("all") or ():
        key = _KEY.fullmatch(str(one.get("key", "")).strip())
        value = one.get("value")
        plain = isinstance(value, str | bool | int | float) and "{{" not in str(value) and "*" not in str(value)
        if key is None or one.get("operator") not in ("Equals", "Equal") or not plain:
            draft.losses.refuse(f"{place}.conditions", f"{str(one.get('key'))[:100]} {one.get('operator')} is not read")
            continue
        found.append(Condition(path=("predicate", *key[1].split(".")), operator="equals", value=value))
    return found
