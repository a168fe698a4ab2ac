"""ClusterImagePolicy: what the API server and the webhook refuse, and what the webhook would say of an image."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.attached import (
    ISSUER,
    PROVENANCE,
    WORKFLOW,
    Maker,
    attachment,
    evidence,
    surroundings,
    workload,
)
from tests.sandboxes import sandbox

from sigstep.engines.cluster_image_policy.engine import ENGINE
from sigstep.errors import FormatError
from sigstep.model.digest import Digest
from sigstep.model.verdict import Finding
from sigstep.policy.engine import Attachment, Ruling, Storage, Surroundings
from sigstep.policy.judging import Decision
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import ephemeral_key

__all__ = ["sandbox"]
IMAGE, DIGEST = "ghcr.io/acme/app:v1", Digest.of(b"image")
KEY = ephemeral_key()
WHO = {"issuer": ISSUER, "subject": WORKFLOW}
CUSTOM = "https://acme.example/check/v1"
LEGACY, BUNDLE = Storage.LEGACY_ATTESTATION, Storage.REFERRER


def policy(*authorities: Any, **spec: Any) -> bytes:
    """A policy about the image."""
    whole = {"images": [{"glob": "ghcr.io/acme/**"}], "authorities": list(authorities), **spec}
    return document("ClusterImagePolicy", "v1beta1", spec=whole)


def document(kind: str, version: str, name: str = "p", **more: Any) -> bytes:
    """An object of the engine's group, or of the core."""
    group = "policy.sigstore.dev/" if kind in ("ClusterImagePolicy", "TrustRoot") else ""
    return yaml.safe_dump({"apiVersion": group + version, "kind": kind, "metadata": {"name": name}, **more}).encode()


def keyless(**more: Any) -> dict[str, Any]:
    """An authority for the workflow."""
    return {"keyless": {"identities": [WHO], **more.pop("keyless", {})}, **more}


def refusal(*documents: bytes) -> str:
    """Why the files are refused."""
    with pytest.raises(FormatError) as caught:
        ENGINE.read(documents)
    assert caught.value.code == "engine-policy"
    return caught.value.why


