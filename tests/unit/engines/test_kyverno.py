"""Kyverno: what its API server and webhook refuse, and what verifyImages and ImageValidatingPolicy would say."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.attached import ISSUER, PROVENANCE, WORKFLOW, Maker, attachment, evidence, surroundings, workload
from tests.sandboxes import sandbox

from sigstep.engines.kyverno.engine import ENGINE
from sigstep.errors import FormatError, Undecided
from sigstep.model.digest import Digest
from sigstep.model.verdict import Finding
from sigstep.policy.engine import Attachment, Ruling, Storage, Surroundings
from sigstep.policy.judging import Decision
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import ephemeral_key
from sigstep.wire.trusted_root import encode_trusted_root

__all__ = ["sandbox"]
IMAGE, DIGEST = "ghcr.io/acme/app:v1", Digest.of(b"image")
KEY, OTHER = ephemeral_key(), ephemeral_key()
TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
REKOR = {"url": "https://rekor.sigstore.dev"}
WHO = {"issuer": ISSUER, "subject": WORKFLOW}
KEYLESS = {"keyless": {**WHO, "rekor": REKOR}}
KEYED = {"keys": {"publicKeys": KEY.public_pem}}
PODS = {"any": [{"resources": {"kinds": ["Pod"]}}]}
A, D, U, W = Decision.ADMIT, Decision.DENY, Decision.UNKNOWN, Decision.WARN


def cpol(*verify: Any, kind: str = "ClusterPolicy", **more: Any) -> bytes:
    """A policy with one rule."""
    spec = more.pop("spec", {})
    metadata = {"name": "p", **more.pop("metadata", {})}
    rule = {"name": "r", "match": PODS, "verifyImages": list(verify), **more}
    api = "kyverno.io/v1"
    return yaml.safe_dump(
        {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {"rules": [rule], **spec}}
    ).encode()


def verify(*entries: Any, count: int | None = None, **more: Any) -> dict[str, Any]:
    """One member of verifyImages, enforced."""
    sets = [{"entries": list(entries), **({"count": count} if count else {})}] if entries else []
    return {"imageReferences": ["ghcr.io/acme/*"], "failureAction": "Enforce", "attestors": sets, **more}


def attested(*entries: Any, conditions: Any = None, **more: Any) -> dict[str, Any]:
    """Asks for provenance."""
    demand: dict[str, Any] = {"type": PROVENANCE}
    if entries:
        demand["attestors"] = [{"entries": list(entries)}]
    if conditions is not None:
        demand["conditions"] = conditions
    return verify(attestations=[{**demand, **more.pop("demand", {})}], **more)


def refusal(*documents: bytes) -> str:
    """Why the files are refused."""
    with pytest.raises(FormatError) as caught:
        ENGINE.read(documents)
    assert caught.value.code == "engine-policy"
    return caught.value.why


REFUSED: list[tuple[bytes, str]] = [
    (cpol({}), "An image reference is required"),
    (cpol({**verify(KEYLESS), "failureAction": "Audit"}), "mutateDigest: Invalid value: must be set to false"),
    (cpol({**verify(KEYLESS), "failureAction": "Maybe"}), 'failureAction: Unsupported value: "Maybe"'),
    (cpol({**verify(KEYLESS), "type": "Other"}), 'Unsupported value: "Other"'),
    (cpol({**verify(KEYLESS), "surprise": 1}), "unknown field"),
    (cpol(verify({})), "keys, certificates, keyless, or a nested attestor is required"),
    (cpol(verify({**KEYED, **KEYLESS})), "keys, certificates, keyless, or a nested attestor is required"),
    (cpol(verify(KEYLESS, count=2)), "Count cannot exceed length of entries"),
    (cpol({**verify(), "attestors": [{"count": 0, "entries": [KEYLESS]}]}), "greater than or equal to 1"),
    (cpol({**verify(), "attestors": [{}]}), "An entry is required"),
    (cpol(verify({"keyless": WHO})), "Either Rekor URL or roots are required"),
    (cpol(verify({"keyless": {"issuerRegExp": "(", "rekor": REKOR}})), "it is no regular expression"),
    (cpol(verify({"keys": {}})), "A public key, kms key or secret is required"),
    (cpol(verify({"keys": {"publicKeys": "x", "signatureAlgorithm": "md5"}})), "Invalid signature algorithm provided"),
    (cpol(verify({"keys": {"publicKeys": "x"}})), "publicKeys: Invalid value"),
    (cpol(verify({"certificates": {}})), "cert or certChain required"),
    (cpol(verify({"certificates": {"cert": "-----BEGIN CERTIFICATE-----"}})), "cert: Invalid value"),
    (cpol({**verify(), "attestations": [{}]}), "a type is required"),
    (cpol({**verify(), "attestations": [{"type": "a", "predicateType": "a"}]}), "predicateType is deprecated"),
    (cpol(verify(KEYLESS), match={"any": [{"resources": {"kinds": ["*"]}}]}), "wildcard kinds are not allowed"),
    (cpol(verify(KEYLESS), match=None), "match: Required value"),
    (cpol(verify(KEYLESS), preconditions="x"), "preconditions: Invalid value"),
    (cpol(verify(KEYLESS), surprise=1), "unknown field"),
    (cpol(attested(KEYLESS, conditions=[{"all": ["x"]}])), "must be of type object"),
    (cpol(attested(KEYLESS, conditions=[{"all": [{"key": "a", "operator": 5}]}])), "must be of type string"),
    (b"apiVersion: kyverno.io/v3\nkind: ClusterPolicy\n", "no matches for kind"),
    (b"apiVersion: v1\nkind: Pod\n", "is no kind of this engine"),
    (b"apiVersion: v1\nkind: ConfigMap\n", "there is no policy about images"),
    (b"- x\n", "a document is no object"),
    (b"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: '!'}\n", "must be base64"),
]


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_refused(data: bytes, words: str) -> None:
    """With the engine's meaning."""
    assert words in refusal(data)


