"""Gatekeeper: what its webhook refuses, and what templates would say with a provider's answers from our verifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from tests.attached import ISSUER, PROVENANCE, WORKFLOW, Maker, attachment, evidence, surroundings, workload
from tests.sandboxes import sandbox

from sigstep.engines.gatekeeper.engine import ENGINE
from sigstep.errors import FormatError, Undecided
from sigstep.model.digest import Digest
from sigstep.model.verdict import Finding
from sigstep.model.workload import Workload
from sigstep.policy.engine import Attachment, ImageEvidence, Ruling, Storage, Surroundings
from sigstep.policy.judging import Decision
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import ephemeral_key

__all__ = ["sandbox"]
A, D, U, W = Decision.ADMIT, Decision.DENY, Decision.UNKNOWN, Decision.WARN
KEY = ephemeral_key()
TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
GOOD, EVIL, NONE, LEGACY, KEYED = (
    "ghcr.io/acme/good:1",
    "ghcr.io/acme/evil:1",
    "none:1",
    "legacy:1",
    "ghcr.io/acme/keyed:1",
)

ASK = 'answer := external_data({"provider": "%s", "keys": keys})\n'
CONTAINERS = "keys := [i | i := input.review.object.spec.containers[_].image]\n"
EVERY = """
all[i] { i := input.review.object.spec.containers[_].image }
all[i] { i := input.review.object.spec.initContainers[_].image }
keys := [i | all[i]]
"""
ERRORS = 'violation[{"msg": m}] { e := answer.errors[_]; m := e[1] }\nviolation[{"msg": "down"}] { answer.system_error != "" }\n'
EXISTENTIAL = """violation[{"msg": "not from acme"}] { not some_good }
some_good { answer.responses[_][1][_].signature.certificate.sourceRepositoryOwnerURI == "https://github.com/acme" }
"""
UNIVERSAL = """violation[{"msg": m}] { r := answer.responses[_]; not from_acme(r[1]); m := sprintf("%v is not from acme", [r[0]]) }
from_acme(results) { results[_].signature.certificate.sourceRepositoryOwnerURI == "https://github.com/acme" }
"""
GITHUB = "artifact-attestations-opa-provider"


def template(rego: str, package: str = "demo", **target: Any) -> str:
    """A ConstraintTemplate of kind Demo."""
    code = {"rego": f"package {package}\n{rego}"} if rego else {}
    return yaml.safe_dump(
        {
            "apiVersion": "templates.gatekeeper.sh/v1",
            "kind": "ConstraintTemplate",
            "metadata": {"name": "demo"},
            "spec": {
                "crd": {"spec": {"names": {"kind": "Demo"}}},
                "targets": [{"target": "admission.k8s.gatekeeper.sh", **code, **target}],
            },
        }
    )


def constraint(kind: str = "Demo", **spec: Any) -> str:
    """A constraint about Pods."""
    match = {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}
    return yaml.safe_dump(
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": kind,
            "metadata": {"name": "c"},
            "spec": {"match": match, **spec},
        }
    )


def expansion(kinds: list[str], source: str, made: str, group: str = "apps", **spec: Any) -> str:
    """An ExpansionTemplate."""
    generated = {"group": "batch" if made == "Job" else "", "version": "v1", "kind": made}
    applies = [{"groups": [group], "versions": ["v1"], "kinds": kinds}]
    return yaml.safe_dump(
        {
            "apiVersion": "expansion.gatekeeper.sh/v1beta1",
            "kind": "ExpansionTemplate",
            "metadata": {"name": "e"},
            "spec": {"applyTo": applies, "templateSource": source, "generatedGVK": generated, **spec},
        }
    )


def refusal(*documents: str) -> str:
    """Why the files are refused."""
    with pytest.raises(FormatError) as caught:
        ENGINE.read([one.encode() for one in documents])
    assert caught.value.code == "engine-policy"
    return caught.value.why


PLAIN = template('violation[{"msg": "x"}] { true }')
REFUSED: list[tuple[list[str], str]] = [
    ([constraint()], "there is no ConstraintTemplate"),
    ([PLAIN, constraint("Other")], "for which there is no ConstraintTemplate"),
    ([PLAIN.replace("name: demo", "name: other")], "is not equal to the lowercase of CRD's Kind: demo"),
    ([PLAIN.replace("kind: Demo", "kind: ''")], "spec.crd.spec.names.kind: Required value"),
    ([PLAIN.replace("admission.k8s", "other")], "not recognized"),
    ([template("")], "rego: Required value"),
    ([template("x { true }")], "missing required rules: [violation]"),
    ([PLAIN.replace("package demo", "")], "package expected"),
    ([template("violation[1] { true }", libs=["package demo"])], "has to begin with lib"),
    ([template("", code=[{"engine": "Other"}])], "unknown engine"),
    ([template("", code=[{"engine": "Rego", "source": {"version": "v9", "rego": "package a\nviolation[1] { true }"}}])], "unsupported version v9"),
    ([PLAIN.replace("targets:", "other:")], "expected exactly 1 item in targets, got 0"),
    ([PLAIN, constraint(enforcementAction="maybe")], "unrecognized enforcementAction maybe"),
    ([PLAIN, constraint(surprise=1)], "unknown field"),
    ([PLAIN, constraint(match={"surprise": 1})], "unknown field"),
    ([PLAIN, constraint(match={"kinds": [{"kinds": [1]}]})], "must be of type string"),
    ([PLAIN, "apiVersion: externaldata.gatekeeper.sh/v1beta1\nkind: Provider\nspec: {url: 'http://x', timeout: 0}\n"], "only HTTPS scheme"),
    ([PLAIN, "apiVersion: expansion.gatekeeper.sh/v1beta1\nkind: ExpansionTemplate\nspec: {}\n"], "spec.templateSource: Required value"),
    ([PLAIN.replace("templates.gatekeeper.sh/v1", "templates.gatekeeper.sh/v9")], "no matches for kind"),
    (["apiVersion: v1\nkind: Pod\n"], "is no kind of this engine"),
    (["- x\n"], "a document is no object"),
]  # fmt: skip


@pytest.mark.parametrize(("documents", "words"), REFUSED)
def test_refused(documents: list[str], words: str) -> None:
    """With the engine's meaning."""
    assert words in refusal(*documents)