AUTHORITY = "spec.authorities[0]"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"images": []}, "missing field(s): spec.images"),
    ({"images": [{"glob": ""}]}, "missing field(s): spec.images[0].glob"),
    ({"images": [{"glob": "["}]}, "invalid value: [: spec.images[0].glob"),
    ({"images": [{"glob": "a?b"}]}, "invalid value: a?b: spec.images[0].glob"),
    ({"mode": "garbage"}, "validation failed: invalid value: garbage: spec.mode"),
    ({"mode": 5}, "spec.mode: Invalid value: must be of type string"),
    ({"surprise": 1}, 'unknown field "spec.surprise"'),
    ({"match": [{"resource": "apple"}]}, "invalid value: apple: spec.match[0].resource"),
    ({"match": [{"selector": {"matchLabels": {"a": "b"}}}]}, "spec.match[0].selector"),
    ({"match": [{"resource": "pods", "selector": {"matchExpressions": []}}]}, "matchExpressions"),
    ({"authorities": []}, "missing field(s): spec.authorities"),
    ({"policy": {"type": "cue", "data": "a: 1", "remote": {"url": "https://x", "sha256sum": "0" * 64}}}, "got both"),
    ({"policy": {"type": "lua", "data": "a: 1"}}, "invalid value: lua: spec.policy.type"),
    ({"policy": {"type": "cue"}}, "got neither: spec.policy.configMapRef, spec.policy.data, spec.policy.remote"),
    ({"policy": {"type": "cue", "configMapRef": {}}}, "missing field(s): spec.policy.configMapRef.name"),
    ({"policy": {"type": "cue", "remote": {"url": "http://x"}}}, "invalid value: http://x: spec.policy.remote.url"),
    ({"policy": {"type": "cue", "remote": {"url": "https://x", "sha256sum": "0"}}}, "spec.policy.remote.sha256sum"),
]
REFUSED_AUTHORITIES: list[tuple[Any, str]] = [
    ({}, f"expected exactly one, got neither: {AUTHORITY}.key, {AUTHORITY}.keyless, {AUTHORITY}.static"),
    ("x", f"{AUTHORITY}: Invalid value"),
    (
        {"key": {"data": KEY.public_pem}, "static": {"action": "pass"}},
        f"got both: {AUTHORITY}.key, {AUTHORITY}.keyless, {AUTHORITY}.static",
    ),
    ({"key": {}}, f"got neither: {AUTHORITY}.key.data, {AUTHORITY}.key.kms, {AUTHORITY}.key.secretref"),
    ({"key": {"kms": "gcpkms://a", "secretRef": {"name": "x"}}}, "got both"),
    ({"key": {"data": "x"}}, f"validation failed: invalid value: x: {AUTHORITY}.key.data"),
    ({"key": {"data": KEY.public_pem, "hashAlgorithm": "md5"}}, f"invalid value: md5: {AUTHORITY}.key.hashAlgorithm"),
    ({"key": {"kms": "awskms:///alias/x"}}, f"invalid value: awskms:///alias/x: {AUTHORITY}.key.kms"),
    ({"key": {"kms": "awskms://nowhere:80"}, "name": "n"}, f"invalid value: awskms://nowhere:80: {AUTHORITY}.key.kms"),
    ({"static": {}}, f"missing field(s): {AUTHORITY}.static.action"),
    ({"static": {"action": "maybe"}}, f"invalid value: maybe: {AUTHORITY}.static.action"),
    ({"static": {"action": "pass"}, "ctlog": {}}, f"got both: {AUTHORITY}.ctlog, {AUTHORITY}.static"),
    ({"keyless": {}}, f"{AUTHORITY}.keyless.identities: Invalid value"),
    ({"keyless": {"identities": []}}, f"missing field(s): {AUTHORITY}.keyless.identities"),
    (
        keyless(keyless={"url": "https://f", "ca-cert": {"secretRef": {"name": "x"}}}),
        f"got both: {AUTHORITY}.keyless.ca-cert, {AUTHORITY}.keyless.url",
    ),
    (
        {"keyless": {"identities": [{"issuer": "a", "issuerRegExp": "b", "subject": "c"}]}},
        f"got both: {AUTHORITY}.keyless.identities[0].issuer, {AUTHORITY}.keyless.identities[0].issuerRegExp",
    ),
    ({"keyless": {"identities": [{"issuer": "a"}]}}, f"missing field(s): {AUTHORITY}.keyless.identities[0].subject"),
    ({"keyless": {"identities": [{"issuer": "a", "subjectRegExp": "**"}]}}, "invalid value: **: "),
    (keyless(signatureFormat="new"), f"invalid value: new: {AUTHORITY}.signatureFormat"),
    (keyless(source=[{"oci": "a"}, {"oci": "b"}]), f"{AUTHORITY}.source"),
    (keyless(source=[{"oci": "A B"}]), f"invalid value: A B: {AUTHORITY}.source[0].oci"),
    (keyless(source=[{"signaturePullSecrets": [{}]}]), "missing field(s)"),
    (keyless(attestations=[{}]), f"missing field(s): {AUTHORITY}.attestations[0].predicateType"),
    (keyless(attestations=[{"name": "a", "predicateType": "no uri"}]), "invalid value: no uri"),
    (
        keyless(
            attestations=[
                {
                    "name": "a",
                    "predicateType": CUSTOM,
                    "policy": {"type": "cue", "data": "a: 1", "includeSpec": True},
                }
            ]
        ),
        f"must not set the field(s): {AUTHORITY}.attestations[0].policy.includeSpec",
    ),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_refused(change: dict[str, Any], words: str) -> None:
    """Every demand on the policy itself, with the engine's meaning."""
    assert words in refusal(policy(*change.pop("authorities", [keyless()]), **change))


@pytest.mark.parametrize(("authority", "words"), REFUSED_AUTHORITIES)
def test_refused_authorities(authority: Any, words: str) -> None:
    """Every demand on an authority."""
    assert words in refusal(policy(authority))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (document("ClusterImagePolicy", "v2", spec={}), "no matches for kind"),
        (document("TrustRoot", "v1beta1", spec={}), "no matches for kind"),
        (document("Pod", "v1"), "is no kind of this engine"),
        (document("ConfigMap", "v1", data={"a": "b"}), "there is no ClusterImagePolicy"),
        (b"- a\n", "a document is no object"),
        (document("Secret", "v1", data={"a": "!"}), "must be base64"),
    ],
)
def test_other_objects(data: bytes, words: str) -> None:
    """What is no policy of this engine is refused; nothing is admitted by an empty file."""
    assert words in refusal(data)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "got neither"),
        ({"remote": {}, "repository": {}}, "got both"),
        ({"sigstoreKeys": {"surprise": []}}, "unknown field"),
        ({"sigstoreKeys": {"tLogs": [{"baseURL": "x", "publicKey": "!"}]}}, "must be base64"),
        ({"sigstoreKeys": {"tLogs": [{"publicKey": base64.b64encode(b"x").decode()}]}}, "not a public key"),
    ],
)
def test_trust_roots_refused(spec: dict[str, Any], words: str) -> None:
    """A trust root that cannot be read is told, not skipped."""
    assert words in refusal(document("TrustRoot", "v1alpha1", spec=spec), policy(keyless()))