def test_deep_nesting_is_refused() -> None:
    """Attestors in attestors end."""
    entry: Any = KEYLESS
    for _ in range(8):
        entry = {"attestor": {"entries": [entry]}}
    assert "nested too deep" in refusal(cpol(verify(entry)))


def test_rules_without_images_are_passed_over() -> None:
    """A file may have other policies beside; one with nothing about images is no policy for images."""
    other = yaml.safe_dump(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": "o"},
            "spec": {"rules": [{"name": "x"}]},
        }
    ).encode()
    assert len(ENGINE.read([other, cpol(verify(KEYLESS))]).cluster_policies) == 1
    assert "there is no policy about images" in refusal(other)


@pytest.fixture(scope="module")
def maker(sandbox: Sandbox) -> Maker:
    """Signs in the sandbox."""
    return Maker(sandbox)


@pytest.fixture(scope="module")
def attached_(maker: Maker) -> dict[str, Attachment]:
    """One of everything."""
    legacy, att = Storage.LEGACY_SIGNATURE, Storage.LEGACY_ATTESTATION
    good = maker.statement(DIGEST, PROVENANCE, {"builder": {"id": "good"}, "level": 3})
    bad = maker.statement(DIGEST, PROVENANCE, {"builder": {"id": "bad"}, "level": 1})
    evil = maker.statement(DIGEST, PROVENANCE, {"builder": {"id": "good"}}, repository="evil/app")
    keyed = maker.statement(DIGEST, PROVENANCE, {"builder": {"id": "good"}}, key=KEY)
    return {
        "sig": attachment(maker.signature(DIGEST), legacy),
        "key": attachment(maker.signature(DIGEST, key=KEY), legacy),
        "other": attachment(maker.signature(DIGEST, key=OTHER), legacy),
        "evil": attachment(maker.signature(DIGEST, repository="evil/app"), legacy),
        "att": attachment(good, att),
        "att bad": attachment(bad, att),
        "att evil": attachment(evil, att),
        "att key": attachment(keyed, att),
        "bundle": attachment(good, Storage.REFERRER, TYPE),
        "bundle bad": attachment(bad, Storage.REFERRER, TYPE),
        "bundle evil": attachment(evil, Storage.REFERRER, TYPE),
        "bundle key": attachment(keyed, Storage.REFERRER, TYPE),
        "fallback": attachment(good, Storage.FALLBACK_TAG, TYPE),
        "fallback empty": attachment(good, Storage.FALLBACK_TAG, "application/vnd.oci.empty.v1+json"),
    }


def rulings(maker: Maker, found: list[Attachment], *documents: bytes, **more: Any) -> tuple[Ruling, ...]:
    """What is said about the image in a pod."""
    given: Surroundings = more.pop("surroundings", None) or surroundings(maker)
    written = more.pop("image", IMAGE)
    images = {written: evidence(written, DIGEST, *found, **more.pop("evidence", {}))}
    return ENGINE.judge(ENGINE.read(documents), more.pop("workload", workload(written)), images, given)


