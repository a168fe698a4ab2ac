"""Write a policy as ClusterImagePolicies, with the settings that make them whole.

Every rule becomes one ClusterImagePolicy: an authority for each signer and storage format, and, where more than one of
them has to pass, a policy over all authorities. Conditions become Rego, never CUE, which lets a missing member pass.
"""

from __future__ import annotations

from typing import Any, Final

from sigstep.engines.cluster_image_policy.export_trust import trust_root_object
from sigstep.policy.document import PolicyRule, Signer
from sigstep.policy.engine import Export, ExportedFile, Wanted
from sigstep.policy.exporting import (
    PUBLIC,
    Demand,
    Losses,
    demands,
    distinct,
    dns_name,
    end_of_day,
    identity_members,
    image_rules,
    manifest,
    pem,
    place,
)
from sigstep.policy.rego_text import CONDITIONS, condition_data, data_text

LOG: Final = "https://rekor.sigstore.dev"
AUTHORITY: Final = "https://fulcio.sigstore.dev"
OLD_EXTENSIONS: Final = {
    # extension: its name in the input of a policy over authorities, for legacy signatures
    "github-workflow-trigger": "githubWorkflowTrigger",
    "github-workflow-sha": "githubWorkflowSha",
    "github-workflow-name": "githubWorkflowName",
    "github-workflow-repository": "githubWorkflowRepo",
    "github-workflow-ref": "githubWorkflowRef",
}
_GLOB: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:/*.@")
RULE: Final = """\
satisfied[i] {
  requirement := requirements[i]
  count({name | authority := requirement.signers[name][_]; passed(authority)}) >= requirement.count
}
passed(authority) { input.authorityMatches[authority.name]; count(authority.extensions) == 0 }
passed(authority) { one := input.authorityMatches[authority.name].signatures[_]; bears(one, authority.extensions) }
passed(authority) { one := input.authorityMatches[authority.name].attestations[_][_]; bears(one, authority.extensions) }
bears(one, extensions) { count({k | extensions[k] == one[k]}) == count(extensions) }
isCompliant { count(satisfied) == count(requirements) }
"""
HEAD: Final = "package sigstore\n\ndefault isCompliant = false\n\n"
ALLOW: Final = "isCompliant { time.now_ns() < until }\n"
CONDITIONED: Final = "isCompliant { satisfies(input, conditions) }\n\n" + CONDITIONS


def export(wanted: Wanted) -> Export:
    """See `sigstep.policy.engine.Engine.export`."""
    policy, losses = wanted.policy, Losses()
    options = policy.targets.get("policy-controller", {})
    version = f"policy.sigstore.dev/{options.get('api', 'v1beta1')}"
    objects: list[dict[str, Any]] = []
    for rule in image_rules(policy, losses):
        spec = _Rule(rule, wanted, losses).spec()
        objects.append(_object(version, "ClusterImagePolicy", dns_name(policy.name, rule.name), spec))
    for recall in policy.recalls:
        if recall.kind != "digest":
            losses.warn("recalls", f"a recall by {recall.kind} is not exported: the engine refuses by digest only")
            continue
        static = {"name": "recalled", "static": {"action": "fail", "message": recall.reason}}
        spec = {"mode": "enforce", "images": [{"glob": f"**@{recall.value}"}], "authorities": [static]}
        name = dns_name(policy.name, "recalled", recall.value.partition(":")[2][:16])
        objects.append(_object(version, "ClusterImagePolicy", name, spec))
    named = {signer.root for signer in policy.signers.values() if signer.root not in ("", PUBLIC)}
    objects += [trust_root_object(name, wanted.roots[name]) for name in sorted(named) if name in wanted.roots]
    losses.warn("defaults.no-match", "a setting of the controller, which holds for every policy: see the ConfigMap")
    losses.warn("images", "matched by digest, after the webhook resolved the tag: its tester needs repository@sha256:…")
    namespaces = tuple(options.get("namespaces", ()))
    if not namespaces:
        command = "kubectl label namespace NAME policy.sigstore.dev/include=true"
        losses.warn("targets.policy-controller", f"only labelled namespaces are looked at: {command}")
    if losses.refused:
        return Export(files=(), losses=losses.all)
    return Export(files=_files(objects, namespaces, policy.no_match), losses=losses.all)


def _files(objects: list[dict[str, Any]], namespaces: tuple[str, ...], no_match: str) -> tuple[ExportedFile, ...]:
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "config-policy-controller", "namespace": "cosign-system"},
        "data": {"no-match-policy": no_match, "fail-on-empty-authorities": "true"},
    }
    labelled = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"policy.sigstore.dev/include": "true"}},
        }
        for name in namespaces
    ]
    files = [
        ExportedFile(name="cluster-image-policy.yaml", data=manifest(objects), what="the policies"),
        ExportedFile(name="config-policy-controller.yaml", data=manifest([settings]), what="what no policy names"),
    ]
    if labelled:
        files.append(ExportedFile(name="namespaces.yaml", data=manifest(labelled), what="namespaces to look at"))
    return tuple(files)


def _object(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


class _Rule:
    """One rule on its way to a ClusterImagePolicy."""

    def __init__(self, rule: PolicyRule, wanted: Wanted, losses: Losses) -> None:
        self._rule, self._wanted, self._losses = rule, wanted, losses
        self._signers = wanted.policy.signers
        self._place = place(rule)

    def spec(self) -> dict[str, Any]:
        """The spec of its ClusterImagePolicy."""
        rule = self._rule
        if rule.exclude:
            self._losses.refuse(f"{self._place}.exclude", "the engine has no negation")
        spec: dict[str, Any] = {
            "mode": "enforce" if rule.enforce else "warn",
            "images": [{"glob": self._glob(one)} for one in rule.images],
        }
        if rule.deny:
            spec["authorities"] = [{"name": "deny", "static": {"action": "fail", "message": rule.deny}}]
        elif rule.allow:
            assert rule.until is not None
            spec["authorities"] = [{"name": "allow", "static": {"action": "pass"}}]
            until = end_of_day(rule.until, f"{self._place}.allow", self._losses)
            until = f'until := time.parse_rfc3339_ns("{until}")\n\n'
            spec["policy"] = {"type": "rego", "data": HEAD + until + ALLOW}
        else:
            spec |= self._proofs()
        return spec

    def _glob(self, pattern: str) -> str:
        if not set(pattern) <= _GLOB:
            self._losses.refuse(f"{self._place}.images", f"the engine's globs cannot hold {pattern!r}")
        hub = f"index.{pattern}" if pattern.startswith("docker.io/") else pattern
        return f"{hub}@*"

    def _proofs(self) -> dict[str, Any]:
        authorities: list[dict[str, Any]] = []
        requirements = []
        for index, demand in enumerate(demands(self._rule)):
            signers: dict[str, list[dict[str, Any]]] = {}
            for name in demand.quorum.names:
                made = self._authorities(index, demand, self._signers[name])
                authorities += made
                extensions = self._extensions(self._signers[name])
                signers[name] = [{"name": one["name"], "extensions": extensions} for one in made]
            requirements.append({"count": demand.quorum.count, "signers": signers})
            if demand.quorum.count > 1 and not distinct(demand.quorum, self._signers):
                self._losses.refuse(self._place, "several signers are asked for, and two of them may be the same one")
            if demand.attested is not None and demand.attested.every:
                self._losses.refuse(f"{self._place}.attestations", "each: every: the engine takes one that satisfies")
        extended = any(
            self._extensions(self._signers[name]) for one in demands(self._rule) for name in one.quorum.names
        )
        if len(requirements) == 1 and requirements[0]["count"] == 1 and not extended:
            return {"authorities": authorities}
        text = f"{HEAD}requirements := {data_text(requirements)}\n\n{RULE}"
        return {"authorities": authorities, "policy": {"type": "rego", "data": text}}

    def _authorities(self, index: int, demand: Demand, signer: Signer) -> list[dict[str, Any]]:
        formats = self._rule.formats
        if signer.identity is None:
            if "legacy" not in formats:
                self._losses.refuse(self._place, f"{signer.name} is a key, and the engine reads no bundles by keys")
            elif "bundle" in formats:
                self._losses.warn(self._place, f"bundles by the key {signer.name} are not read: sign in the old form")
            formats = ("legacy",)
        return [self._authority(f"{index}-{signer.name}-{one}", one, demand, signer) for one in formats]

    def _authority(self, name: str, form: str, demand: Demand, signer: Signer) -> dict[str, Any]:
        made: dict[str, Any] = {"name": name}
        if signer.identity is None:
            made["key"] = {"data": pem(self._wanted.keys[signer.name]), "hashAlgorithm": "sha256"}
            if signer.log == "required":
                made["ctlog"] = {"url": LOG}
        else:
            made |= self._keyless(signer)
        if form == "bundle":
            made["signatureFormat"] = "bundle"
        if demand.type or form == "bundle":
            made["attestations"] = [self._attestation(demand)]
        if signer.log == "tsa" and "rfc3161timestamp" not in made:
            self._losses.refuse(f"signers.{signer.name}.log", "a time stamp needs a trust root with its authority")
        return made

    def _keyless(self, signer: Signer) -> dict[str, Any]:
        where = f"signers.{signer.name}"
        identities = [identity_members(signer, where, self._losses)]
        if not signer.root:
            self._losses.warn(where, "certificates of the public instance only: name another with trust:")
        if signer.root in ("", PUBLIC):
            return {"keyless": {"url": AUTHORITY, "identities": identities}, "ctlog": {"url": LOG}}
        root = self._wanted.roots.get(signer.root)
        if root is None:
            self._losses.refuse(where, f"the trusted root of {signer.root} is not at hand")
            return {}
        reference = {"trustRootRef": dns_name(signer.root)}
        made: dict[str, Any] = {"keyless": {**reference, "identities": identities}}
        if not root.ct_logs:
            made["keyless"]["insecureIgnoreSCT"] = True
        if root.logs and signer.log != "tsa":
            made["ctlog"] = {"url": root.logs[0].base_url, **reference}
        else:
            made["rfc3161timestamp"] = reference
        return made

    def _attestation(self, demand: Demand) -> dict[str, Any]:
        made: dict[str, Any] = {"name": "it", "predicateType": demand.predicate_type}
        if demand.attested is not None and demand.attested.where:
            data = data_text(condition_data(demand.attested.where))
            made["policy"] = {"type": "rego", "data": f"{HEAD}conditions := {data}\n\n{CONDITIONED}"}
        return made

    def _extensions(self, signer: Signer) -> dict[str, str]:
        if signer.identity is None or not signer.identity.extensions:
            return {}
        where = f"signers.{signer.name}.extensions"
        if "bundle" in self._rule.formats:
            self._losses.refuse(where, "the engine shows no extensions of certificates in bundles")
        foreign = [name for name, _ in signer.identity.extensions if name not in OLD_EXTENSIONS]
        if foreign:
            self._losses.refuse(where, f"the engine shows only {', '.join(OLD_EXTENSIONS)}")
        return {OLD_EXTENSIONS.get(name, name): matcher.text for name, matcher in signer.identity.extensions}