@pytest.fixture(scope="module")
def maker(sandbox: Sandbox) -> Maker:
    """Signs in the sandbox."""
    return Maker(sandbox)


@pytest.fixture(scope="module")
def attached(maker: Maker) -> dict[str, Attachment]:
    """One of everything."""
    made = {
        "sig": maker.signature(DIGEST),
        "key": maker.signature(DIGEST, key=KEY),
        "evil": maker.signature(DIGEST, repository="evil/app"),
        "att": maker.statement(DIGEST, PROVENANCE, {"builder": "good"}),
        "att2": maker.statement(DIGEST, PROVENANCE, {"builder": "bad"}),
        "custom": maker.statement(DIGEST, "https://cosign.sigstore.dev/attestation/v1", {"Data": "x"}),
        "signed": maker.statement(DIGEST),
    }
    found = {
        "sig": attachment(made["sig"], Storage.LEGACY_SIGNATURE),
        "key": attachment(made["key"], Storage.LEGACY_SIGNATURE),
        "evil": attachment(made["evil"], Storage.LEGACY_SIGNATURE),
        "custom": attachment(made["custom"], LEGACY),
        "signed": attachment(made["signed"], BUNDLE),
    }
    for name in ("att", "att2"):
        found[name] = attachment(made[name], LEGACY)
        found[f"{name} bundle"] = attachment(made[name], BUNDLE)
    broken = Finding(code="no-bundle", what="broken")
    return found | {
        "broken": Attachment(
            storage=LEGACY, artifact_type="", source="s", bundle=None, subject=made["sig"].subject, finding=broken
        )
    }


def rule(maker: Maker, attachments: list[Attachment], *documents: bytes, **more: Any) -> Ruling:
    """The only ruling about the image in a pod."""
    found = evidence(IMAGE, DIGEST, *attachments, **more.pop("evidence", {}))
    given: Surroundings = more.pop("surroundings", None) or surroundings(maker)
    rulings = ENGINE.judge(ENGINE.read(documents), more.pop("workload", workload(IMAGE)), {IMAGE: found}, given)
    assert len(rulings) == 1
    return rulings[0]