ID = [{"all": [{"key": "{{ builder.id }}", "operator": "Equals", "value": "good"}]}]
TABLE: list[tuple[str, list[str], Any, Decision, str]] = [
    ("keyless", ["sig"], verify(KEYLESS), A, ""),
    ("nothing", [], verify(KEYLESS), D, "nothing is attached"),
    ("another signer", ["evil"], verify(KEYLESS), D, "no signatures found"),
    ("subject is a wildcard", ["sig"], verify({"keyless": {**WHO, "subject": "https://github.com/acme/*", "rekor": REKOR}}), A, ""),
    ("issuer is a wildcard", ["sig"], verify({"keyless": {"issuer": "https://token.*", "rekor": REKOR}}), A, ""),
    ("nobody named is anybody", ["evil"], verify({"keyless": {"rekor": REKOR}}), A, ""),
    ("expressions are not anchored", ["sig"], verify({"keyless": {"issuerRegExp": "actions", "subjectRegExp": "acme", "rekor": REKOR}}), A, ""),
    ("an extension", ["sig"], verify({"keyless": {**WHO, "rekor": REKOR, "additionalExtensions": {"githubWorkflowRepository": "acme/*"}}}), A, ""),
    ("another extension", ["sig"], verify({"keyless": {**WHO, "rekor": REKOR, "additionalExtensions": {"githubWorkflowRef": "x"}}}), D, "no signatures"),
    ("no bundle", ["bundle"], verify(KEYLESS), D, "bundle by referrers"),
    ("all entries", ["sig"], verify(KEYLESS, KEYED), D, "1 of 2 attestors"),
    ("all entries, all there", ["sig", "key"], verify(KEYLESS, KEYED), A, ""),
    ("one of two", ["sig"], verify(KEYLESS, KEYED, count=1), A, ""),
    ("two keys of one entry are two entries", ["key"], verify({"keys": {"publicKeys": KEY.public_pem + OTHER.public_pem}}), D, "1 of 2"),
    ("two keys of one entry, both there", ["key", "other"], verify({"keys": {"publicKeys": KEY.public_pem + OTHER.public_pem}}), A, ""),
    ("a key without the log", ["key"], verify({"keys": {"publicKeys": KEY.public_pem, "rekor": {**REKOR, "ignoreTlog": True}}}), A, ""),
    ("a nested attestor", ["sig"], verify({"attestor": {"count": 1, "entries": [KEYLESS, KEYED]}}), A, ""),
    ("a nested attestor that fails", ["evil"], verify({"attestor": {"entries": [KEYLESS]}}), D, "no signatures"),
    ("the old members", ["key"], {"image": "ghcr.io/acme/*", "key": KEY.public_pem, "failureAction": "Enforce"}, A, ""),
    ("the old members, keyless", ["sig"], {"image": "ghcr.io/acme/*", **WHO, "failureAction": "Enforce"}, A, ""),
    ("an old key elsewhere", ["key"], {"image": "ghcr.io/acme/*", "key": "k8s://a/b", "failureAction": "Enforce"}, U, "k8s://"),
    ("a key in a KMS", ["key"], verify({"keys": {"kms": "gcpkms://x"}}), U, "gcpkms"),
    ("a key in a KMS, not needed", ["sig"], verify({"keys": {"kms": "gcpkms://x"}}, KEYLESS, count=1), A, ""),
    ("a key elsewhere", ["key"], verify({"keys": {"publicKeys": "k8s://a/b"}}), U, "k8s://a/b"),
    ("a secret", ["key"], verify({"keys": {"secret": {"name": "s", "namespace": "n"}}}), U, "secret n/s"),
    ("a chain only", ["sig"], verify({"certificates": {"certChain": "x"}}), U, "chain"),
    ("annotations", ["sig"], verify({**KEYLESS, "annotations": {"a": "b"}}), U, "annotations"),
    ("another repository", ["sig"], verify(KEYLESS, repository="ghcr.io/x/y"), U, "ghcr.io/x/y"),
    ("another repository of one", ["sig"], verify({**KEYLESS, "repository": "ghcr.io/x/y"}), U, "ghcr.io/x/y"),
    ("notary", ["sig"], verify({"certificates": {"cert": "{{ a }}"}}, type="Notary"), U, "Notary"),
    ("audit", [], {**verify(KEYLESS), "failureAction": "Audit", "mutateDigest": False, "verifyDigest": False}, W, "no signatures"),
    ("a digest is asked for", ["sig"], verify(KEYLESS, mutateDigest=False), D, "missing digest"),
    ("a digest is not asked for", ["sig"], verify(KEYLESS, mutateDigest=False, verifyDigest=False), A, ""),
    ("nobody is named", ["sig"], verify(), D, "names no attestor"),
    ("nobody is named and nothing required", [], verify(required=False), A, ""),
    ("skipped", [], verify(KEYLESS, skipImageReferences=["ghcr.io/acme/app*"]), W, "no policy selects"),
    ("another image", [], verify(KEYLESS, imageReferences=["docker.io/*"]), W, "no policy selects"),
    ("roots that are none", ["sig"], verify({"keyless": {**WHO, "roots": "x"}}), D, "no signatures"),
    ("attestation", ["att"], attested(KEYLESS, conditions=ID), A, ""),
    ("attestation, every one", ["att", "att bad"], attested(KEYLESS, conditions=ID), D, "does not satisfy"),
    ("attestation by another signer beside", ["att", "att evil"], attested(KEYLESS), D, "by another signer"),
    ("attestation by anybody", ["att evil"], attested(), A, ""),
    ("attestation by a key", ["att key", "att evil"], attested(KEYED), A, ""),
    ("attestation of another type", ["att"], attested(KEYLESS, demand={"type": "other"}), D, "no attestation of type"),
    ("attestation in a nested attestor", ["att"], attested({"attestor": {"entries": [KEYLESS]}}), A, ""),
    ("attestation, a KMS", ["att"], attested({"keys": {"kms": "gcpkms://x"}}), U, "gcpkms"),
    ("attestation, a KMS that is not needed", ["att"], verify(attestations=[{"type": PROVENANCE, "attestors": [{"count": 1, "entries": [{"keys": {"kms": "gcpkms://x"}}, KEYLESS]}]}]), A, ""),
    ("attestation with old members", ["att key"], {"image": "ghcr.io/acme/*", "key": KEY.public_pem, "failureAction": "Enforce", "attestations": [{"predicateType": PROVENANCE}]}, A, ""),
    ("deny over attestations", ["att"], attested(KEYLESS, demand={"name": "p"}, validate={"message": "too low", "deny": {"conditions": {"any": [{"key": "{{ p.level }}", "operator": "LessThan", "value": 4}]}}}), D, "too low"),
    ("deny that does not hold", ["att"], attested(KEYLESS, demand={"name": "p"}, validate={"deny": {"conditions": [{"key": "{{ p.level }}", "operator": "LessThan", "value": 2}]}}), A, ""),
    ("bundle", ["bundle"], attested(KEYLESS, conditions=ID, type="SigstoreBundle"), A, ""),
    ("bundle as a signature", ["bundle"], verify(KEYLESS, type="SigstoreBundle"), A, ""),
    ("bundle by fallback", ["fallback"], attested(KEYLESS, type="SigstoreBundle"), A, ""),
    ("bundle whose descriptor does not say so", ["fallback empty"], attested(KEYLESS, type="SigstoreBundle"), D, "no attestation"),
    ("bundle, another signer beside", ["bundle", "bundle evil"], attested(KEYLESS, type="SigstoreBundle"), A, ""),
    ("bundle, subject is exact", ["bundle"], attested({"keyless": {**WHO, "subject": "https://github.com/acme/*", "rekor": REKOR}}, type="SigstoreBundle"), D, "no attestation"),
    ("bundle needs both", ["bundle"], attested({"keyless": {"issuer": ISSUER, "rekor": REKOR}}, type="SigstoreBundle"), D, "both an issuer and a subject"),
    ("legacy is no bundle", ["att", "sig"], attested(KEYLESS, type="SigstoreBundle"), D, "no attestation"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "names", "one", "decision", "words"), TABLE, ids=[one[0] for one in TABLE])
def test_verify_images(
    maker: Maker,
    attached_: dict[str, Attachment],
    name: str,
    names: list[str],
    one: Any,
    decision: Decision,
    words: str,
) -> None:
    """One line, one meaning of the engine."""
    (ruling,) = rulings(maker, [attached_[each] for each in names], cpol(one))
    assert (ruling.decision, words in ruling.reason) == (decision, True), ruling
    assert bool(ruling.unjudged) is (decision is U)


