"""What ImageValidatingPolicies would say about a workload: CEL over what their attestors verify.

Source: kyverno ``pkg/cel/policies/ivpol`` and ``pkg/imageverification``, at the version of the documentation page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sigstep.engines.kyverno.proofs import Proved, bundles, legacy, prove_all
from sigstep.engines.kyverno.rules import Attestor, ImageValidatingPolicy, KyvernoPolicies
from sigstep.engines.kyverno.scope import selects
from sigstep.errors import Undecided
from sigstep.model.workload import CONTAINERS, Workload, WorkloadImage
from sigstep.policy.engine import Attachment, ImageEvidence, Ruling, Storage, Surroundings, Unjudged
from sigstep.policy.image_patterns import Dialect, matches, parse_image
from sigstep.policy.judging import Decision
from sigstep.policy.rulings import missing_evidence, unknown

_RESOURCES: Final = {
    "Pod": ("", "v1", "pods"),
    "Deployment": ("apps", "v1", "deployments"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
    "DaemonSet": ("apps", "v1", "daemonsets"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "ReplicationController": ("", "v1", "replicationcontrollers"),
    "Job": ("batch", "v1", "jobs"),
    "CronJob": ("batch", "v1", "cronjobs"),
}
_DECISIONS: Final = {"Deny": Decision.DENY, "Audit": Decision.WARN, "Warn": Decision.WARN}
_PLACES: Final = tuple(CONTAINERS)


def judge(
    rules: KyvernoPolicies,
    workload: Workload,
    seen: Sequence[WorkloadImage],
    images: Mapping[str, ImageEvidence],
    surroundings: Surroundings,
) -> list[Ruling]:
    """Rulings of every policy that applies; what a policy says is about the whole workload."""
    found: list[Ruling] = []
    asked: list[tuple[ImageValidatingPolicy, dict[str, Any]]] = []
    for policy in rules.image_policies:
        try:
            made_up = _object(policy, workload)
        except Unjudged as error:
            found.append(unknown(error, pointer="", policy=policy.name))
            continue
        if made_up is not None:
            asked.append((policy, _request(policy, rules, workload, made_up, seen, images, surroundings)))
    if not asked:
        return found
    try:
        answers = surroundings.languages.cel({"policies": [request for _, request in asked]})["policies"]
    except Undecided as error:
        failed = Unjudged("language", f"{error.what}: {error.why}")
        return found + [unknown(failed, pointer="", policy=policy.name) for policy, _ in asked]
    verified = {image for answer in answers for image in answer.get("verified", ())}
    for (policy, _), answer in zip(asked, answers, strict=True):
        found += _rulings(policy, answer, verified, seen)
    return found


def _object(policy: ImageValidatingPolicy, workload: Workload) -> Mapping[str, Any] | None:
    """The object that expressions see, or None where the policy is not about it.

    For controllers of pods the engine rewrites the expressions to their template; here the template is made a pod.
    """
    if not policy.admission or workload.kind not in _RESOURCES:
        return None
    if policy.namespace and policy.namespace != (workload.namespace or "default"):
        return None
    constraints = policy.constraints
    if constraints.get("namespaceSelector"):
        raise Unjudged("cluster", "the policy depends on the namespace (namespaceSelector)")
    if not selects(constraints.get("objectSelector"), workload.labels):
        return None
    own = _RESOURCES[workload.kind]
    if _named(constraints.get("excludeResourceRules"), own, workload):
        return None
    if _named(constraints.get("resourceRules"), own, workload):
        return workload.document
    if own[2] in policy.controllers and _named(constraints.get("resourceRules"), _RESOURCES["Pod"], workload):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": _template_metadata(workload), "spec": workload.spec}
    return None


def _named(rules: Any, own: tuple[str, str, str], workload: Workload) -> bool:
    for one in rules if isinstance(rules, list) else ():
        lists = [one.get(name) or [] for name in ("apiGroups", "apiVersions", "resources")]
        names = one.get("resourceNames") or []
        operations = one.get("operations") or ["*"]
        if (
            all("*" in wanted or value in wanted for wanted, value in zip(lists, own, strict=True))
            and (not names or workload.name in names)
            and ("*" in operations or "CREATE" in operations)
        ):
            return True
    return False


def _template_metadata(workload: Workload) -> Any:
    spec: Any = workload.document.get("spec")
    if workload.kind == "CronJob" and isinstance(spec, Mapping):
        job = spec.get("jobTemplate")
        spec = job.get("spec") if isinstance(job, Mapping) else None
    template = spec.get("template") if isinstance(spec, Mapping) else None
    metadata = template.get("metadata") if isinstance(template, Mapping) else None
    return metadata if isinstance(metadata, Mapping) else {}


def _request(
    policy: ImageValidatingPolicy,
    rules: KyvernoPolicies,
    workload: Workload,
    made_up: Mapping[str, Any],
    seen: Sequence[WorkloadImage],
    images: Mapping[str, ImageEvidence],
    surroundings: Surroundings,
) -> dict[str, Any]:
    written = list(dict.fromkeys(one.image for one in seen))
    tables = {one: _tables(policy, images.get(one), one, surroundings) for one in written}
    return {
        "object": dict(made_up),
        "namespace": workload.namespace or "default",
        "images": {place: [one.image for one in seen if one.place == place] for place in _PLACES},
        "globbed": [one for one in written if any(_glob(glob, one) for glob, _ in policy.references if glob)],
        "references": [expression for _, expression in policy.references if expression],
        "all": not policy.references,
        "extractors": policy.extractors,
        "signatures": {one: signed for one, (signed, _) in tables.items()},
        "attestations": {one: attested for one, (_, attested) in tables.items()},
        "parts": {one: _parts(one) for one in written},
        "attestors": [one.name for one in policy.attestors],
        "attestationNames": [name for name, _, _ in policy.attestations],
        "conditions": policy.conditions,
        "exceptions": [one.conditions for one in rules.exceptions if policy.name in one.policies],
        "variables": policy.variables,
        "validations": [expression for _, expression in policy.validations],
    }


def _glob(glob: str, written: str) -> bool:
    return matches(Dialect.KYVERNO_CEL, glob, parse_image(written))


def _parts(written: str) -> dict[str, Any]:
    image = parse_image(written)
    hub = not image.host
    path = f"library/{image.path}" if hub and "/" not in image.path else image.path
    return {
        "registry": image.host or "docker.io",
        "repository": path,
        "tag": image.tag or ("" if image.digest else "latest"),
        "digest": image.digest,
        "identifier": image.digest or image.tag or "latest",
        "containsDigest": bool(image.digest),
    }


def _tables(
    policy: ImageValidatingPolicy, evidence: ImageEvidence | None, written: str, surroundings: Surroundings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each attestor finds, to be looked up by the expressions."""
    signed: dict[str, Any] = {}
    attested: dict[str, Any] = {name: {} for name, _, _ in policy.attestations}
    for attestor in policy.attestors:
        try:
            signed[attestor.name] = int(bool(_found(attestor, evidence, written, surroundings, attestation=False)))
        except Unjudged as error:
            signed[attestor.name] = _told(error)
        for name, intoto, referrer in policy.attestations:
            try:
                if referrer:
                    raise Unjudged("notary", f"attestations of artifact type {referrer}")
                every = _found(attestor, evidence, written, surroundings, attestation=True)
                payloads = [one.statement for one in every if (one.statement or {}).get("predicateType") == intoto]
                attested[name][attestor.name] = {
                    "count": int(bool(payloads)),
                    "payload": payloads[-1] if payloads else None,
                }
            except Unjudged as error:
                attested[name][attestor.name] = _told(error)
    return signed, attested


