"""Policies that others wrote, as policies of ours: what comes of them, and by which name the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.engines.exported import ISSUER, PEM, PROVENANCE, WORKFLOW, export, objects, policy, signed

from sigstep.flows.engine_policies import engine_of
from sigstep.policy.document import Policy
from sigstep.policy.engine import Loss

IDENTITY = {"issuer": ISSUER, "subject": WORKFLOW}
KEYLESS = {
    "keyless": {"url": "https://fulcio.sigstore.dev", "identities": [IDENTITY]},
    "ctlog": {"url": "https://r.example"},
}
KEY = {"key": {"data": PEM, "hashAlgorithm": "sha256"}}


def cip(*authorities: dict[str, Any], globs: tuple[str, ...] = ("ghcr.io/acme/app@*",), **spec: Any) -> dict[str, Any]:
    """A ClusterImagePolicy."""
    return {
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": "p"},
        "spec": {"images": [{"glob": one} for one in globs], "authorities": list(authorities), **spec},
    }


def cpol(verify: dict[str, Any], **rule: Any) -> dict[str, Any]:
    """A ClusterPolicy with one rule."""
    member = {"imageReferences": ["ghcr.io/acme/app*"], "failureAction": "Enforce", **verify}
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "p"},
        "spec": {"rules": [{"name": "r", "match": match, "verifyImages": [member], **rule}]},
    }


def attestors(*entries: dict[str, Any], count: int | None = None) -> dict[str, Any]:
    """A set of attestors."""
    return {"attestors": [{"entries": list(entries), **({"count": count} if count else {})}]}


def ivp(expression: str, *, glob: str = "ghcr.io/acme/app*", cosign: Any = None, **spec: Any) -> dict[str, Any]:
    """An ImageValidatingPolicy."""
    identity = {"keyless": {"identities": [IDENTITY]}, "ctlog": {"url": "https://rekor.sigstore.dev"}}
    resources = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": [resources]},
            "matchImageReferences": [{"glob": glob}],
            "attestors": [{"name": "a", "cosign": cosign or identity}],
            "validations": [{"expression": expression, "message": "m"}],
            **spec,
        },
    }


def con(policy_of: list[dict[str, Any]], *validators: dict[str, Any]) -> dict[str, Any]:
    """Values of Connaisseur."""
    return {"application": {"validators": [*STATIC, *validators], "policy": policy_of}}


STATIC = [
    {"name": "allow", "type": "static", "approve": True},
    {"name": "deny", "type": "static", "approve": False},
]
COSIGN = {
    "name": "acme",
    "type": "cosign",
    "trustRoots": [{"name": "gha", "keyless": IDENTITY}, {"name": "ops", "key": PEM}],
}
EVERYTHING = {"pattern": "*:*", "validator": "deny"}
FULL = "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0)"


def projected(engine: str, *documents: dict[str, Any]) -> tuple[Policy | None, tuple[Loss, ...]]:
    """What comes of them."""
    member = engine_of(engine)
    return member.project(member.read([json.dumps(one).encode() for one in documents]))


ATTESTED = {"attestations": [{"name": "it", "predicateType": "slsaprovenance1"}]}
TAKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    # name: engine, document, words of the policy that comes of it
    "legacy": ("policy-controller", cip({"name": "a", **KEYLESS}), "formats=('legacy',)"),
    "key": ("policy-controller", cip({"name": "a", **KEY}), "signature=Quorum(names=('a',), count=1)"),
    "either": ("policy-controller", cip({"name": "a", **KEYLESS}, {"name": "b", **KEY}), "names=('a', 'b'), count=1"),
    "short type": ("policy-controller", cip({"name": "a", **KEYLESS, **ATTESTED}), PROVENANCE),
    "any name": ("policy-controller", cip({"name": "a", **KEYLESS}, globs=("*",)), "docker.io/library/*"),
    "prefix": ("policy-controller", cip({"name": "a", **KEYLESS}, globs=("ghcr.io/acme/**",)), "'ghcr.io/acme/**'"),
    "fail": ("policy-controller", cip({"name": "a", "static": {"action": "fail"}}), "deny='refused by the policy'"),
    "unanchored": (
        "policy-controller",
        cip({"name": "a", "keyless": {"identities": [{"issuer": ISSUER, "subjectRegExp": "acme"}]}, "ctlog": {"url": "https://r.example"}}),
        "(?s:.*)(?:acme)(?s:.*)",
    ),
    "labels": (
        "policy-controller",
        cip({"name": "a", **KEYLESS}, match=[{"group": "apps", "version": "*", "resource": "deployments"}]),
        "formats",
    ),
    "wildcards": (
        "kyverno",
        cpol(attestors({"keyless": {"issuer": ISSUER, "subject": "https://github.com/acme/*", "rekor": {"url": "https://r.example"}}})),
        "https://github.com/acme/**",
    ),
    "bundle": (
        "kyverno",
        cpol({"type": "SigstoreBundle", **attestors({"keyless": {**IDENTITY, "rekor": {"url": "https://r.example"}}})}),
        "formats=('bundle',)",
    ),
    "count": (
        "kyverno",
        cpol(attestors({"keys": {"publicKeys": PEM}}, {"keyless": {**IDENTITY, "rekor": {"url": "https://r.example"}}}, count=1)),
        "count=1",
    ),
    "skipped": (
        "kyverno",
        cpol({"skipImageReferences": ["ghcr.io/acme/app-x*"], **attestors({"keys": {"publicKeys": PEM}})}),
        "exclude=('ghcr.io/acme/app-x**',)",
    ),
    "conditions": (
        "kyverno",
        cpol(
            {
                "attestations": [
                    {
                        "type": PROVENANCE,
                        **attestors({"keys": {"publicKeys": PEM}}),
                        "conditions": [{"all": [{"key": "{{ builder.id }}", "operator": "Equals", "value": "x"}]}],
                    }
                ]
            }
        ),
        "path=('predicate', 'builder', 'id'), operator='equals', value='x'",
    ),
    "sample": ("kyverno", ivp(FULL), "ghcr.io/acme/app**"),
    "warns": ("kyverno", ivp(FULL, validationActions=["Audit"]), "enforce=False"),
    "mostly": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme/app:*", "validator": "acme", "with": {"trustRoot": "gha"}}], COSIGN), "'ghcr.io/acme/app'"),
    "all of them": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme", "validator": "acme", "with": {"trustRoot": "*", "required": ["gha", "ops"]}}], COSIGN), "'ghcr.io/acme**'"),
    "threshold": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme/app:*", "validator": "acme", "with": {"trustRoot": "*", "threshold": 1}}], COSIGN), "count=1"),
    "everything signed": ("connaisseur", con([{"pattern": "*:*", "validator": "acme", "with": {"trustRoot": "gha"}}], COSIGN), "images=('**',)"),
    "not logged": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme/app:*", "validator": "acme", "with": {"trustRoot": "gha", "verifyInTransparencyLog": False, "verifySCT": False}}], COSIGN), "formats=('legacy',)"),
    "denied": ("connaisseur", con([{"pattern": "*:*", "validator": "allow"}, {"pattern": "ghcr.io/evil:*", "validator": "deny"}]), "no_match='allow'"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    """What the policy file can say."""
    engine, document, words = TAKEN[name]
    made, losses = projected(engine, document)
    assert made is not None, losses
    assert words in repr(made)


CUE = {"policy": {"type": "cue", "data": "predicateType: string"}}
REGO = {"policy": {"type": "rego", "data": "package sigstore\nisCompliant { true }"}}
TWO = {"attestations": [*ATTESTED["attestations"], {"name": "b", "predicateType": PROVENANCE}]}
KEYS = {"keys": {"publicKeys": PEM}}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    # name: engine, document, words of the loss
    "tag": ("policy-controller", cip({"name": "a", **KEYLESS}, globs=("ghcr.io/acme/app:v1",)), "never matches"),
    "static pass": ("policy-controller", cip({"name": "a", "static": {"action": "pass"}}), "no end"),
    "static beside": ("policy-controller", cip({"name": "a", "static": {"action": "pass"}}, {"name": "b", **KEY}), "static authority beside"),
    "different things": ("policy-controller", cip({"name": "a", **KEYLESS}, {"name": "b", **KEYLESS, **ATTESTED}), "different things"),
    "two attestations": ("policy-controller", cip({"name": "a", **KEYLESS, **TWO}), "several attestations"),
    "CUE": ("policy-controller", cip({"name": "a", **KEYLESS, "attestations": [{"name": "i", "predicateType": PROVENANCE, **CUE}]}), "cue is not read"),
    "Rego": ("policy-controller", cip({"name": "a", **KEYLESS}, policy=REGO["policy"]), "rego is not read"),
    "identities": ("policy-controller", cip({"name": "a", "keyless": {"identities": [IDENTITY, IDENTITY]}}), "several identities"),
    "SHA-512": ("policy-controller", cip({"name": "a", "key": {"data": PEM, "hashAlgorithm": "sha512"}}), "sha512"),
    "source": ("policy-controller", cip({"name": "a", **KEY, "source": [{"oci": "ghcr.io/acme/sigs"}]}), "another repository"),
    "one format each": ("policy-controller", cip({"name": "a", **KEYLESS}, {"name": "b", "signatureFormat": "bundle", "keyless": {"url": "https://fulcio.sigstore.dev", "identities": [{**IDENTITY, "subject": "x"}]}, "attestations": [{"name": "s", "predicateType": "https://sigstore.dev/cosign/sign/v1"}]}), "one storage format only"),
    "notary": ("kyverno", cpol({"type": "Notary", **attestors({"certificates": {"cert": PEM}})}), "Notary"),
    "exclude": ("kyverno", cpol(attestors(KEYS), exclude={"any": [{"resources": {"kinds": ["Pod"]}}]}), "exclude"),
    "repository": ("kyverno", cpol({"repository": "ghcr.io/acme/sigs", **attestors(KEYS)}), "another repository"),
    "any condition": ("kyverno", cpol({"attestations": [{"type": PROVENANCE, **attestors(KEYS), "conditions": [{"any": [{"key": "{{ a }}", "operator": "Equals", "value": "x"}]}]}]}), "any: one of several"),
    "operator": ("kyverno", cpol({"attestations": [{"type": PROVENANCE, **attestors(KEYS), "conditions": [{"all": [{"key": "{{ a }}", "operator": "AnyIn", "value": ["x"]}]}]}]}), "is not read"),
    "anybody's attestation": ("kyverno", cpol({"attestations": [{"type": PROVENANCE}]}), "anybody"),
    "nested": ("kyverno", cpol(attestors({"attestor": {"entries": [KEYS]}})), "nested"),
    "several keys": ("kyverno", cpol(attestors({"keys": {"publicKeys": PEM + PEM}})), "several keys"),
    "nothing": ("kyverno", cpol({}), "asks for nothing"),
    "tagged": ("kyverno", cpol({"imageReferences": ["ghcr.io/acme/app:v1*"], **attestors(KEYS)}), "selects by tag"),
    "exact name": ("kyverno", cpol({"imageReferences": ["ghcr.io/acme/app"], **attestors(KEYS)}), "never matches"),
    "CEL": ("kyverno", ivp("size(images.containers) > 0"), "expression that is not read"),
    "conditions of its own": ("kyverno", ivp(FULL, matchConditions=[{"name": "n", "expression": "true"}]), "conditions on objects"),
    "unknown attestor": ("kyverno", ivp(FULL.replace("attestors.a", "attestors.b")), "no attestor"),
    "KMS": ("kyverno", ivp(FULL, cosign={"key": {"kms": "awskms://x"}}), "key elsewhere"),
    "references": ("kyverno", ivp(FULL, matchImageReferences=[{"expression": 'ref.startsWith("a")'}]), "not read"),
    "allow": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme:*", "validator": "allow"}]), "needs an end"),
    "tags": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme:v1", "validator": "deny"}]), "not by tag"),
    "overlap": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/acme/*:*", "validator": "acme", "with": {"trustRoot": "gha"}}, {"pattern": "ghcr.io/acme/a:*", "validator": "deny"}], COSIGN), "most specific"),
    "nothing left": ("connaisseur", con([EVERYTHING]), "nothing is left"),
    "notation": ("connaisseur", con([EVERYTHING, {"pattern": "ghcr.io/a:*", "validator": "n"}], {"name": "n", "type": "notaryv1", "host": "n.example", "trustRoots": [{"name": "default", "key": PEM}]}), "not read"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What it cannot say is named, and no policy comes of the rest."""
    engine, document, words = REFUSED[name]
    made, losses = projected(engine, document)
    assert made is None
    assert words in "\n".join(one.what for one in losses if one.refused)