PREDICATE = {"id": "good", "n": 3, "on": True, "list": ["a", "b"], "size": "1Gi", "none": None, "json": '["a"]'}
CONDITIONS: list[tuple[Any, str, Any, Any]] = [
    ("{{ id }}", "Equals", "good", A),
    ("{{ id }}", "Equals", "g*", A),
    ("{{ id }}", "Equals", "bad", D),
    ("{{ id }}", "NotEquals", "bad", A),
    ("{{ n }}", "Equals", 3, A),
    ("{{ n }}", "Equals", "3", A),
    ("{{ n }}", "Equals", "x", D),
    ("{{ on }}", "Equals", True, A),
    ("{{ on }}", "Equals", "true", D),
    ("{{ list }}", "Equals", ["a", "b"], A),
    ("{{ list }}", "Equals", "a", D),
    ("{{ size }}", "Equals", "1024Mi", U),
    ("{{ n }}", "GreaterThan", 2, A),
    ("{{ n }}", "GreaterThanOrEquals", "3", A),
    ("{{ n }}", "LessThanOrEquals", 2, D),
    ("{{ size }}", "LessThan", "2Gi", U),
    ("{{ id }}", "AnyIn", ["good", "x"], A),
    ("{{ id }}", "In", ["bad"], D),
    ("{{ id }}", "NotIn", ["bad"], A),
    ("{{ list }}", "In", ["a"], U),
    ("{{ list }}", "AllIn", ["a", "b", "c"], A),
    ("{{ list }}", "AllIn", ["a"], D),
    ("{{ list }}", "AnyNotIn", ["a"], A),
    ("{{ list }}", "AllNotIn", ["c"], A),
    ("{{ n }}", "AnyIn", [3], A),
    ("{{ n }}", "AnyIn", 3, A),
    ("{{ id }}", "AnyIn", '["good"]', A),
    ("{{ id }}", "AnyIn", "[good", D),
    ("{{ n }}", "AnyIn", "1-5", U),
    ("{{ id }}", "Duration", "x", U),
    ("{{ missing }}", "Equals", "x", D),
    ("{{ none }}", "Equals", None, D),
    ("{{ regex_match('^g', id) }}", "Equals", True, A),
    ("{{ regex_match('(', id) }}", "Equals", True, D),
    ("{{ regex_match('^g', '{{ id }}') }}", "Equals", True, A),
    ("{{ to_upper(id) }}-{{ n }}", "Equals", "GOOD-3", A),
    ("{{ split(id, 'o')[0] }}", "Equals", "g", A),
    ("{{ trim(id, 'd') }}", "Equals", "goo", A),
    ("{{ trim_prefix(id, 'go') }}", "Equals", "od", A),
    ("{{ replace_all(id, 'o', 'a') }}", "Equals", "gaad", A),
    ("{{ equal_fold(id, 'GOOD') }}", "Equals", True, A),
    ("{{ base64_decode(base64_encode(id)) }}", "Equals", "good", A),
    ("{{ base64_decode(id) }}", "Equals", "x", D),
    ("{{ parse_json(json)[0] }}", "Equals", "a", A),
    ("{{ pattern_match('g*', id) }}", "Equals", True, A),
    ("{{ to_lower(n) }}", "Equals", "x", D),
    ("{{ semver_compare(id, '1') }}", "Equals", True, U),
    ("{{ a b }}", "Equals", True, U),
    ("{{ request.operation }}", "Equals", "CREATE", A),
    ("{{ '" + "x" * 5000 + "' }}", "Equals", "x", U),
    ("{{ cm.data.key }}", "Equals", "value", A),
    ("{{ other.data.key }}", "Equals", "value", U),
    ("{{ call.x }}", "Equals", "value", U),
    ("{{ told }}", "Equals", "good", A),
]
CONTEXT = [
    {"name": "cm", "configMap": {"name": "c"}},
    {"name": "other", "configMap": {"name": "o", "namespace": "n"}},
    {"name": "call", "apiCall": {"urlPath": "/x"}},
    {"name": "told", "variable": {"value": "good"}},
]
CONFIG_MAP = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {key: value}\n"


@pytest.fixture(scope="module")
def said(maker: Maker) -> Attachment:
    """An attestation with a value of every type."""
    return attachment(maker.statement(DIGEST, PROVENANCE, PREDICATE), Storage.LEGACY_ATTESTATION)


@pytest.mark.parametrize(("key", "operator", "value", "decision"), CONDITIONS)
def test_conditions(maker: Maker, said: Attachment, key: Any, operator: str, value: Any, decision: Decision) -> None:
    """Operators and functions; what is not evaluated is unknown."""
    block = [{"all": [{"key": key, "operator": operator, "value": value}]}]
    policy = cpol(attested(KEYLESS, conditions=block), context=CONTEXT)
    (ruling,) = rulings(maker, [said], CONFIG_MAP, policy)
    assert ruling.decision is decision, ruling


def test_any_and_all(maker: Maker, said: Attachment) -> None:
    """An empty part asks for nothing; blocks are ANDed."""
    good = {"key": "{{ id }}", "operator": "Equals", "value": "good"}
    bad = {**good, "value": "bad"}
    for blocks, decision in (
        ([{"any": [bad, good]}], A),
        ([{"any": [bad]}], D),
        ([{}], A),
        ([{"all": [good]}, {"all": [bad]}], D),
    ):
        (ruling,) = rulings(maker, [said], cpol(attested(KEYLESS, conditions=blocks)))
        assert ruling.decision is decision


