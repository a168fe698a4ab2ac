"""Write a policy as Kyverno ImageValidatingPolicies: one for each rule, and one for what no rule names."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from sigstep.engines.kyverno.cel_text import condition_text
from sigstep.policy.document import PolicyRule, Signer
from sigstep.policy.engine import Export, ExportedFile, Wanted
from sigstep.policy.exporting import (
    PUBLIC,
    Demand,
    Losses,
    demands,
    distinct,
    dns_name,
    hub_is_unclear,
    identity_members,
    image_rules,
    manifest,
    pem,
    place,
    written_image,
)
from sigstep.wire.trusted_root import encode_trusted_root

LOG: Final = "https://rekor.sigstore.dev"
ALL: Final = "images.containers + images.initContainers + images.ephemeralContainers"
_CONTROLLERS: Final = ["deployments", "statefulsets", "daemonsets", "jobs", "cronjobs", "replicasets"]
NONE_NAMES_IT: Final = "no rule names this image"


def export(wanted: Wanted) -> Export:
    """See `sigstep.policy.engine.Engine.export`."""
    policy, losses = wanted.policy, Losses()
    rules = image_rules(policy, losses)
    objects = [_Policy(rule, wanted, losses).object() for rule in rules]
    for recall in policy.recalls:
        if recall.kind == "digest":
            objects.append(_recalled(policy.name, recall.value, recall.reason))
        else:
            losses.warn("recalls", f"a recall by {recall.kind} is not exported: the engine shows no extensions")
    if policy.no_match != "allow":
        objects.append(_catch_all(policy.name, rules, "Deny" if policy.no_match == "deny" else "Warn"))
    if policy.require_digest:
        losses.warn("defaults.require-digest", "the engine fills the digest in instead of refusing a tag")
    losses.warn("images", "image volumes are not looked at by the engine")
    losses.warn("images", "on registries without the referrers API bundles may not be found by the engine")
    if losses.refused:
        return Export(files=(), losses=losses.all)
    files = [ExportedFile(name="image-validating-policy.yaml", data=manifest(objects), what="the policies")]
    if wanted.image:
        names = [one["metadata"]["name"] for one in objects]
        files += _test(names, wanted.image)
    else:
        losses.warn("targets.kyverno", "no kyverno-test.yaml: no image is named that the policy has to admit")
    return Export(files=tuple(files), losses=losses.all)


def _selected(rules: Sequence[PolicyRule]) -> str:
    """CEL over ``ref``, true for the images that some rule names."""
    return " || ".join(f"({_of_rule(rule)})" for rule in rules)


def _of_rule(rule: PolicyRule) -> str:
    return of_patterns(rule.images, rule.exclude)


def of_patterns(images: Sequence[str], exclude: Sequence[str]) -> str:
    """CEL over ``ref``, true for what one of the patterns names and no exception does."""
    named = " || ".join(f"ref.matches({json.dumps(written_image(one))})" for one in images)
    apart = "".join(f" && !ref.matches({json.dumps(written_image(one))})" for one in exclude)
    return f"({named}){apart}" if apart else named


def _object(name: str, action: str, selected: str, more: dict[str, Any]) -> dict[str, Any]:
    resources = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
    enforced = action == "Deny"
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": name},
        "spec": {
            "validationActions": [action],
            "failurePolicy": "Fail",
            "webhookConfiguration": {"timeoutSeconds": 30},
            "matchConstraints": {"resourceRules": [resources]},
            "autogen": {"podControllers": {"controllers": _CONTROLLERS}},
            "matchImageReferences": [{"expression": selected}],
            "validationConfigurations": {"mutateDigest": enforced, "verifyDigest": enforced, "required": enforced},
            "variables": [{"name": "all", "expression": ALL}],
            **more,
        },
    }


def _denial(message: str) -> dict[str, Any]:
    """What refuses every image; the engine's schema wants a list of attestors, be it empty."""
    return {
        "attestors": [],
        "validations": [{"expression": "variables.all.all(i, false)", "message": message}],
    }


def _recalled(prefix: str, digest: str, reason: str) -> dict[str, Any]:
    name = dns_name(prefix, "recalled", digest.partition(":")[2][:16])
    return _object(name, "Deny", f"ref.endsWith({json.dumps(f'@{digest}')})", _denial(f"recalled: {reason}"))


def _catch_all(prefix: str, rules: Sequence[PolicyRule], action: str) -> dict[str, Any]:
    return _object(dns_name(prefix, "no-rule"), action, f"!({_selected(rules)})", _denial(NONE_NAMES_IT))


def _test(names: list[str], image: str) -> list[ExportedFile]:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "from-image"},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }
    test = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Test",
        "metadata": {"name": "sigstep"},
        "policies": ["image-validating-policy.yaml"],
        "resources": ["pod.yaml"],
        "results": [
            {
                "policy": name,
                "resources": ["from-image"],
                "kind": "Pod",
                "result": "pass",
                "isImageValidatingPolicy": True,
            }
            for name in names
        ],
    }
    return [
        ExportedFile(name="kyverno-test.yaml", data=manifest([test]), what="for `kyverno test .`", beside=True),
        ExportedFile(name="pod.yaml", data=manifest([pod]), what="the pod of the test", beside=True),
    ]