def prov(language: str = "cue", data: str = 'predicate: builder: "good"', **more: Any) -> dict[str, Any]:
    """Asks for provenance that satisfies a text."""
    return {
        "attestations": [{"name": "prov", "predicateType": PROVENANCE, "policy": {"type": language, "data": data}}],
        **more,
    }


REGO = "package sigstore\n"
SAYS = 'isCompliant[r] { r := {"result": %s, "warning": "%s", "error": "no"} }'
COUNT = 'authorityMatches: "authority-0": attestations: prov: [_]'
A, D, U, W = Decision.ADMIT, Decision.DENY, Decision.UNKNOWN, Decision.WARN
KEYED = {"key": {"data": KEY.public_pem}}
ALL = ["sig", "key", "evil", "att", "att2", "att bundle", "att2 bundle", "custom", "signed"]
TABLE: list[tuple[str, list[str], list[Any], dict[str, Any], Decision, str]] = [
    ("keyless signature", ["sig"], [keyless()], {}, A, ""),
    ("nothing", [], [keyless()], {}, D, "nothing is attached"),
    ("another signer", ["evil"], [keyless()], {}, D, "no matching signatures"),
    ("two signers, one good", ["evil", "sig"], [keyless()], {}, A, ""),
    ("a bundle is no legacy signature", ["signed", "att bundle"], [keyless()], {}, D, "bundle by referrers"),
    ("an attestation is no signature", ["att"], [keyless()], {}, D, "no matching signatures"),
    ("mode warn", [], [keyless()], {"mode": "warn"}, W, "no matching"),
    ("any authority", ["key"], [keyless(), KEYED], {}, A, ""),
    ("a key, no log", ["key"], [KEYED], {}, A, ""),
    ("a key, and a log", ["key"], [{**KEYED, "ctlog": {"url": "https://r"}}], {}, A, ""),
    ("a key does not take certificates", ["sig"], [KEYED], {}, D, "no matching"),
    ("regexp is not anchored", ["sig"], [{"keyless": {"identities": [{"issuerRegExp": "actions", "subjectRegExp": "acme"}]}}], {}, A, ""),
    ("regexp wins nothing here", ["sig"], [{"keyless": {"identities": [{"issuer": "x", "subjectRegExp": "."}]}}], {}, D, "no matching"),
    ("static pass", [], [{"static": {"action": "pass"}}], {}, A, ""),
    ("static fail", ALL, [{"static": {"action": "fail", "message": "never"}}], {}, D, "never"),
    ("attestation", ["att"], [keyless(**prov())], {}, A, ""),
    ("attestation without a text", ["att2"], [keyless(attestations=[{"name": "a", "predicateType": PROVENANCE}])], {}, A, ""),
    ("some attestation is enough", ["att2", "att"], [keyless(**prov())], {}, A, ""),
    ("no attestation satisfies", ["att2"], [keyless(**prov())], {}, D, "builder"),
    ("a missing field passes CUE", ["att2"], [keyless(**prov(data='predicate: level: "good"'))], {}, A, ""),
    ("a signature is not asked for", ["att"], [keyless(**prov())], {}, A, ""),
    ("another type", ["custom"], [keyless(**prov())], {}, D, "no matching attestations"),
    ("broken attachments prove nothing", ["broken"], [keyless(**prov())], {}, D, "no matching attestations"),
    ("a short name", ["custom"], [keyless(attestations=[{"name": "a", "predicateType": "custom", "policy": {"type": "cue", "data": 'predicate: Data: "x"'}}])], {}, A, ""),
    ("a short name that is rewritten", ["att"], [keyless(attestations=[{"name": "a", "predicateType": "slsaprovenance1", "policy": {"type": "cue", "data": "a: 1"}}])], {}, U, "short name"),
    ("bundle", ["att bundle"], [keyless(signatureFormat="bundle", **prov())], {}, A, ""),
    ("bundles are not legacy attestations", ["att bundle"], [keyless(**prov())], {}, D, "no matching"),
    ("legacy is no bundle", ["att"], [keyless(signatureFormat="bundle", **prov())], {}, D, "no matching"),
    ("a bundle's signature as attestation", ["signed"], [keyless(signatureFormat="bundle", attestations=[{"name": "s", "predicateType": "https://sigstore.dev/cosign/sign/v1"}])], {}, A, ""),
    ("bundle without attestations", ["signed"], [keyless(signatureFormat="bundle")], {}, D, "not yet implemented"),
    ("bundle with a key", ["att bundle"], [{**KEYED, "signatureFormat": "bundle", **prov()}], {}, D, "a key cannot"),
    ("bundle, two identities", ["att bundle"], [keyless(keyless={"identities": [WHO, WHO]}, signatureFormat="bundle", **prov())], {}, D, "multiple identities"),
    ("bundle, another trust root", ["att bundle"], [keyless(signatureFormat="bundle", ctlog={"trustRootRef": "x"}, **prov())], {}, D, "trust roots"),
    ("rego", ["att"], [keyless(**prov("rego", REGO + 'isCompliant { input.predicate.builder == "good" }'))], {}, A, ""),
    ("rego, a missing field fails", ["att"], [keyless(**prov("rego", REGO + "isCompliant { input.predicate.level }"))], {}, D, "not compliant"),
    ("rego, an object", ["att"], [keyless(**prov("rego", REGO + SAYS % ("true", "")))], {}, A, ""),
    ("rego, a warning is a failure", ["att"], [keyless(**prov("rego", REGO + SAYS % ("true", "careful")))], {}, D, "careful"),
    ("rego, an object that refuses", ["att"], [keyless(**prov("rego", REGO + SAYS % ("false", "")))], {}, D, "not compliant: no"),
    ("rego, something else", ["att"], [keyless(**prov("rego", REGO + "isCompliant[1] { true }"))], {}, D, "not compliant"),
    ("rego that cannot be read", ["att"], [keyless(**prov("rego", REGO + "isCompliant {"))], {}, U, "not evaluated"),
    ("cue that is not evaluated", ["att"], [keyless(**prov(data="#D: 1"))], {}, U, "CUE"),
    ("policy over results", ["att"], [keyless(**prov())], {"policy": {"type": "cue", "data": COUNT}}, A, ""),
    ("policy over results fails", ["att", "att2"], [keyless(**prov(data="a: 1"))], {"policy": {"type": "cue", "data": COUNT}}, D, "lists"),
    ("policy over who signed", ["sig"], [keyless()], {"policy": {"type": "rego", "data": REGO + 'isCompliant { input.authorityMatches["authority-0"].signatures[0].githubWorkflowRepo == "acme/app" }'}}, A, ""),
    ("bundles name no signer", ["att bundle"], [keyless(signatureFormat="bundle", **prov())], {"policy": {"type": "rego", "data": REGO + "isCompliant { input.authorityMatches[_].attestations.prov[0].issuer }"}}, D, "not compliant"),
    ("policy over static", [], [{"static": {"action": "pass"}}], {"policy": {"type": "cue", "data": 'authorityMatches: "authority-0": static: true'}}, A, ""),
    ("spec, metadata and types", ["sig"], [keyless()], {"policy": {"type": "cue", "includeSpec": True, "includeObjectMeta": True, "includeTypeMeta": True, "data": 'spec: containers: [_]\nmetadata: name: "w"\ntypemeta: kind: "Pod"'}}, A, ""),
    ("what the API server fills in", ["sig"], [keyless()], {"policy": {"type": "cue", "includeSpec": True, "data": 'spec: serviceAccount: "other"'}}, D, "conflicting"),
    ("types differ", ["sig"], [keyless()], {"policy": {"type": "cue", "includeTypeMeta": True, "data": 'typemeta: kind: "Job"'}}, D, "conflicting"),
    ("the configuration is not there", ["sig"], [keyless()], {"policy": {"type": "cue", "fetchConfigFile": True, "data": "config: _"}}, U, "configuration"),
    ("a text that is elsewhere", ["sig"], [keyless()], {"policy": {"type": "cue", "configMapRef": {"name": "c", "key": "k"}}}, U, "ConfigMap"),
    ("a text behind an address", ["sig"], [keyless()], {"policy": {"type": "cue", "remote": {"url": "https://x", "sha256sum": "0" * 64}}}, U, "https://x"),
    ("a key in a KMS", ["key"], [{"key": {"kms": "gcpkms://x"}}], {}, U, "gcpkms"),
    ("a key in a KMS, and another authority", ["sig"], [{"key": {"kms": "gcpkms://x"}}, keyless()], {}, A, ""),
    ("a key in a KMS, and a text over all", ["sig"], [{"key": {"kms": "gcpkms://x"}}, keyless()], {"policy": {"type": "cue", "data": "a: 1"}}, U, "gcpkms"),
    ("a key with another digest", ["key"], [{"key": {"data": KEY.public_pem, "hashAlgorithm": "sha512"}}], {}, U, "sha512"),
    ("a key in a secret", ["key"], [{"key": {"secretRef": {"name": "x"}}}], {}, U, "secret x"),
    ("an authority in a secret", ["sig"], [keyless(keyless={"ca-cert": {"secretRef": {"name": "x"}}})], {}, U, "secret x"),
    ("another authority's certificate", ["sig"], [keyless(keyless={"ca-cert": {"data": "x"}})], {}, D, "ca-cert"),
    ("a trust root that is not there", ["sig"], [keyless(keyless={"trustRootRef": "corp"}, ctlog={})], {}, U, "corp"),
    ("signatures in another repository", ["sig"], [keyless(source=[{"oci": "ghcr.io/acme/sigs"}])], {}, U, "ghcr.io/acme/sigs"),
    ("signatures with another tag", ["sig"], [keyless(source=[{"tagPrefix": "rel"}])], {}, U, "rel"),
    ("pull secrets change nothing", ["sig"], [keyless(source=[{"signaturePullSecrets": [{"name": "x"}]}])], {}, A, ""),
    ("a glob with a tag never matches", ["sig"], [keyless()], {"images": [{"glob": "ghcr.io/acme/app:v1"}]}, D, "no policy matches"),
    ("a glob for digests", ["sig"], [keyless()], {"images": [{"glob": "ghcr.io/acme/app@*"}]}, A, ""),
    ("about other objects", ["sig"], [keyless()], {"match": [{"group": "apps", "version": "v1", "resource": "deployments"}]}, D, "no policy matches"),
    ("about pods", ["sig"], [keyless()], {"match": [{"version": "*", "resource": "pods"}]}, A, ""),
    ("about labelled pods", ["sig"], [keyless()], {"match": [{"version": "v1", "resource": "pods", "selector": {"matchLabels": {"a": "b"}}}]}, D, "no policy matches"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "names", "authorities", "spec", "decision", "words"), TABLE, ids=[one[0] for one in TABLE]
)
def test_rulings(
    maker: Maker,
    attached: dict[str, Attachment],
    name: str,
    names: list[str],
    authorities: list[Any],
    spec: dict[str, Any],
    decision: Decision,
    words: str,
) -> None:
    """One line, one meaning of the engine."""
    ruling = rule(maker, [attached[one] for one in names], policy(*authorities, **spec))
    assert (ruling.decision, words in ruling.reason) == (decision, True), ruling
    assert bool(ruling.unjudged) is (decision is U)