def test_keys_in_variables(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """A key that a ConfigMap or secret of the files has."""
    config = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c"},
            "data": {"key": KEY.public_pem, "bad": "x"},
        }
    ).encode()
    for name, decision in (("key", A), ("bad", D), ("none", D)):
        policy = cpol(verify({"keys": {"publicKeys": f"{{{{ cm.data.{name} }}}}"}}), context=CONTEXT)
        (ruling,) = rulings(maker, [attached_["key"]], config, policy)
        assert ruling.decision is decision, ruling
    encoded = base64.b64encode(KEY.public_pem.encode()).decode()
    secret = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": "n"},
            "data": {"cosign.pub": encoded},
        }
    ).encode()
    policy = cpol(verify({"keys": {"secret": {"name": "s", "namespace": "n"}}}))
    assert rulings(maker, [attached_["key"]], secret, policy)[0].decision is A
    old = cpol({"image": "ghcr.io/acme/*", "key": "{{ cm.data.key }}", "failureAction": "Enforce"}, context=CONTEXT)
    assert rulings(maker, [attached_["key"]], config, old)[0].decision is A


def names(*kinds: str, **resources: Any) -> dict[str, Any]:
    """A match block."""
    return {"any": [{"resources": {"kinds": list(kinds), **resources}}]}


LABELS = {"matchLabels": {"tier": "prod*"}}
SCOPES: list[tuple[dict[str, Any], str, Any]] = [
    ({"match": names("Pod")}, "Pod", A),
    ({"match": names("v1/Pod")}, "Pod", A),
    ({"match": names("*/*/Pod")}, "Pod", A),
    ({"match": names("apps/v1/Deployment")}, "Deployment", A),
    ({"match": names("apps/v1/Deployment")}, "Pod", W),
    ({"match": names("Pod")}, "Deployment", A),
    ({"match": names("Pod"), "metadata": {"annotations": {"pod-policies.kyverno.io/autogen-controllers": "none"}}}, "Deployment", W),
    ({"match": names("Pod"), "metadata": {"annotations": {"pod-policies.kyverno.io/autogen-controllers": "Deployment,Job"}}}, "Deployment", A),
    ({"match": names("Pod", names=["w*"])}, "Pod", A),
    ({"match": names("Pod", names=["w*"])}, "Deployment", W),
    ({"match": names("Pod", name="x")}, "Pod", W),
    ({"match": names("Pod", namespaces=["default"])}, "Pod", A),
    ({"match": names("Pod", namespaces=["prod"])}, "Pod", W),
    ({"match": names("Pod", operations=["DELETE"])}, "Pod", W),
    ({"match": names("Pod", annotations={"a": "b*"})}, "Pod", W),
    ({"match": names("Pod", selector=LABELS)}, "Pod", W),
    ({"match": {"all": [{"resources": {"kinds": ["Pod"]}}, {"resources": {"namespaces": ["x"]}}]}}, "Pod", W),
    ({"match": {"resources": {"kinds": ["Pod"]}}}, "Pod", A),
    ({"match": names("Pod"), "exclude": names("Pod", namespaces=["default"])}, "Pod", W),
    ({"match": names("Pod", namespaceSelector=LABELS)}, "Pod", U),
    ({"match": {"any": [{"resources": {"kinds": ["Pod"]}, "subjects": [{"name": "x"}]}]}}, "Pod", U),
    ({"match": names("Pod", surprise=1)}, "Pod", U),
    ({"match": names("Pod", selector={"matchExpressions": [{"key": "a", "operator": "Near"}]})}, "Pod", U),
    ({"match": names("Pod"), "preconditions": {"all": [{"key": "{{request.operation}}", "operator": "NotEquals", "value": "DELETE"}]}}, "Pod", A),
    ({"match": names("Pod"), "preconditions": [{"key": "{{request.operation}}", "operator": "Equals", "value": "DELETE"}]}, "Pod", W),
    ({"match": names("Pod"), "preconditions": [{"key": "{{request.missing}}", "operator": "Equals", "value": "DELETE"}]}, "Pod", U),
    ({"kind": "Policy", "metadata": {"namespace": "other"}, "match": names("Pod")}, "Pod", W),
    ({"kind": "Policy", "match": names("Pod")}, "Pod", A),
]  # fmt: skip


@pytest.mark.parametrize(("more", "kind", "decision"), SCOPES)
def test_scope(
    maker: Maker, attached_: dict[str, Attachment], more: dict[str, Any], kind: str, decision: Decision
) -> None:
    """Which objects a rule is about."""
    policy = cpol(verify(KEYLESS), **copy.deepcopy(more))
    (ruling,) = rulings(maker, [attached_["sig"]], policy, workload=workload(IMAGE, kind=kind))
    assert ruling.decision is decision, ruling


