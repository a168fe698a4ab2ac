"""Write a policy as a ConstraintTemplate with constraints for OPA Gatekeeper, and what makes them whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.gatekeeper.template import EXTENSIONS, KIND, REGO
from sigstep.policy.document import PolicyRule, Signer
from sigstep.policy.engine import Export, ExportedFile, Wanted
from sigstep.policy.exporting import (
    PUBLIC,
    Demand,
    Losses,
    anchored,
    demands,
    distinct,
    dns_name,
    end_of_day,
    hub_is_unclear,
    image_rules,
    manifest,
    place,
    written_image,
)
from sigstep.policy.matcher import Matcher
from sigstep.policy.recalls import EXTENSIONS as RECALLED
from sigstep.policy.recalls import Recall
from sigstep.policy.rego_text import condition_data

PROVIDER: Final = "artifact-attestations-opa-provider"
_OTHERS: Final = {
    "cosign-gatekeeper-provider": "it checks no identity: any certificate of the instance passes",
    "ratify-provider": "its answers carry no statements and no certificates to judge",
}
_ROOTS: Final = ("", PUBLIC, "github")


def export(wanted: Wanted) -> Export:
    """See `sigstep.policy.engine.Engine.export`."""
    policy, losses = wanted.policy, Losses()
    provider = str(policy.targets.get("gatekeeper", {}).get("provider", PROVIDER))
    if provider in _OTHERS:
        losses.refuse("targets.gatekeeper.provider", f"{provider} is not exported for: {_OTHERS[provider]}")
    made = [(rule, _rule(rule, wanted, losses)) for rule in image_rules(policy, losses)]
    known = [{"images": one["images"], "exclude": one["exclude"]} for _, one in made]
    recalls = [one for one in (_recall(recall, losses) for recall in policy.recalls) if one is not None]
    constraints = []
    for action, mode in (("deny", True), ("warn", False)):
        rules = [one for rule, one in made if rule.enforce is mode]
        unnamed = policy.no_match == action
        if not rules and not unnamed and not (mode and (recalls or policy.require_digest)):
            continue
        parameters = {
            "provider": provider,
            "requireDigest": mode and policy.require_digest,
            "refuseUnnamed": unnamed,
            "known": known,
            "rules": rules,
            "recalls": recalls if mode else [],
        }
        constraints.append(_constraint(dns_name(policy.name or "sigstep", action), action, parameters))
    losses.warn("targets.gatekeeper", "the webhook has 3 seconds, and answers of the provider are kept for minutes")
    losses.warn("targets.gatekeeper", "the provider runs in the cluster with TLS; its Provider object is yours to make")
    losses.warn("targets.gatekeeper", "constraints see Pods: apply the ExpansionTemplates to refuse their owners too")
    if losses.refused:
        return Export(files=(), losses=losses.all)
    files = (
        ExportedFile(name="constraint-template.yaml", data=manifest([_template()]), what="what can be asked for"),
        ExportedFile(name="constraints.yaml", data=manifest(constraints), what="the policy"),
        ExportedFile(name="expansion-templates.yaml", data=manifest(_expansions()), what="owners of pods"),
    )
    return Export(files=files, losses=losses.all)


def _template() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": KIND.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": KIND}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": REGO}],
        },
    }


def _constraint(name: str, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "enforcementAction": action,
            "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
            "parameters": parameters,
        },
    }


def _expansions() -> list[dict[str, Any]]:
    apps = {"groups": ["apps"], "versions": ["v1"], "kinds": ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]}
    core = {"groups": [""], "versions": ["v1"], "kinds": ["ReplicationController"]}
    jobs = {"groups": ["batch"], "versions": ["v1"], "kinds": ["Job"]}
    crons = {"groups": ["batch"], "versions": ["v1"], "kinds": ["CronJob"]}
    pod, job = {"group": "", "version": "v1", "kind": "Pod"}, {"group": "batch", "version": "v1", "kind": "Job"}
    return [
        _expansion("sigstep-expand-workloads", [apps, core, jobs], "spec.template", pod),
        _expansion("sigstep-expand-cronjobs", [crons], "spec.jobTemplate", job),
    ]


def _expansion(name: str, applies: list[dict[str, Any]], source: str, made: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": name},
        "spec": {"applyTo": applies, "templateSource": source, "generatedGVK": made},
    }


def _rule(rule: PolicyRule, wanted: Wanted, losses: Losses) -> dict[str, Any]:
    for pattern in (*rule.images, *rule.exclude):
        if hub_is_unclear(pattern):
            losses.refuse(f"{place(rule)}.images", f"{pattern}: short names could be of any host")
    if demands(rule) and "bundle" not in rule.formats:
        losses.refuse(f"{place(rule)}.formats", "the provider reads bundles only")
    elif demands(rule) and "legacy" in rule.formats:
        losses.warn(f"{place(rule)}.formats", "legacy signatures are not read by the provider")
    return {
        "name": rule.name,
        "images": [written_image(one) for one in rule.images],
        "exclude": [written_image(one) for one in rule.exclude],
        "deny": rule.deny,
        "allowedUntil": end_of_day(rule.until, f"{place(rule)}.allow", losses) if rule.until else "",
        "demands": [_demand(one, rule, wanted, losses) for one in demands(rule)],
    }


def _demand(demand: Demand, rule: PolicyRule, wanted: Wanted, losses: Losses) -> dict[str, Any]:
    signers = wanted.policy.signers
    if demand.quorum.count > 1 and not distinct(demand.quorum, signers):
        losses.refuse(place(rule), "several signers are asked for, and two of them may be the same one")
    return {
        "type": demand.predicate_type,
        "count": demand.quorum.count,
        "every": demand.attested is not None and demand.attested.every,
        "signers": {name: _signer(signers[name], losses) for name in demand.quorum.names},
        "conditions": condition_data(demand.attested.where if demand.attested else ()),
    }


def _signer(signer: Signer, losses: Losses) -> dict[str, Any]:
    where = f"signers.{signer.name}"
    if signer.identity is None:
        losses.refuse(where, "the provider knows no keys")
        return {}
    if signer.root not in _ROOTS:
        losses.refuse(f"{where}.trust", "the provider has the public and GitHub's instance only")
    elif signer.root:
        losses.warn(f"{where}.trust", "which instance counts is a setting of the provider")
    if signer.log == "tsa" and signer.root != "github":
        losses.refuse(f"{where}.log", "the provider takes time stamps instead of a log from GitHub's instance alone")
    elif signer.log:
        losses.warn(f"{where}.log", "what evidence of time is asked for is fixed in the provider")
    unknown = [name for name, _ in signer.identity.extensions if name not in EXTENSIONS]
    if unknown:
        losses.refuse(f"{where}.extensions", f"the provider's answers do not have {', '.join(unknown)}")
    return {
        "issuer": _matcher(signer.identity.issuer),
        "subject": _matcher(signer.identity.subject),
        "extensions": {EXTENSIONS.get(name, name): one.text for name, one in signer.identity.extensions},
    }


def _matcher(matcher: Matcher | None) -> dict[str, Any]:
    if matcher is None:
        return {"any": True}
    return {"exact": matcher.text} if matcher.kind == "exact" else {"regex": anchored(matcher)}


def _recall(recall: Recall, losses: Losses) -> dict[str, Any] | None:
    if recall.kind == "digest":
        return {"digest": recall.value, "reason": recall.reason}
    if recall.kind in RECALLED:
        return {"member": EXTENSIONS[RECALLED[recall.kind]], "value": recall.value, "reason": recall.reason}
    if recall.start is not None or recall.end is not None:
        losses.warn("recalls", "an identity is recalled without its window: more is refused than the policy says")
    return {"issuer": _matcher(recall.issuer), "subject": _matcher(recall.subject), "reason": recall.reason}