def pem(root: Any, kind: str) -> str:
    """Base64 of a PEM, as Kubernetes writes bytes."""
    text = "".join(
        x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM).decode()
        for one in getattr(root, kind)[0].certificates
    )
    return base64.b64encode(text.encode()).decode()


def trust_root(maker: Maker) -> bytes:
    """The sandbox as a TrustRoot object."""

    def logs(found: Any) -> list[dict[str, str]]:
        made = []
        for one in found:
            body = base64.encodebytes(one.key).decode()
            text = f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"
            made.append({"baseURL": one.base_url, "publicKey": base64.b64encode(text.encode()).decode()})
        return made

    keys = {
        "certificateAuthorities": [{"certChain": pem(maker.root, "certificate_authorities")}],
        "timestampAuthorities": [{"certChain": pem(maker.root, "timestamp_authorities")}],
        "tLogs": logs(maker.root.logs),
        "ctLogs": logs(maker.root.ct_logs),
    }
    return document("TrustRoot", "v1alpha1", "corp", spec={"sigstoreKeys": keys})


@pytest.mark.parametrize(
    ("authority", "decision"),
    [
        (keyless(keyless={"trustRootRef": "corp"}, ctlog={"trustRootRef": "corp"}), A),
        (keyless(keyless={"trustRootRef": "corp"}, rfc3161timestamp={"trustRootRef": "corp"}), A),
        (keyless(keyless={"trustRootRef": "corp"}, ctlog={"url": "https://r"}), D),
        ({**KEYED, "ctlog": {"trustRootRef": "corp"}}, A),
        ({**KEYED, "rfc3161timestamp": {"trustRootRef": "corp"}}, A),
        (keyless(keyless={"trustRootRef": "corp"}, signatureFormat="bundle", **prov()), A),
    ],
)
def test_own_trust_root(maker: Maker, attached: dict[str, Attachment], authority: Any, decision: Decision) -> None:
    """Keys of a TrustRoot object stand for the public ones, which the sandbox is not here."""
    found = [attached["sig"], attached["key"], attached["att bundle"]]
    empty = surroundings(maker)
    nobody = Surroundings(now=empty.now, roots=(), prover=empty.prover, languages=empty.languages)
    assert rule(maker, found, trust_root(maker), policy(authority), surroundings=nobody).decision is decision
    named = Surroundings(
        now=empty.now, roots=(), prover=empty.prover, languages=empty.languages, trust={"corp": maker.root}
    )
    assert rule(maker, found, policy(authority), surroundings=named).decision is decision