def test_selectors(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """Labels, with wildcards and expressions."""
    made = workload(IMAGE, labels={"tier": "production"}, annotations={"a": "bc"})
    for resources, decision in (
        ({"selector": LABELS}, A),
        ({"annotations": {"a": "b*"}}, A),
        ({"selector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["production"]}]}}, A),
        ({"selector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["production"]}]}}, W),
        ({"selector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}, A),
        ({"selector": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}}, W),
    ):
        policy = cpol(verify(KEYLESS), match=names("Pod", **resources))
        assert rulings(maker, [attached_["sig"]], policy, workload=made)[0].decision is decision


def test_what_is_not_known(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """Images that were not resolved, attachments that were not read, image volumes."""
    policy = cpol(verify(KEYLESS))
    finding = Finding(code="network-failed", what="no answer")
    assert rulings(maker, [], policy, evidence={"findings": (finding,)})[0].decision is U
    every = cpol(attested(KEYLESS))
    for more, decision in (({}, A), ({"findings": (finding,)}, U)):
        assert rulings(maker, [attached_["sig"]], policy, evidence=more)[0].decision is A
        assert rulings(maker, [attached_["att"]], every, evidence=more)[0].decision is decision
    made = ENGINE.judge(ENGINE.read([policy]), workload(IMAGE), {}, surroundings(maker))
    assert made[0].decision is U
    volume = workload(IMAGE)
    volume = replace(volume, images=(replace(volume.images[0], place="volumes"),))
    (ruling,) = rulings(maker, [], policy, workload=volume)
    assert (ruling.decision, ruling.seen) == (W, False)


def test_keys_are_named() -> None:
    """Of every attestor, nested ones too."""
    nested = {"attestor": {"entries": [{"keys": {"publicKeys": OTHER.public_pem}}]}}
    rules = ENGINE.read([cpol(verify(KEYED, nested), attested(KEYED)), ivp(["true"], attestors=[KEY_ATTESTOR])])
    assert {one.key for one in rules.keys} == {KEY.spki, OTHER.spki}


CONSTRAINTS = {
    "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
}
GHA = {"name": "gha", "cosign": {"keyless": {"identities": [WHO]}}}
KEY_ATTESTOR = {"name": "key", "cosign": {"key": {"data": KEY.public_pem}}}


def ivp(validations: list[Any], kind: str = "ImageValidatingPolicy", **spec: Any) -> bytes:
    """An ImageValidatingPolicy."""
    whole = {
        "matchConstraints": CONSTRAINTS,
        "matchImageReferences": [{"glob": "ghcr.io/acme/*"}],
        "attestors": [GHA],
        "attestations": [{"name": "prov", "intoto": {"type": PROVENANCE}}],
        "validations": [{"expression": one} if isinstance(one, str) else one for one in validations],
        **spec,
    }
    metadata = {"name": "i"}
    return yaml.safe_dump(
        {"apiVersion": "policies.kyverno.io/v1", "kind": kind, "metadata": metadata, "spec": whole}
    ).encode()


def with_cosign(**cosign: Any) -> list[Any]:
    """One attestor."""
    return [{"name": "gha", "cosign": cosign}]


IVP_REFUSED: list[tuple[bytes, str]] = [
    (ivp([]), "spec.validations: Required value"),
    (ivp(["true"], attestors=None), "spec.attestors: Required value"),
    (ivp(["true"], surprise=1), "unknown field"),
    (ivp(["true"], validationActions=["Maybe"]), 'Unsupported value: "Maybe"'),
    (ivp(["true"], failurePolicy="Maybe"), 'Unsupported value: "Maybe"'),
    (ivp(["true"], evaluation={"mode": "Maybe"}), 'Unsupported value: "Maybe"'),
    (ivp(["true"], matchImageReferences=[{}]), "exactly one of glob and expression"),
    (ivp(["true"], matchImageReferences=[{"glob": "[a"}]), "it is no glob"),
    (ivp(["true"], matchConditions=[{"name": "x"}]), "expression: Required value"),
    (ivp(["true"], attestors=[{}]), "name: Required value"),
    (ivp(["true"], attestors=[{"name": "x", "notary": {}, "cosign": {}}]), "exactly one of cosign and notary"),
    (ivp(["true"], attestors=with_cosign()), "exactly one of key, keyless and certificate"),
    (ivp(["true"], attestors=with_cosign(keyless={})), "identities: Required value"),
    (ivp(["true"], attestors=with_cosign(key={"data": "x"})), "data: Invalid value"),
    (ivp(["true"], attestors=with_cosign(keyless={"identities": [WHO]}, ctlog={})), "url: Required value"),
    (
        ivp(["true"], attestors=with_cosign(keyless={"identities": [WHO]}, trustedRoot={"value": "x"})),
        "value: Invalid value",
    ),
    (ivp(["true"], attestations=[{"name": "x"}]), "exactly one of intoto and referrer"),
]


@pytest.mark.parametrize(("data", "words"), IVP_REFUSED)
def test_image_policies_refused(data: bytes, words: str) -> None:
    """With the engine's meaning."""
    assert words in refusal(data)


SIGNED = "images.containers.all(i, verifyImageSignatures(i, [attestors.gha]) > 0)"
PROVEN = "images.containers.all(i, verifyAttestationSignatures(i, attestations.prov, [attestors.gha]) > 0"
GOOD = f'{PROVEN} && extractPayload(i, attestations.prov).predicate.builder.id == "good")'
LOOSE: dict[str, Any] = {"validationConfigurations": {"required": False, "verifyDigest": False, "mutateDigest": False}}
IGNORE: dict[str, Any] = {"failurePolicy": "Ignore"}
TRUSTED: dict[str, Any] = {"keyless": {"identities": [WHO]}}
IVP_TABLE: list[tuple[str, list[str], bytes, Decision, str]] = [
    ("legacy signature", ["sig"], ivp([SIGNED]), A, ""),
    ("nothing", [], ivp([SIGNED]), D, "not satisfied"),
    ("another signer", ["evil"], ivp([SIGNED]), D, "not satisfied"),
    ("a message", [], ivp([{"expression": SIGNED, "message": "sign it"}]), D, "sign it"),
    ("a bundle of any kind is a signature", ["bundle"], ivp([SIGNED]), A, ""),
    ("bundles hide legacy", ["bundle evil", "sig"], ivp([SIGNED]), D, "not satisfied"),
    ("bundles by fallback are not found", ["fallback"], ivp([SIGNED]), D, "not satisfied"),
    ("payload", ["bundle"], ivp([GOOD]), A, ""),
    ("legacy payload", ["att"], ivp([GOOD]), A, ""),
    ("the last payload decides", ["bundle", "bundle bad"], ivp([GOOD]), D, "not satisfied"),
    ("the last payload decides, the other way", ["bundle bad", "bundle"], ivp([GOOD]), A, ""),
    ("a payload that was not verified", ["bundle"], ivp(["images.containers.all(i, extractPayload(i, attestations.prov).x == 1)"]), D, "an expression failed"),
    ("audit", [], ivp([SIGNED], validationActions=["Audit"]), W, "not satisfied"),
    ("an error is a denial", ["sig"], ivp(["images.nothing.all(i, true)"]), D, "an expression failed"),
    ("an error that is ignored", ["sig"], ivp(["images.nothing.all(i, true)"], **IGNORE), U, "evaluators differ"),
    ("no bool", ["sig"], ivp(["1"]), D, "an expression failed"),
    ("a key", ["key"], ivp([SIGNED.replace("gha", "key")], attestors=[KEY_ATTESTOR]), A, ""),
    ("a key over bundles", ["bundle key"], ivp([SIGNED.replace("gha", "key")], attestors=[KEY_ATTESTOR]), U, "a key over bundles"),
    ("a certificate", ["sig"], ivp([SIGNED], attestors=with_cosign(certificate={"certChain": {"value": "x"}})), U, "certificate"),
    ("a KMS", ["sig"], ivp([SIGNED], attestors=with_cosign(key={"kms": "gcpkms://x"})), U, "gcpkms"),
    ("notary", ["sig"], ivp([SIGNED], attestors=[{"name": "gha", "notary": {}}]), U, "Notary"),
    ("a referrer", ["sig"], ivp([PROVEN + ")"], attestations=[{"name": "prov", "referrer": {"type": "x"}}]), U, "artifact type x"),
    ("TUF", ["sig"], ivp([SIGNED], attestors=with_cosign(**TRUSTED, tuf={})), U, "TUF"),
    ("a source", ["sig"], ivp([SIGNED], attestors=with_cosign(**TRUSTED, source={"repository": "x/y"})), U, "x/y"),
    ("annotations", ["sig"], ivp([SIGNED], attestors=with_cosign(**TRUSTED, annotations={"a": "b"})), U, "annotations"),
    ("without log and SCT", ["sig"], ivp([SIGNED], attestors=with_cosign(**TRUSTED, ctlog={"insecureIgnoreTlog": True, "insecureIgnoreSCT": True})), A, ""),
    ("two identities, legacy", ["sig"], ivp([SIGNED], attestors=with_cosign(keyless={"identities": [WHO, WHO]})), A, ""),
    ("two identities, bundle", ["bundle"], ivp([SIGNED], attestors=with_cosign(keyless={"identities": [WHO, WHO]})), D, "not satisfied"),
    ("a variable", ["sig"], ivp(["variables.ok"], variables=[{"name": "ok", "expression": SIGNED}]), A, ""),
    ("a variable that fails and is not used", ["sig"], ivp([SIGNED], variables=[{"name": "x", "expression": "object.a.b"}]), A, ""),
    ("a variable that fails and is used", ["sig"], ivp(["variables.x"], variables=[{"name": "x", "expression": "object.a.b"}]), D, "an expression failed"),
    ("a cluster function", ["sig"], ivp(['resource.get("v1", "pods", "n", "x") == 1']), U, "the function get"),
    ("an unknown function", ["sig"], ivp(["foo(1)"]), U, "the function foo"),
    ("optional syntax", ["sig"], ivp(["object.?a.orValue(true)"]), U, "CEL"),
    ("an attestor that is not there", ["sig"], ivp([SIGNED.replace("gha", "other")]), D, "an expression failed"),
    ("an image that is not there", ["sig"], ivp(['verifyImageSignatures("x/y:1", [attestors.gha]) > 0']), U, "no image of the object"),
    ("matchConditions do not hold", [], ivp([SIGNED], matchConditions=[{"name": "c", "expression": "has(object.metadata.labels)"}]), W, "no policy selects"),
    ("matchConditions hold", ["sig"], ivp([SIGNED], matchConditions=[{"name": "c", "expression": 'object.metadata.name == "w"'}]), A, ""),
    ("another image", [], ivp([SIGNED], matchImageReferences=[{"glob": "docker.io/*"}]), W, "no policy selects"),
    ("by expression", ["sig"], ivp([SIGNED], matchImageReferences=[{"expression": 'ref.startsWith("ghcr.io/")'}]), A, ""),
    ("every image", ["sig"], ivp([SIGNED], matchImageReferences=[]), A, ""),
    ("parts of an image", ["sig"], ivp([SIGNED, 'images.containers.all(i, image(i).registry() == "ghcr.io" && image(i).repository() == "acme/app" && image(i).tag() == "v1" && image(i).identifier() == "v1" && image(i).digest() == "" && !image(i).containsDigest())']), A, ""),
    ("required, and nobody asked", ["sig"], ivp(["true"]), D, "unverified image"),
    ("not required, and nobody asked", [], ivp(["true"], **LOOSE), W, "no expression verified"),
    ("a digest is asked for", ["sig"], ivp([SIGNED], validationConfigurations={"mutateDigest": False}), D, "missing digest"),
    ("another mode", [], ivp([SIGNED], evaluation={"mode": "JSON"}), W, "no policy selects"),
    ("not at admission", [], ivp([SIGNED], evaluation={"admission": {"enabled": False}}), W, "no policy selects"),
    ("other objects", [], ivp([SIGNED], matchConstraints={"resourceRules": []}), W, "no policy selects"),
    ("excluded objects", [], ivp([SIGNED], matchConstraints={**CONSTRAINTS, "excludeResourceRules": CONSTRAINTS["resourceRules"]}), W, "no policy selects"),
    ("other labels", [], ivp([SIGNED], matchConstraints={**CONSTRAINTS, "objectSelector": {"matchLabels": {"a": "b"}}}), W, "no policy selects"),
    ("a namespace selector", [], ivp([SIGNED], matchConstraints={**CONSTRAINTS, "namespaceSelector": {"matchLabels": {"a": "b"}}}), U, "namespaceSelector"),
    ("of a namespace", ["sig"], ivp([SIGNED], kind="NamespacedImageValidatingPolicy"), A, ""),
    ("own extractors", ["sig"], ivp(["images.extra.all(i, verifyImageSignatures(i, [attestors.gha]) > 0)"], images=[{"name": "extra", "expression": "[object.spec.containers[0].image]"}]), A, ""),
    ("own extractors of other images", ["sig"], ivp([SIGNED], images=[{"name": "extra", "expression": '["x/y"]'}]), U, "own extractors"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "names_", "data", "decision", "words"), IVP_TABLE, ids=[one[0] for one in IVP_TABLE])
def test_image_policies(
    maker: Maker,
    attached_: dict[str, Attachment],
    name: str,
    names_: list[str],
    data: bytes,
    decision: Decision,
    words: str,
) -> None:
    """One line, one meaning of the engine."""
    found = rulings(maker, [attached_[one] for one in names_], data, surroundings=in_process(maker))
    assert {one.decision for one in found} == {decision}, found
    assert any(words in one.reason for one in found), found


def test_its_own_trust(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """A trusted root, or keys and certificates, of the policy's own stand for the public ones."""
    empty = in_process(maker)
    nobody = replace(empty, roots=())

    def pem(der: bytes) -> str:
        return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(der).decode()}-----END PUBLIC KEY-----\n"

    def chain(certificates: tuple[bytes, ...]) -> str:
        return "".join(x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM).decode() for one in certificates)

    root = {"value": encode_trusted_root(maker.root).decode()}
    own = ivp([SIGNED], attestors=with_cosign(**TRUSTED, trustedRoot=root))
    assert rulings(maker, [attached_["sig"]], own, surroundings=nobody)[0].decision is A
    ca, tsa = maker.root.certificate_authorities[0], maker.root.timestamp_authorities[0]
    logs = {
        "url": "https://r",
        "rekorPubKey": pem(maker.root.logs[0].key),
        "ctLogPubKey": pem(maker.root.ct_logs[0].key),
        "tsaCertChain": chain(tsa.certificates),
    }
    parts = with_cosign(keyless={"identities": [WHO], "roots": chain(ca.certificates)}, ctlog=logs)
    assert rulings(maker, [attached_["sig"]], ivp([SIGNED], attestors=parts), surroundings=nobody)[0].decision is A
    elsewhere = ivp([SIGNED], attestors=with_cosign(**TRUSTED, trustedRoot={"expression": "x"}))
    assert rulings(maker, [attached_["sig"]], elsewhere, surroundings=nobody)[0].decision is U
    roots = {
        "keyless": {
            **WHO,
            "roots": chain(ca.certificates),
            "rekor": {**REKOR, "pubkey": logs["rekorPubKey"]},
            "ctlog": {"pubkey": logs["ctLogPubKey"]},
        }
    }
    assert rulings(maker, [attached_["sig"]], cpol(verify(roots)), surroundings=nobody)[0].decision is A


def test_controllers_and_exceptions(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """Rules about pods are made for controllers too; an exception takes objects out."""
    given = in_process(maker)
    deployment = workload(IMAGE, kind="Deployment")
    cron = replace(deployment, kind="CronJob", document={"spec": {"jobTemplate": {"spec": {"template": {}}}}})
    for made in (deployment, cron):
        assert rulings(maker, [attached_["sig"]], ivp([SIGNED]), workload=made, surroundings=given)[0].decision is A
    none = ivp([SIGNED], autogen={"podControllers": {"controllers": []}})
    assert rulings(maker, [], none, workload=deployment, surroundings=given)[0].decision is W
    exception = yaml.safe_dump(
        {
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "PolicyException",
            "metadata": {"name": "e"},
            "spec": {"policyRefs": [{"name": "i"}], "matchConditions": [{"expression": 'object.metadata.name == "w"'}]},
        }
    ).encode()
    (ruling,) = rulings(maker, [], ivp([SIGNED]), exception, surroundings=given)
    assert "no policy selects" in ruling.reason
    assert "policyRefs" in refusal(exception.replace(b"policyRefs", b"other"), ivp([SIGNED]))


def test_missing_evidence(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """Unknown, never a denial; nor an admission by what would not be looked at if there were a bundle."""
    finding = Finding(code="network-failed", what="no answer")
    given = in_process(maker)
    assert rulings(maker, [], ivp([SIGNED]), evidence={"findings": (finding,)}, surroundings=given)[0].decision is U
    made = ENGINE.judge(ENGINE.read([ivp([SIGNED])]), workload(IMAGE), {}, given)
    assert made[0].decision is U
    for more, decision in (({}, A), ({"findings": (finding,)}, U)):
        found = rulings(maker, [attached_["sig"]], ivp([SIGNED]), evidence=more, surroundings=given)
        assert found[0].decision is decision


class InProcess:
    """The child's code in this process, so that its lines are seen; another test runs the child itself."""

    def rego(self, *_: Any, **__: Any) -> Any:
        """See `Languages.rego`."""
        raise AssertionError

    def cel(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Languages.cel`."""
        from sigstep.engines.kyverno.cel_child import _Policy

        return {"policies": [_Policy(one).run() for one in json.loads(json.dumps(request))["policies"]]}


class Broken(InProcess):
    """No answer in time."""

    def cel(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Languages.cel`."""
        raise Undecided(code="cel-failed", what="it took too long")


def in_process(maker: Maker) -> Surroundings:
    """Surroundings that evaluate CEL here."""
    return surroundings(maker, languages=InProcess())


def test_the_child_process(maker: Maker, attached_: dict[str, Attachment]) -> None:
    """One request in, one answer out; a child that fails leaves the verdict unknown."""
    assert rulings(maker, [attached_["sig"]], ivp([SIGNED]))[0].decision is A
    (ruling,) = rulings(maker, [attached_["sig"]], ivp([SIGNED]), surroundings=surroundings(maker, languages=Broken()))
    assert ruling.decision is U