@pytest.fixture(scope="module")
def maker(sandbox: Sandbox) -> Maker:
    """Signs in the sandbox."""
    return Maker(sandbox)


@pytest.fixture(scope="module")
def images(maker: Maker) -> dict[str, ImageEvidence]:
    """Images by what is attached to them."""
    digests = {name: Digest.of(name.encode()) for name in (GOOD, EVIL, NONE, LEGACY, KEYED)}

    def bundle(name: str, repository: str) -> Attachment:
        made = maker.statement(digests[name], PROVENANCE, {"x": 1}, repository=repository)
        return attachment(made, Storage.REFERRER, TYPE)

    legacy = attachment(maker.signature(digests[LEGACY]), Storage.LEGACY_SIGNATURE)
    keyed = attachment(maker.signature(digests[KEYED], key=KEY), Storage.LEGACY_SIGNATURE)
    found = {GOOD: [bundle(GOOD, "acme/app")], EVIL: [bundle(EVIL, "evil/app")], LEGACY: [legacy], KEYED: [keyed]}
    return {name: evidence(name, digest, *found.get(name, [])) for name, digest in digests.items()}


def rulings(
    maker: Maker, images: dict[str, ImageEvidence], made: Workload, *documents: str, **more: Any
) -> tuple[Ruling, ...]:
    """What is said about a workload."""
    given: Surroundings = more.pop("surroundings", None) or surroundings(maker)
    return ENGINE.judge(ENGINE.read([one.encode() for one in documents]), made, images, given)