def test_own_authority(maker: Maker, attached: dict[str, Attachment]) -> None:
    """A certificate of an authority stands for the public one; logs stay public."""
    chain = base64.b64decode(pem(maker.root, "certificate_authorities")).decode()
    authority = keyless(keyless={"ca-cert": {"data": chain}})
    assert rule(maker, [attached["sig"]], policy(authority)).decision is A
    secret = document("Secret", "v1", "ca", stringData={"cert": chain})
    authority = keyless(keyless={"ca-cert": {"secretRef": {"name": "ca"}}})
    assert rule(maker, [attached["sig"]], secret, policy(authority)).decision is A


def test_materials_of_the_files(maker: Maker, attached: dict[str, Attachment]) -> None:
    """Secrets, ConfigMaps and copies of remote texts that are in the files are used."""
    encoded = base64.b64encode(KEY.public_pem.encode()).decode()
    secret = document("Secret", "v1", "keys", data={"cosign.pub": encoded})
    assert rule(maker, [attached["key"]], secret, policy({"key": {"secretRef": {"name": "keys"}}})).decision is A
    text = 'typemeta: kind: "Job"'
    texts = document("ConfigMap", "v1", "texts", data={"policy": text})
    for where in (
        {"configMapRef": {"name": "texts", "key": "policy"}},
        {"remote": {"url": "https://x", "sha256sum": hashlib.sha256(text.encode()).hexdigest()}},
    ):
        whole = {"type": "cue", "includeTypeMeta": True, **where}
        assert rule(maker, [attached["sig"]], texts, policy(keyless(), policy=whole)).decision is D