@pytest.mark.parametrize("engine", ["cluster_image_policy", "kyverno", "gatekeeper"])
def test_recalls_come_back(engine: str) -> None:
    """By what the engine was told; the day is not known any more."""
    digest = "sha256:" + "a" * 64
    who = f"identity: {{issuer: '{ISSUER}', subject: {{glob: 'https://github.com/acme/**'}}}}"
    more = f"recalls: [{{digest: '{digest}', reason: stolen, date: 2026-01-01}}, {{commit: c0de, reason: x, date: 2026-01-01}}, {{{who}, reason: y, date: 2026-01-01}}]"
    name = engine.replace("cluster_image_policy", "policy-controller")
    made, losses = projected(name, *objects(export(engine, policy(signed(more=", formats: [bundle]"), more))))
    assert made is not None, losses
    assert [one.value for one in made.recalls if one.kind == "digest"] == [digest]
    assert len(made.recalls) == (3 if engine == "gatekeeper" else 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda one: one["spec"].update(parameters={}),
        lambda one: one["spec"]["parameters"]["rules"][0].update(images=["^ghcr.io/acme/app$"]),
        lambda one: one["spec"]["parameters"]["rules"][0]["demands"][0]["signers"]["release"]["issuer"].update(exact=7),
        lambda one: one["spec"]["parameters"]["rules"][0]["demands"][0]["signers"]["release"].update(
            issuer={"regex": "x"}
        ),
        lambda one: one["spec"].update(enforcementAction="dryrun"),
    ],
)
def test_damaged_parameters(damage: Any) -> None:
    """A constraint of our template that says something else than we write is refused."""
    found = objects(export("gatekeeper", policy(signed(more=", formats: [bundle]"))))
    damage(next(one for one in found if one["kind"] == "SigstepImages"))
    assert projected("gatekeeper", *found)[0] is None


def test_another_template() -> None:
    """Rego of others is evaluated by ``admit``; it is not turned into rules."""
    found = objects(export("gatekeeper", policy(signed(more=", formats: [bundle]"))))
    target = next(one for one in found if one["kind"] == "ConstraintTemplate")["spec"]["targets"][0]
    target["rego"] = target["rego"].replace("not met(image, demand)", "met(image, demand)")
    made, losses = projected("gatekeeper", *found)
    assert made is None
    assert "is not turned into rules" in losses[0].what
