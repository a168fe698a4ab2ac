"""The Rego of our exports, on answers made up for it: what each rule refuses, and that nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.engines.exported import CIP_RULES, attested, export, objects, policy, signed

from sigstep.policy.signer import COSIGN_SIGN
from sigstep.ports.real import real_world
from sigstep.services.rego import Rego

SHIM = "package sigstepimages\n\nexternal_data(request) = response { response := input.answer }\n"
ISSUER = "https://token.actions.githubusercontent.com"
RELEASE = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
AUDIT = "https://github.com/acme/audit/.github/workflows/a.yml@refs/heads/main"
PROVENANCE = "https://slsa.dev/provenance/v1"
DIGEST = "sha256:" + "a" * 64
APP, OTHER = f"ghcr.io/acme/app@{DIGEST}", f"ghcr.io/acme/other@{DIGEST}"


def attestation(subject: str = RELEASE, kind: str = COSIGN_SIGN, predicate: Any = None, **more: str) -> dict[str, Any]:
    """One verification result of the provider."""
    certificate = {"issuer": ISSUER, "subjectAlternativeName": subject, **more}
    return {
        "signature": {"certificate": certificate},
        "statement": {"predicateType": kind, "predicate": predicate or {}},
    }


def answer(*attestations: dict[str, Any], image: str = APP, system_error: str = "") -> dict[str, Any]:
    """What the provider says about one image."""
    found = [[image, list(attestations)]] if attestations else []
    errors = [] if attestations else [[image, f"{image}_unsigned"]]
    return {"responses": found, "errors": errors, "status_code": 200, "system_error": system_error}


SIGNED = signed(more=", formats: [bundle]")
WHERE = attested("{path: predicate.n, at-least: 2}")
EVERY = attested("{path: predicate.n, at-least: 2}", more=", each: every")
GOOD, BAD = attestation(kind=PROVENANCE, predicate={"n": 2}), attestation(kind=PROVENANCE, predicate={"n": 1})
RECALL = "recalls: [{%s, reason: stolen, date: 2026-01-01}]"
WHO = f"identity: {{issuer: '{ISSUER}', subject: {{glob: 'https://github.com/acme/**'}}}}"

# name: rule, more of the file, the provider's answer, images of the pod, whether it is refused
CASES: dict[str, tuple[str, str, dict[str, Any], tuple[str, ...], bool]] = {
    "signed": (SIGNED, "", answer(attestation()), (APP,), False),
    "no container": (SIGNED, "", answer(attestation()), (), False),
    "unsigned": (SIGNED, "", answer(), (APP,), True),
    "another signer": (SIGNED, "", answer(attestation(AUDIT)), (APP,), True),
    "another kind": (SIGNED, "", answer(attestation(kind=PROVENANCE)), (APP,), True),
    "another image's": (SIGNED, "", answer(attestation(), image=OTHER), (APP,), True),
    "good and evil": (SIGNED, "", answer(attestation()), (APP, OTHER), True),
    "provider down": (SIGNED, "", answer(attestation(), system_error="down"), (APP,), True),
    "no rule, deny": (SIGNED, "", answer(), (OTHER,), True),
    "no rule, allow": (SIGNED, "defaults: {no-match: allow}", answer(), (OTHER,), False),
    "longer name": (SIGNED, "", answer(attestation(), image=f"ghcr.io/acme/app-evil@{DIGEST}"), (f"ghcr.io/acme/app-evil@{DIGEST}",), True),
    "other host": (SIGNED, "", answer(attestation()), (f"evil.example/{APP}",), True),
    "tag where a digest is asked": (SIGNED, "defaults: {require-digest: true}", answer(attestation(), image="ghcr.io/acme/app:v1"), ("ghcr.io/acme/app:v1",), True),
    "tag": (SIGNED, "", answer(attestation(), image="ghcr.io/acme/app:v1"), ("ghcr.io/acme/app:v1",), False),
    "regular expression": (signed("any-of: [tags]"), "", answer(attestation("https://github.com/acme/app/x@refs/tags/v1")), (APP,), False),
    "regular expression, not whole": (signed("any-of: [tags]"), "", answer(attestation("https://github.com/acme/app/x@refs/tags/v1-rc")), (APP,), True),
    "all, both": (signed("all-of: [release, audit]"), "", answer(attestation(), attestation(AUDIT)), (APP,), False),
    "all, one twice": (signed("all-of: [release, audit]"), "", answer(attestation(), attestation()), (APP,), True),
    "extension": (signed("any-of: [hosted]"), "", answer(attestation(runnerEnvironment="github-hosted")), (APP,), False),
    "extension differs": (signed("any-of: [hosted]"), "", answer(attestation(runnerEnvironment="self-hosted")), (APP,), True),
    "extension missing": (signed("any-of: [hosted]"), "", answer(attestation()), (APP,), True),
    "condition": (WHERE, "", answer(BAD, GOOD), (APP,), False),
    "condition fails": (WHERE, "", answer(BAD), (APP,), True),
    "every": (EVERY, "", answer(GOOD, GOOD), (APP,), False),
    "every, one fails": (EVERY, "", answer(GOOD, BAD), (APP,), True),
    "every, of nobody": (EVERY, "", answer(), (APP,), True),
    "excluded": (signed(image="ghcr.io/acme/**", more=", exclude: [ghcr.io/acme/other]"), "", answer(), (OTHER,), True),
    "denied": ("- {name: app, images: [ghcr.io/acme/app], deny: {reason: bad}}", "", answer(attestation()), (APP,), True),
    "allowed": ("- {name: app, images: [ghcr.io/acme/app], allow: {reason: old, until: 2200-01-01}}", "", answer(), (APP,), False),
    "allowance ended": ("- {name: app, images: [ghcr.io/acme/app], allow: {reason: old, until: 2001-01-01}}", "", answer(), (APP,), True),
    "recalled digest": (SIGNED, RECALL % f"digest: '{DIGEST}'", answer(attestation()), (APP,), True),
    "recalled commit": (SIGNED, RECALL % "commit: c0ffee", answer(attestation(sourceRepositoryDigest="c0ffee")), (APP,), True),
    "recalled abbreviated commit": (SIGNED, RECALL % "commit: C0FFE", answer(attestation(sourceRepositoryDigest="c0ffee")), (APP,), True),
    "another commit": (SIGNED, RECALL % "commit: c0ffee", answer(attestation(sourceRepositoryDigest="00")), (APP,), False),
    "recalled run": (SIGNED, RECALL % "run: 'https://x/7'", answer(attestation(runInvocationURI="https://x/7/attempts/2")), (APP,), True),
    "recalled identity": (SIGNED, RECALL % WHO, answer(attestation()), (APP,), True),
    "Docker Hub": (signed(image="nginx"), "", answer(attestation(), image="nginx:1"), ("nginx:1",), False),
    "Docker Hub's long name": (signed(image="nginx"), "", answer(image="docker.io/library/nginx:1"), ("docker.io/library/nginx:1",), True),
}  # fmt: skip


def reviewed(name: str) -> tuple[list[str], dict[str, Any], bool]:
    """Modules, input and the expected verdict of a case; images beyond the first are init containers and volumes."""
    rule, more, said, images, refused = CASES[name]
    found = objects(export("gatekeeper", policy(rule, more)))
    module = next(one for one in found if one["kind"] == "ConstraintTemplate")["spec"]["targets"][0]["rego"]
    (constraint,) = [one for one in found if one["kind"] == "SigstepImages"]
    spec: dict[str, Any] = {"containers": [{"image": one} for one in images[:1]]}
    spec["initContainers"] = [{"image": one} for one in images[1:]]
    review = {"object": {"spec": spec}}
    given = {"review": review, "parameters": constraint["spec"]["parameters"], "answer": said}
    return [module, SHIM], given, refused


@pytest.mark.parametrize("name", CASES)
def test_the_template(name: str) -> None:
    """Universal over images: one that is not proved is enough."""
    modules, given, refused = reviewed(name)
    found = Rego.of(real_world()).evaluate(modules, "data.sigstepimages.violation", given)
    assert bool(found) == refused, found


@pytest.mark.parametrize("place", ["containers", "initContainers", "ephemeralContainers"])
def test_every_kind_of_container(place: str) -> None:
    """And image volumes."""
    modules, given, _ = reviewed("signed")
    evaluator = Rego.of(real_world())
    given["review"]["object"]["spec"] = {place: [{"image": OTHER}]}
    assert evaluator.evaluate(modules, "data.sigstepimages.violation", given)
    given["review"]["object"]["spec"] = {"containers": [{"image": APP}], "volumes": [{"image": {"reference": OTHER}}]}
    assert evaluator.evaluate(modules, "data.sigstepimages.violation", given)


@pytest.mark.parametrize("name", CIP_RULES)
def test_policy_over_authorities(name: str) -> None:
    """ClusterImagePolicy: which authorities together are enough."""
    rule, matches, compliant = CIP_RULES[name]
    text = objects(export("cluster_image_policy", policy(rule)))[0]["spec"]["policy"]["data"]
    found = Rego.of(real_world()).evaluate([text], "data.sigstore.isCompliant", {"authorityMatches": matches})
    assert found is compliant