@pytest.mark.parametrize(
    ("said", "default", "decision"), [("allow", "", A), ("warn", "", W), ("odd", "", D), ("", "allow", A)]
)
def test_no_policy_matches(maker: Maker, said: str, default: str, decision: Decision) -> None:
    """The controller's setting decides, or the caller's; what is odd denies."""
    settings = document("ConfigMap", "v1", "config-policy-controller", data={"no-match-policy": said})
    elsewhere = policy(keyless(), images=[{"glob": "other/**"}])
    given = surroundings(maker, default=default)
    assert rule(maker, [], settings, elsewhere, surroundings=given).decision is decision


def test_no_authorities(maker: Maker) -> None:
    """Where the controller is told to take such a policy, it admits everything."""
    settings = document("ConfigMap", "v1", "config-policy-controller", data={"fail-on-empty-authorities": "false"})
    assert rule(maker, [], settings, policy()).decision is A
    assert rule(maker, [], settings, policy(policy={"type": "cue", "data": "a: 1"})).decision is A


def test_the_configuration_of_the_image(maker: Maker, attached: dict[str, Attachment]) -> None:
    """By platform."""
    whole = {"type": "cue", "fetchConfigFile": True, "data": 'config: "linux/amd64": config: User: "65532"'}
    for user, decision in (("65532", A), ("0", D)):
        config = {"linux/amd64": {"config": {"User": user}}}
        data = policy(keyless(), policy=whole)
        assert rule(maker, [attached["sig"]], data, evidence={"config": config}).decision is decision


