"""What Kyverno would say: every policy that selects an image has to pass; what no policy selects is admitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sigstep.engines.kyverno import image_policies, verify_images
from sigstep.engines.kyverno.conditions import preconditions_hold
from sigstep.engines.kyverno.rules import ClusterPolicy, ImageRule, KyvernoPolicies, Verify
from sigstep.engines.kyverno.scope import is_about, made_for_controllers
from sigstep.engines.kyverno.variables import lookup_of
from sigstep.engines.kyverno.verify_images import Failed, ImageCase
from sigstep.model.workload import CONTAINERS, Workload, WorkloadImage
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings, Unjudged
from sigstep.policy.judging import Decision
from sigstep.policy.rulings import missing_evidence, unknown

_NOT_SEEN: Final = "image volumes are not looked at"


def judge(
    rules: KyvernoPolicies, workload: Workload, images: Mapping[str, ImageEvidence], surroundings: Surroundings
) -> tuple[Ruling, ...]:
    """See `sigstep.policy.engine.Engine.judge`."""
    seen = [one for one in workload.images if one.place in CONTAINERS]
    rulings = [
        Ruling(decision=Decision.WARN, policy="", rule="", pointer=one.pointer, reason=_NOT_SEEN, seen=False)
        for one in workload.images
        if one not in seen
    ]
    found: list[Ruling] = []
    for policy in rules.cluster_policies:
        for rule in policy.rules:
            found += _of_rule(policy, rule, rules, workload, seen, images, surroundings)
    found += image_policies.judge(rules, workload, seen, images, surroundings)
    judged = {one.pointer for one in found}
    for one in seen:
        if one.pointer not in judged and "" not in judged:
            reason = "no policy selects the image: it is admitted without verification"
            rulings.append(Ruling(decision=Decision.WARN, policy="", rule="", pointer=one.pointer, reason=reason))
    return (*rulings, *found)


def _of_rule(
    policy: ClusterPolicy,
    rule: ImageRule,
    rules: KyvernoPolicies,
    workload: Workload,
    seen: list[WorkloadImage],
    images: Mapping[str, ImageEvidence],
    surroundings: Surroundings,
) -> list[Ruling]:
    if policy.namespace and policy.namespace != (workload.namespace or "default"):
        return []
    try:
        if not is_about(rule.match, rule.exclude, workload) and not made_for_controllers(
            rule.match, rule.exclude, policy.autogen, workload
        ):
            return []
        lookup = lookup_of(workload, rule.context, rules.config_maps)
        if not preconditions_hold(rule.preconditions, lookup):
            return []
    except Unjudged as error:
        return [unknown(error, pointer=one.pointer, policy=policy.name, rule=rule.name) for one in seen]
    found: list[Ruling] = []
    for image in seen:
        for verify in rule.verify:
            if not verify_images.concerns(verify, image.image):
                continue
            evidence = images.get(image.image)
            gap = missing_evidence(evidence, image.image)
            if evidence is None:
                assert gap is not None
                found.append(unknown(gap, pointer=image.pointer, policy=policy.name, rule=rule.name))
                continue
            case = ImageCase(written=image.image, evidence=evidence, lookup=lookup, surroundings=surroundings)
            try:
                decision, reason = _decided(verify, case, gap)
            except Unjudged as error:
                found.append(unknown(error, pointer=image.pointer, policy=policy.name, rule=rule.name))
                continue
            found.append(
                Ruling(decision=decision, policy=policy.name, rule=rule.name, pointer=image.pointer, reason=reason)
            )
    return found


def _decided(verify: Verify, case: ImageCase, gap: Unjudged | None) -> tuple[Decision, str]:
    """What one entry says of an image, and why.

    Raises:
        Unjudged: also where ``gap``, what could not be read, may be what is missing, or an attestation that does not
            satisfy: all of them have to.
    """
    try:
        verify_images.check(verify, case)
    except Failed as error:
        if gap is not None:
            raise gap from error
        return (Decision.DENY if verify.enforce else Decision.WARN), str(error)
    if gap is not None and verify.attestations:
        raise gap
    return Decision.ADMIT, ""