def decisions(*arguments: Any, **more: Any) -> list[Decision]:
    """In their order."""
    return [one.decision for one in rulings(*arguments, **more)]


def test_the_form_of_githubs_templates(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Existential over images and over containers alone: the images that are not looked at are told."""
    rego = CONTAINERS + ASK % GITHUB + ERRORS + EXISTENTIAL
    files = (template(rego), constraint())
    assert decisions(maker, images, workload(GOOD), *files) == [A]
    assert decisions(maker, images, workload(EVIL), *files) == [D]
    assert decisions(maker, images, workload(NONE), *files) == [D]
    both = rulings(maker, images, workload(GOOD, EVIL), *files)
    assert [(one.decision, one.seen) for one in both] == [(A, True), (W, False)]
    assert "signed by somebody else" in both[1].reason
    init = rulings(maker, images, workload(GOOD, init=[NONE]), *files)
    assert [(one.decision, one.seen) for one in init] == [(A, True), (W, False)]
    assert "unsigned" in init[1].reason


def test_a_universal_template(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Every image in every container counts."""
    files = (template(EVERY + ASK % GITHUB + ERRORS + UNIVERSAL), constraint())
    for made, expected in (
        (workload(GOOD), [A]),
        (workload(GOOD, EVIL), [D]),
        (workload(GOOD, init=[EVIL]), [D]),
        (workload(GOOD, init=[NONE]), [D]),
        (workload(LEGACY), [D]),
        (workload(GOOD, init=[GOOD]), [A, A]),
    ):
        assert decisions(maker, images, made, *files) == expected


def test_actions_and_match(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Which objects a constraint is about, and what a violation does."""
    rego = template(EVERY + ASK % GITHUB + ERRORS + UNIVERSAL)
    evil = workload(EVIL, labels={"a": "b"}, namespace="prod-1")
    pods = {"kinds": [{"apiGroups": ["*"], "kinds": ["*"]}]}
    scoped = {"enforcementAction": "scoped"}
    webhook = [{"action": "deny", "enforcementPoints": [{"name": "validation.gatekeeper.sh"}]}]
    audit = [{"action": "deny", "enforcementPoints": [{"name": "audit.gatekeeper.sh"}]}]
    cases: list[tuple[dict[str, Any], Decision]] = [
        ({"enforcementAction": "warn"}, W),
        ({"enforcementAction": "dryrun"}, W),
        ({**scoped, "scopedEnforcementActions": webhook}, D),
        ({**scoped, "scopedEnforcementActions": audit}, W),
        ({"match": pods}, D),
        ({"match": {**pods, "namespaces": ["prod-*"]}}, D),
        ({"match": {**pods, "namespaces": ["other"]}}, W),
        ({"match": {**pods, "excludedNamespaces": ["*-1"]}}, W),
        ({"match": {**pods, "excludedNamespaces": ["*rod*"]}}, W),
        ({"match": {**pods, "scope": "Cluster"}}, W),
        ({"match": {**pods, "name": "x"}}, W),
        ({"match": {**pods, "labelSelector": {"matchLabels": {"a": "b"}}}}, D),
        ({"match": {**pods, "labelSelector": {"matchLabels": {"a": "c"}}}}, W),
        ({"match": {**pods, "labelSelector": {"matchExpressions": [{}]}}}, U),
        ({"match": {**pods, "namespaceSelector": {"matchLabels": {}}}}, U),
        ({"match": {**pods, "source": "Generated"}}, W),
        ({"match": {"kinds": [{"apiGroups": ["apps"], "kinds": ["Pod"]}]}}, W),
    ]
    for spec, decision in cases:
        assert decisions(maker, images, evil, rego, constraint(**spec)) == [decision], spec


def test_expansion(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Controllers are judged through what they make; without an ExpansionTemplate they are admitted, and that is told."""
    files = [template(EVERY + ASK % GITHUB + ERRORS + UNIVERSAL), constraint()]
    evil = workload(EVIL, kind="Deployment")
    (blind,) = rulings(maker, images, evil, *files)
    assert (blind.decision, "no constraint is about" in blind.reason) == (W, True)
    pods = expansion(["Deployment"], "spec.template", "Pod")
    assert decisions(maker, images, evil, *files, pods) == [D]
    assert decisions(maker, images, workload(GOOD, kind="Deployment"), *files, pods) == [A]
    warn = expansion(["Deployment"], "spec.template", "Pod", enforcementAction="warn")
    assert decisions(maker, images, evil, *files, warn) == [W]
    assert decisions(maker, images, evil, *files, expansion(["Deployment"], "spec.nothing", "Pod")) == [U]
    inner = {"spec": evil.spec}
    cron = replace(
        evil,
        kind="CronJob",
        api_version="batch/v1",
        document={"spec": {"jobTemplate": {"spec": {"template": inner}}}},
    )
    jobs = expansion(["CronJob"], "spec.jobTemplate", "Job", "batch")
    made = expansion(["Job"], "spec.template", "Pod", "batch")
    assert decisions(maker, images, cron, *files, jobs, made) == [D]
    loop = expansion(["Job"], "spec", "Job", "batch")
    deep: Any = {"spec": {}}
    for _ in range(9):
        deep = {"spec": deep}
    job = replace(evil, kind="Job", api_version="batch/v1", document=deep)
    assert decisions(maker, images, job, *files, loop) == [U]


UNKNOWN = [
    (template(CONTAINERS + ASK % "mystery" + ERRORS), "mystery"),
    (template(CONTAINERS + ASK % "ratify-provider" + ERRORS), "Ratify"),
    (template('violation[{"msg": "x"}] { data.inventory.cluster }'), "data.inventory"),
    (template("", code=[{"engine": "K8sNativeValidation", "source": {}}]), "K8sNativeValidation"),
    (template('violation[{"msg": "x"}] { http.send({}) }'), "outside"),
    (template('keys := ["elsewhere:1"]\n' + ASK % GITHUB + ERRORS), "not evaluated"),
    (template("violation[x] { x := }"), "not evaluated"),
    (template("violation := 1"), "no set"),
]


@pytest.mark.parametrize(("rego", "words"), UNKNOWN)
def test_unknown(maker: Maker, images: dict[str, ImageEvidence], rego: str, words: str) -> None:
    """What cannot be judged never admits."""
    (ruling,) = rulings(maker, images, workload(GOOD), rego, constraint())
    assert (ruling.decision, words in ruling.reason) == (U, True), ruling


def test_evidence_that_is_missing(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """An image that was not resolved, or whose attachments were not read."""
    files = (template(EVERY + ASK % GITHUB + ERRORS + UNIVERSAL), constraint())
    assert decisions(maker, {}, workload(GOOD), *files) == [U]
    finding = Finding(code="network-failed", what="no answer")
    assert decisions(maker, {NONE: replace(images[NONE], findings=(finding,))}, workload(NONE), *files) == [U]


class NoRego:
    """No evaluator is installed."""

    def rego(self, *_: Any, **__: Any) -> Any:
        """See `Languages.rego`."""
        raise Undecided(code="rego-unavailable", what="nothing evaluates Rego")

    def cel(self, request: Any) -> Any:
        """See `Languages.cel`."""
        raise NotImplementedError(request)


def test_no_evaluator(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Unknown, with the reason."""
    given = surroundings(maker, languages=NoRego())
    files = (template(EVERY + ASK % GITHUB + ERRORS), constraint())
    (ruling,) = rulings(maker, images, workload(GOOD), *files, surroundings=given)
    assert (ruling.decision, ruling.unjudged) == (U, "rego")


def test_libraries_and_both_versions(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """A library may ask the provider; version 1 of the language has its own shim; parameters name the provider."""
    library = f'package lib.ask\nanswer(keys) = x {{ x := external_data({{"provider": "{GITHUB}", "keys": keys}}) }}'
    body = 'violation[{"msg": m}] { e := ask.answer(keys).errors[_]; m := e[1] }\n'
    files = (template("import data.lib.ask\n" + EVERY + body, libs=[library]), constraint())
    assert decisions(maker, images, workload(NONE), *files) == [D]
    version = """import rego.v1
keys := [i | i := input.review.object.spec.containers[_].image]
answer := external_data({"provider": input.parameters.provider, "keys": keys})
violation contains {"msg": m} if { some e in answer.errors; m := e[1] }
violation contains {"msg": m} if { some r in answer.responses; not good(r[1]); m := r[0] }
good(results) if { some one in results; one.signature.certificate.sourceRepositoryOwnerURI == "https://github.com/acme" }
"""
    code = [{"engine": "Rego", "source": {"version": "v1", "rego": f"package demo\n{version}"}}]
    parameters = {"provider": "github-attestations"}
    files = (template("", code=code), constraint(parameters=parameters))
    assert decisions(maker, images, workload(GOOD), *files) == [A]
    assert decisions(maker, images, workload(EVIL), *files) == [D]
    plain = (template('violation["text"] { true }'), constraint())
    (ruling,) = rulings(maker, images, workload(GOOD), *plain)
    assert (ruling.decision, ruling.reason) == (D, "text")
    silent = (template('violation[{"msg": "x"}] { false }'), constraint())
    assert [one.seen for one in rulings(maker, images, workload(GOOD), *silent)] == [False]


def test_cosigns_provider(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """It checks no identity, and fails for all images when one is invalid."""
    files = (template(EVERY + ASK % "cosign-gatekeeper-provider" + ERRORS), constraint())
    assert decisions(maker, images, workload(LEGACY), *files) == [A]
    (ruling,) = rulings(maker, images, workload(LEGACY, GOOD), *files)
    assert (ruling.decision, "down" in ruling.reason) == (D, True)


def ratify(*policies: Any, kind: str = "any", policy: str = "configpolicy", verifier: str = "cosign") -> str:
    """Ratify's objects."""
    group = "config.ratify.deislabs.io/v1beta1"
    return yaml.safe_dump_all(
        [
            {"apiVersion": group, "kind": "Policy", "metadata": {"name": "p"}, "spec": {"type": policy, "parameters": {"artifactVerificationPolicies": {"default": kind}}}},
            {"apiVersion": group, "kind": "Verifier", "metadata": {"name": "v"}, "spec": {"name": verifier, "parameters": {"trustPolicies": list(policies)}}},
            {"apiVersion": group, "kind": "KeyManagementProvider", "metadata": {"name": "k"}, "spec": {"type": "inline", "parameters": {"contentType": "key", "value": KEY.public_pem}}},
            {"apiVersion": group, "kind": "KeyManagementProvider", "metadata": {"name": "vault"}, "spec": {"type": "azurekeyvault"}},
        ]
    )  # fmt: skip


WHO = {"certificateIdentity": WORKFLOW, "certificateOIDCIssuer": ISSUER}
RATIFY = (
    EVERY
    + ASK % "ratify-provider"
    + ERRORS
    + 'violation[{"msg": "failed"}] { answer.responses[_][1].isSuccess == false }\n'
)


@pytest.mark.parametrize(
    ("settings", "image", "decision"),
    [
        (ratify({"name": "a", "scopes": ["*"], "keyless": WHO}), LEGACY, A),
        (ratify({"name": "a", "scopes": ["*"], "keyless": WHO}), NONE, D),
        (ratify({"name": "a", "scopes": ["*"], "keyless": {**WHO, "certificateIdentity": "x"}}), LEGACY, D),
        (ratify({"name": "a", "scopes": ["docker.io/legacy:1"], "keyless": WHO}), LEGACY, A),
        (ratify({"name": "a", "scopes": ["ghcr.io/*"], "keyless": WHO}), LEGACY, D),
        (ratify({"name": "a", "scopes": ["ghcr.io/*"], "keys": [{"provider": "k"}]}), KEYED, A),
        (ratify({"name": "a", "scopes": ["ghcr.io/*"], "keys": [{"provider": "vault"}]}), KEYED, U),
        (ratify({"name": "a", "scopes": ["ghcr.io/*"], "keys": [{"file": "/x"}]}), KEYED, U),
        (ratify({"name": "a", "scopes": ["*"], "keyless": WHO}, policy="regopolicy"), LEGACY, U),
        (ratify({"name": "a", "scopes": ["*"], "keyless": WHO}, verifier="notation"), LEGACY, U),
        (ratify({"name": "a", "scopes": ["*"], "keyless": WHO}).partition("---")[2], LEGACY, U),
        (ratify(), LEGACY, U),
        (ratify().replace("trustPolicies: []", "key: /cosign.pub"), LEGACY, U),
        (ratify().replace("trustPolicies: []", "rekorURL: https://rekor.example"), LEGACY, U),
    ],
)
def test_ratify(maker: Maker, images: dict[str, ImageEvidence], settings: str, image: str, decision: Decision) -> None:
    """Its trust policies decide who may have signed."""
    assert decisions(maker, images, workload(image), template(RATIFY), constraint(), settings) == [decision]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ratify({"name": "a", "keyless": WHO}), "scopes parameter is required"),
        (ratify({"name": "a", "scopes": ["a*b"], "keyless": WHO}), "only a trailing * is allowed"),
        (ratify({"name": "a", "scopes": ["*"]}), "exactly one of keys and keyless"),
        (ratify({"name": "a", "scopes": ["*"], "keyless": {}}), "exactly one of the exact value"),
        (ratify({"name": "a", "scopes": ["a/*", "a/b"], "keyless": WHO}), "overlap"),
        (
            ratify({"name": "a", "scopes": ["*"], "keyless": WHO}).replace(
                "trustPolicies", "key: k\n    trustPolicies"
            ),
            "cannot be used",
        ),
        (
            ratify({"name": "a", "scopes": ["*"], "keyless": WHO}).replace("BEGIN PUBLIC", "BEGIN NO"),
            "not a public key",
        ),
    ],
)
def test_ratify_refused(settings: str, words: str) -> None:
    """Settings that Ratify does not take."""
    assert words in refusal(template(RATIFY), settings)


def test_ratify_with_namespaces(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Keys may begin with the namespace."""
    rego = (
        'keys := [sprintf("[%v]%v", [input.review.namespace, i]) | i := input.review.object.spec.containers[_].image]\n'
    )
    files = (template(rego + RATIFY.partition("keys := ")[2].partition("\n")[2]), constraint())
    settings = ratify({"name": "a", "scopes": ["*"], "keyless": WHO})
    assert decisions(maker, images, workload(LEGACY), *files, settings) == [A]
    keyed = ratify({"name": "a", "scopes": ["ghcr.io/*"], "keys": [{"provider": "k"}]})
    rules = ENGINE.read([template(RATIFY).encode(), keyed.encode()])
    assert [one.key for one in rules.keys] == [KEY.spki]
    assert not ENGINE.read([PLAIN.encode()]).keys
    assert not rules.providers


def test_providers_by_their_objects(maker: Maker, images: dict[str, ImageEvidence]) -> None:
    """Where neither the template nor the parameters name one, Provider objects do."""
    provider = f"apiVersion: externaldata.gatekeeper.sh/v1beta1\nkind: Provider\nmetadata: {{name: {GITHUB}}}\nspec: {{url: 'https://x'}}\n"
    rego = EVERY + f'name := "{GITHUB}"\nanswer := external_data({{"provider": name, "keys": keys}})\n' + ERRORS
    files = (template(rego), constraint(), provider)
    assert decisions(maker, images, workload(NONE), *files) == [D]
    assert decisions(maker, images, workload(NONE), template(rego), constraint()) == [U]