class _Policy:
    """One rule on its way to an ImageValidatingPolicy."""

    def __init__(self, rule: PolicyRule, wanted: Wanted, losses: Losses) -> None:
        self._rule, self._wanted, self._losses = rule, wanted, losses
        self._place = place(rule)
        names = dict.fromkeys(name for one in demands(rule) for name in one.quorum.names)
        self._names = {name: re.sub(r"[^A-Za-z0-9]", "_", f"s{at}_{name}") for at, name in enumerate(names)}

    def object(self) -> dict[str, Any]:
        """The whole object."""
        rule, losses = self._rule, self._losses
        for pattern in (*rule.images, *rule.exclude):
            if hub_is_unclear(pattern):
                losses.refuse(f"{self._place}.images", f"{pattern}: short names could be of any host")
        action = "Deny" if rule.enforce else "Warn"
        name = dns_name(self._wanted.policy.name, rule.name)
        if rule.allow:
            losses.refuse(f"{self._place}.allow", "the end of an allowance cannot be said")
        if rule.deny or rule.allow:
            return _object(name, action, _of_rule(rule), _denial(rule.deny or rule.allow))
        self._check()
        asked = demands(rule)
        attested = {one.predicate_type for one in asked if not self._is_plain(one)}
        more: dict[str, Any] = {"attestors": [self._attestor(one) for one in self._names]}
        if attested:
            more["attestations"] = [
                {"name": _name(index), "intoto": {"type": one.predicate_type}}
                for index, one in enumerate(asked)
                if not self._is_plain(one)
            ]
        more["validations"] = [self._validation(index, one) for index, one in enumerate(asked)]
        return _object(name, action, _of_rule(rule), more)

    def _is_plain(self, demand: Demand) -> bool:
        """Whether a signature is asked for by ``verifyImageSignatures``."""
        return not demand.type and "legacy" in self._rule.formats

    def _check(self) -> None:
        rule, losses = self._rule, self._losses
        if rule.formats == ("legacy",):
            losses.warn(f"{self._place}.formats", "the engine takes bundles of the signer too")
        if rule.signature is not None and "legacy" in rule.formats:
            what = "the engine takes any bundle of the signer as a signature; write formats: [bundle] to ask for one"
            losses.warn(f"{self._place}.signature", what)
        if rule.attestations and "legacy" not in rule.formats:
            losses.warn(f"{self._place}.formats", "the engine takes attestations in the old form too")
        kinds = [one.type for one in rule.attestations]
        for one in rule.attestations:
            if one.every:
                losses.refuse(f"{self._place}.attestations", "each: every: the engine looks at one of several")
            if one.where and kinds.count(one.type) > 1:
                losses.refuse(f"{self._place}.attestations", f"{one.type} twice: the engine keeps one payload a type")
            if one.where:
                losses.warn(f"{self._place}.attestations", f"of several {one.type} the engine judges the last it reads")

    def _attestor(self, name: str) -> dict[str, Any]:
        signer = self._wanted.policy.signers[name]
        where = f"signers.{name}"
        if signer.identity is None:
            log: dict[str, Any] = {"url": LOG} if signer.log == "required" else {"insecureIgnoreTlog": True}
            if signer.log == "tsa":
                self._losses.refuse(f"{where}.log", "a time stamp needs the authority's certificates")
            self._losses.warn(where, "versions of the engine differ in whether they read bundles by a key")
            key = {"data": pem(self._wanted.keys[name]), "hashAlgorithm": "sha256"}
            return {"name": self._names[name], "cosign": {"key": key, "ctlog": log}}
        if signer.identity.extensions:
            self._losses.refuse(f"{where}.extensions", "the engine reads none, though its schema has a place for them")
        cosign: dict[str, Any] = {"keyless": {"identities": [identity_members(signer, where, self._losses)]}}
        cosign |= self._trust(signer, where)
        return {"name": self._names[name], "cosign": cosign}

    def _trust(self, signer: Signer, where: str) -> dict[str, Any]:
        if not signer.root:
            self._losses.warn(where, "certificates of the public instance only: name another with trust:")
        if signer.root in ("", PUBLIC):
            if signer.log == "tsa":
                self._losses.refuse(f"{where}.log", "a time stamp needs a trust root with its authority")
            return {"ctlog": {"url": LOG}}
        root = self._wanted.roots.get(signer.root)
        if root is None:
            self._losses.refuse(where, f"the trusted root of {signer.root} is not at hand")
            return {}
        made: dict[str, Any] = {"trustedRoot": {"value": encode_trusted_root(root).decode()}}
        ignored = {"insecureIgnoreSCT": not root.ct_logs, "insecureIgnoreTlog": not root.logs}
        if root.logs:
            made["ctlog"] = {"url": root.logs[0].base_url}
        if any(ignored.values()):
            made["ctlog"] = {**made.get("ctlog", {}), **{name: True for name, value in ignored.items() if value}}
        return made

    def _validation(self, index: int, demand: Demand) -> dict[str, str]:
        quorum = demand.quorum
        if quorum.count > 1 and not distinct(quorum, self._wanted.policy.signers):
            self._losses.refuse(self._place, "several signers are asked for, and two of them may be the same one")
        attestors = f"[{', '.join(f'attestors.{self._names[name]}' for name in quorum.names)}]"
        if self._is_plain(demand):
            text = f"verifyImageSignatures(i, {attestors}) >= {quorum.count}"
            return {"expression": f"variables.all.all(i, {text})", "message": "too few of the signers signed it"}
        named = f"attestations.{_name(index)}"
        parts = [f"verifyAttestationSignatures(i, {named}, {attestors}) >= {quorum.count}"]
        for one in demand.attested.where if demand.attested else ():
            text_of_one = condition_text(f"extractPayload(i, {named})", one)
            if text_of_one is None:
                self._losses.refuse(f"{self._place}.attestations.where", f"{one}: the engine's CEL cannot say it")
            parts.append(f"({text_of_one})")
        expression = f"variables.all.all(i, {' && '.join(parts)})"
        return {"expression": expression, "message": f"no attestation {demand.predicate_type} as asked for"}


def _name(index: int) -> str:
    return f"a{index}"