def test_what_is_not_known(maker: Maker, attached: dict[str, Attachment]) -> None:
    """An image that was not resolved, and attachments that could not be read: unknown, never admitted, never denied."""
    rules = ENGINE.read([policy(keyless())])
    assert ENGINE.judge(rules, workload(IMAGE), {}, surroundings(maker))[0].decision is U
    finding = Finding(code="network-failed", what="no answer")
    assert rule(maker, [], policy(keyless()), evidence={"findings": (finding,)}).decision is U
    assert rule(maker, [attached["sig"]], policy(keyless()), evidence={"findings": (finding,)}).decision is A
    over_all = policy(keyless(), policy={"type": "cue", "data": "_"})
    assert rule(maker, [attached["sig"]], over_all).decision is A
    assert rule(maker, [attached["sig"]], over_all, evidence={"findings": (finding,)}).decision is U


def test_every_image_and_every_policy(maker: Maker, attached: dict[str, Attachment]) -> None:
    """A good container does not admit another one; all matching policies have to pass."""
    good, bad = evidence(IMAGE, DIGEST, attached["sig"]), evidence("ghcr.io/acme/bad", Digest.of(b"bad"))
    rules = ENGINE.read([policy(keyless()), policy(KEYED)])
    made = workload(IMAGE, kind="Deployment", init=["ghcr.io/acme/bad"])
    rulings = ENGINE.judge(rules, made, {IMAGE: good, "ghcr.io/acme/bad": bad}, surroundings(maker))
    assert [one.decision for one in rulings] == [A, D, D, D]
    assert "/spec/template/spec/initContainers/0/image" in {one.pointer for one in rulings}


def test_kinds_that_the_webhook_is_not_asked_about(maker: Maker) -> None:
    """They are reported as not looked at."""
    made = workload(IMAGE)
    other = type(made)(**{**{name: getattr(made, name) for name in made.__slots__}, "kind": "PodTemplate"})
    ruling = rule(maker, [], policy(keyless()), workload=other)
    assert (ruling.decision, ruling.seen) == (W, False)


def test_keys_are_named() -> None:
    """So that a collector proves against them; a certificate gives its key."""
    assert [one.key for one in ENGINE.read([policy(KEYED, KEYED)]).keys] == [KEY.spki]