def _told(error: Unjudged) -> dict[str, Any]:
    return {"unjudged": [error.name, str(error)[:300]]}


def _found(
    attestor: Attestor,
    evidence: ImageEvidence | None,
    written: str,
    surroundings: Surroundings,
    *,
    attestation: bool,
) -> list[Proved]:
    """Bundles where there are any, else legacy; a bundle of any kind counts as a signature.

    What was not read decides where the engine looks and which attestation is the last, so that nothing is known then.
    """
    gap = missing_evidence(evidence, written)
    if gap is not None or evidence is None:
        raise gap or Unjudged("evidence", written)
    by_api = tuple(one for one in bundles(evidence) if one.storage is Storage.REFERRER)
    storage = Storage.LEGACY_ATTESTATION if attestation else Storage.LEGACY_SIGNATURE
    where: tuple[Attachment, ...] = by_api or legacy(evidence, storage)
    key = attestor.keys[0] if attestor.keys else None
    if by_api and key is not None:
        raise Unjudged("engine-version", "a key over bundles")
    if by_api and len(attestor.identities) > 1:
        found: list[Proved] = []
    else:
        proved = prove_all(attestor, where, surroundings, key=key, in_bundle=bool(by_api))
        found = [one for one in proved if one.wanted]
    return found


def _rulings(
    policy: ImageValidatingPolicy,
    answer: Mapping[str, Any],
    verified: set[str],
    seen: Sequence[WorkloadImage],
) -> list[Ruling]:
    if "unjudged" in answer:
        return [unknown(Unjudged(*answer["unjudged"]), pointer="", policy=policy.name)]
    if not answer.get("applies"):
        return []
    refused = _DECISIONS[policy.actions[0]] if "Deny" not in policy.actions else Decision.DENY
    selected = [one for one in seen if one.image in answer["selected"]]
    error = answer.get("error")
    if error and policy.ignore:
        reason = f"an expression failed, which the policy ignores; evaluators differ in that: {error}"
        return [
            Ruling(
                decision=Decision.UNKNOWN, policy=policy.name, rule="", pointer="", reason=reason, unjudged="language"
            )
        ]
    whys: list[tuple[str, str]] = []
    if error:
        whys.append(("", f"an expression failed: {error}"))
    for expression in answer["failed"]:
        message = next((text for text, one in policy.validations if one == expression), "")
        whys.append(("", message or f"not satisfied: {' '.join(expression.split())[:200]}"))
    for one in selected:
        if policy.verify_digest and not policy.mutate_digest and "@" not in one.image:
            whys.append((one.pointer, "missing digest for the image"))
        elif policy.required and one.image not in verified:
            whys.append((one.pointer, "unverified image: no policy verified it, and this one requires it"))
    if whys:
        return [Ruling(decision=refused, policy=policy.name, rule="", pointer=at, reason=why) for at, why in whys]
    return [
        Ruling(
            decision=Decision.ADMIT if one.image in verified else Decision.WARN,
            policy=policy.name,
            rule="",
            pointer=one.pointer,
            reason="" if one.image in verified else "admitted, but no expression verified this image",
        )
        for one in selected
    ]
