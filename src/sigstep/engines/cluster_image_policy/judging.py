"""What Policy Controller would say: all matching policies have to pass, in each any authority, in it every attestation.

Source: policy-controller ``pkg/webhook/validator.go``, at the version of the documentation page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sigstep.engines.cluster_image_policy.authority import Matched, NotMatched, judge_authority
from sigstep.engines.cluster_image_policy.evaluating import complaint
from sigstep.engines.cluster_image_policy.rules import ClusterImagePolicies, ImagePolicy, Match
from sigstep.model.workload import Workload, WorkloadImage
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings, Unjudged
from sigstep.policy.image_patterns import Dialect, matches, parse_image
from sigstep.policy.judging import Decision
from sigstep.policy.rulings import missing_evidence, unknown

_RESOURCES: Final = {
    "Pod": ("", "pods"),
    "Deployment": ("apps", "deployments"),
    "StatefulSet": ("apps", "statefulsets"),
    "DaemonSet": ("apps", "daemonsets"),
    "ReplicaSet": ("apps", "replicasets"),
    "Job": ("batch", "jobs"),
    "CronJob": ("batch", "cronjobs"),
}
_POD_DEFAULTS: Final = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "serviceAccount": "default",
    "serviceAccountName": "default",
    "terminationGracePeriodSeconds": 30,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "securityContext": {},
}
_DEFAULTS: Final = {"deny": Decision.DENY, "warn": Decision.WARN, "allow": Decision.ADMIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One image of one workload with what is known of it."""

    workload: Workload
    image: WorkloadImage
    evidence: ImageEvidence
    surroundings: Surroundings
    rules: ClusterImagePolicies


def judge(
    rules: ClusterImagePolicies,
    workload: Workload,
    images: Mapping[str, ImageEvidence],
    surroundings: Surroundings,
) -> tuple[Ruling, ...]:
    """See `sigstep.policy.engine.Engine.judge`."""
    rulings: list[Ruling] = []
    for image in workload.images:
        if workload.kind not in _RESOURCES:
            reason = f"the webhook is not asked about a {workload.kind}; its pods are judged when they are made"
            rulings.append(_ruling(Decision.WARN, "", image, reason, seen=False))
            continue
        evidence = images.get(image.image)
        if evidence is None:
            gap = missing_evidence(evidence, image.image)
            assert gap is not None
            rulings.append(unknown(gap, pointer=image.pointer))
            continue
        case = Case(workload=workload, image=image, evidence=evidence, surroundings=surroundings, rules=rules)
        rulings.extend(_of_image(case))
    return tuple(rulings)


def _of_image(case: Case) -> list[Ruling]:
    digest_form = parse_image(f"{case.image.image.partition('@')[0]}@{case.evidence.digest}")
    found = [
        policy
        for policy in case.rules.policies
        if any(matches(Dialect.CLUSTER_IMAGE_POLICY, glob, digest_form) for glob in policy.globs)
        and _is_about(policy.match, case.workload)
    ]
    if found:
        return [_of_policy(policy, case) for policy in found]
    default = case.surroundings.default or case.rules.no_match
    reason = f"no policy matches; no-match-policy is {default}"
    return [_ruling(_DEFAULTS[default], "", case.image, reason)]


def _is_about(match: tuple[Match, ...], workload: Workload) -> bool:
    if not match:
        return True
    group, _, version = workload.api_version.rpartition("/")
    _, resource = _RESOURCES[workload.kind]
    return any(
        one.group == group
        and one.version in ("*", version)
        and one.resource == resource
        and all(workload.labels.get(name) == value for name, value in one.labels.items())
        for one in match
    )


def _of_policy(policy: ImagePolicy, case: Case) -> Ruling:
    try:
        reason = _refusal(policy, case)
    except Unjudged as error:
        return unknown(error, pointer=case.image.pointer, policy=policy.name)
    gap = missing_evidence(case.evidence, case.image.image)
    if not reason and (gap is None or policy.text is None):  # a text is over all that was found
        return _ruling(Decision.ADMIT, policy.name, case.image, "")
    if gap is not None:
        return unknown(gap, pointer=case.image.pointer, policy=policy.name)
    return _ruling(Decision.WARN if policy.warn else Decision.DENY, policy.name, case.image, reason)


def _refusal(policy: ImagePolicy, case: Case) -> str:
    """Why the policy does not pass; empty where it does."""
    passed: dict[str, Matched] = {}
    failed: list[str] = []
    open_: list[Unjudged] = []
    for authority in policy.authorities:
        try:
            passed[authority.name] = judge_authority(
                authority, case.evidence, case.surroundings, case.rules.trust_roots
            )
        except NotMatched as error:
            failed.append(f"{authority.name}: {error}")
        except Unjudged as error:
            open_.append(error)
    if not passed and policy.authorities:
        if open_:
            raise open_[0]
        return "; ".join(failed)
    if policy.text is None:
        return ""
    if open_:
        raise open_[0]
    if not passed:
        return ""  # without authorities there is nothing over which the policy's text is evaluated
    return complaint(policy.text, _input(policy, case, passed), case.surroundings.languages)


def _input(policy: ImagePolicy, case: Case, passed: Mapping[str, Matched]) -> dict[str, Any]:
    text = policy.text
    assert text is not None
    document = case.workload.document
    given: dict[str, Any] = {"authorityMatches": {name: one.as_input() for name, one in passed.items()}}
    if text.fetch_config:
        if not case.evidence.config:
            raise Unjudged("evidence", "the configuration of the image was not read")
        given["config"] = dict(case.evidence.config)
    if text.include_spec:
        given["spec"] = _defaulted(case.workload)
    if text.include_metadata:
        given["metadata"] = document.get("metadata")
    if text.include_types:
        given["typemeta"] = {"kind": case.workload.kind, "apiVersion": case.workload.api_version}
    return given


def _defaulted(workload: Workload) -> Any:
    """The spec with what the API server fills in before the webhook sees it: an open world would pass what lacks it."""
    spec = workload.document.get("spec")
    if workload.kind == "Pod":
        return {**_POD_DEFAULTS, **workload.spec}
    if not isinstance(spec, dict) or not isinstance(spec.get("template"), dict):
        return spec
    return {"replicas": 1, **spec, "template": {**spec["template"], "spec": {**_POD_DEFAULTS, **workload.spec}}}


def _ruling(decision: Decision, policy: str, image: WorkloadImage, reason: str, *, seen: bool = True) -> Ruling:
    return Ruling(decision=decision, policy=policy, rule="", pointer=image.pointer, reason=reason, seen=seen)
