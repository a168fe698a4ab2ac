"""Connaisseur: what its start-up refuses, which rule decides, and what its validators would say."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.attached import ISSUER, WORKFLOW, Maker, attachment, evidence, surroundings, workload
from tests.sandboxes import sandbox

from sigstep.engines.connaisseur.engine import ENGINE
from sigstep.engines.connaisseur.judging import best_rule
from sigstep.errors import FormatError
from sigstep.model.digest import Digest
from sigstep.model.verdict import Finding
from sigstep.policy.engine import Attachment, Ruling, Storage, Surroundings, Unjudged
from sigstep.policy.judging import Decision
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import ephemeral_key

__all__ = ["sandbox"]
IMAGE, DIGEST = "ghcr.io/acme/app:v1", Digest.of(b"image")
KEY, P384 = ephemeral_key(), ephemeral_key("ecdsa-p384")
ALLOW = {"name": "allow", "type": "static", "approve": True}
DENY = {"name": "deny", "type": "static", "approve": False}
GHA = {"name": "gha", "keyless": {"issuer": ISSUER, "subject": WORKFLOW}}
OPS = {"name": "ops", "key": KEY.public_pem}
KMS = {"name": "kms", "key": "awskms:///x"}
ANY = {"name": "any", "keyless": {"issuerRegex": "actions", "subjectRegex": "acme"}}


def cosign(*roots: Any, **more: Any) -> dict[str, Any]:
    """A validator for cosign."""
    return {"name": "c", "type": "cosign", "trustRoots": list(roots), **more}


def config(validators: list[Any], rules: list[Any], **more: Any) -> bytes:
    """A configuration."""
    return yaml.safe_dump({"validators": validators, "policy": rules, **more}).encode()


def one(*roots: Any, validator: Any = None, **options: Any) -> bytes:
    """A configuration with one rule for everything."""
    chosen = validator or cosign(*roots)
    return config([chosen], [{"pattern": "*:*", "validator": chosen["name"], "with": options}])


def refusal(data: bytes) -> str:
    """Why it is refused."""
    with pytest.raises(FormatError) as caught:
        ENGINE.read([data])
    assert caught.value.code == "engine-policy"
    return caught.value.why


RULE = {"pattern": "*:*", "validator": "allow"}
REFUSED: list[tuple[list[Any], list[Any], dict[str, Any], str]] = [
    ([], [RULE], {}, "Validators must contain at least 1 item"),
    ([ALLOW], [], {}, "Rules must contain at least 1 item"),
    ([{"type": "static"}], [RULE], {}, "validator is missing a name"),
    ([{"name": "x"}], [RULE], {}, "validator is missing a type"),
    ([{"name": 5, "type": "static"}], [RULE], {}, "validators[0].name: Invalid value"),
    ([{"name": "", "type": "static"}], [RULE], {}, "Name is a required field"),
    ([{"name": "x", "type": "stati"}], [RULE], {}, 'unsupported type "stati" for validator'),
    ([{**ALLOW, "invalid": 1}], [RULE], {}, "field invalid not found in type staticvalidator"),
    ([{**ALLOW, "approve": "yes"}], [RULE], {}, "approve: Invalid value"),
    ([ALLOW], [RULE], {"surprise": 1}, 'unknown field "surprise"'),
    ([cosign()], [RULE], {}, "no trust roots provided for validator c"),
    ([cosign({"name": "x"})], [RULE], {}, "Key must be set if [Cert Keyless] isn't"),
    ([cosign({"key": "x"})], [RULE], {}, "Name is a required field"),
    ([cosign({**GHA, "key": "x"})], [RULE], {}, "Key must not be set if Keyless is"),
    ([cosign({"name": "x", "keyless": {"issuer": "a"}})], [RULE], {}, "Subject must be set if SubjectRegex isn't"),
    (
        [cosign({"name": "x", "keyless": {"issuer": "a", "issuerRegex": "b", "subject": "c"}})],
        [RULE],
        {},
        "Issuer must not be set if IssuerRegex is",
    ),
    ([cosign(GHA, host={"rekor": ":\\\\"})], [RULE], {}, "invalid url for rekor"),
    ([cosign(GHA, host={"rekor": {}})], [RULE], {}, "cannot unmarshal"),
    ([cosign(GHA, host={"rekorPubkey": "x"})], [RULE], {}, "error adding rekor public key"),
    ([cosign(GHA, host={"ctLogPubkey": "x"})], [RULE], {}, "error adding ct log public key"),
    ([cosign(GHA, host={"fulcioCert": "x"})], [RULE], {}, "invalid fulcio certificate for validator c"),
    ([cosign(GHA, cert="x")], [RULE], {}, "invalid certificate for validator c"),
    ([cosign(GHA, auth={"surprise": 1})], [RULE], {}, "unknown field"),
    ([ALLOW], [{"validator": "allow"}], {}, "Pattern is a required field"),
    ([ALLOW], [{"pattern": "[a"}], {}, "is no glob"),
    ([ALLOW], [{"pattern": "a", "with": {"key": "x"}}], {}, 'unknown field "policy[0].with.key"'),
    ([ALLOW], [{"pattern": "a", "with": {"threshold": -1}}], {}, "Threshold must be 0 or greater"),
    ([ALLOW], [{"pattern": "a", "with": {"mode": "both"}}], {}, "ValidationMode must be one of"),
    ([ALLOW], [{"pattern": "a", "with": {"required": []}}], {}, "Required must contain at least 1 item"),
    (
        [ALLOW],
        [{"pattern": "a", "with": {"required": ["a"], "delegations": ["b"]}}],
        {},
        "Required must not be set if Delegations is",
    ),
]


@pytest.mark.parametrize(("validators", "rules", "more", "words"), REFUSED)
def test_refused(validators: list[Any], rules: list[Any], more: dict[str, Any], words: str) -> None:
    """Every demand of the start-up, with its meaning."""
    assert words in refusal(config(validators, rules, **more))


def test_other_files() -> None:
    """No document, several, or no mapping."""
    for data in (b"", b"a: 1\n---\nb: 1\n", b"- a\n"):
        assert "document" in refusal(data)
    assert "unknown field" in refusal(yaml.safe_dump({"application": {}, "surprise": 1}).encode())


CHOICES = [
    ("docker.io/*:*", "index.docker.io"),
    ("registry.k8s.io/*:*", ""),
    ("my.registry/*", ""),
    ("my.registry/test", ""),
    ("ghcr.io/acme/app:v*", ""),
    ("ghcr.io/acme/*", ""),
    ("*:*", ""),
]


@pytest.mark.parametrize(
    ("image", "pattern"),
    [
        ("registry.io/image:tag", "*:*"),
        ("registry.k8s.io/image", "registry.k8s.io/*:*"),
        ("evil.example/registry.k8s.io/x:1", "registry.k8s.io/*:*"),
        ("image", "docker.io/*:*"),
        ("my.registry/test:tag", "my.registry/test"),
        ("my.registry/test-evil:tag", "my.registry/test"),
        ("my.registry/abc:tag", "my.registry/*"),
        ("ghcr.io/acme/app:v2", "ghcr.io/acme/app:v*"),
        ("ghcr.io/acme/app:latest", "ghcr.io/acme/*"),
    ],
)
def test_the_most_specific_rule(image: str, pattern: str) -> None:
    """More parts, then longer common beginnings; patterns are open at both ends."""
    read = ENGINE.read([config([ALLOW], [{"pattern": one} for one, _ in CHOICES])])
    found = best_rule(read, image)
    assert found is not None
    assert found.pattern == pattern


def test_ties_and_too_many_parts() -> None:
    """The later of two equal rules decides; on too many parts the engine fails."""
    tie = ENGINE.read([config([ALLOW, DENY], [{"pattern": "*:*"}, {"pattern": "*:*", "validator": "deny"}])])
    found = best_rule(tie, "a")
    assert found is not None
    assert found.validator == "deny"
    longer = ENGINE.read([config([ALLOW], [{"pattern": "{a/b/c/d/e,*}"}])])
    with pytest.raises(Unjudged):
        best_rule(longer, "a/b")


@pytest.fixture(scope="module")
def maker(sandbox: Sandbox) -> Maker:
    """Signs in the sandbox."""
    return Maker(sandbox)


@pytest.fixture(scope="module")
def attached(maker: Maker) -> dict[str, Attachment]:
    """One of everything."""
    legacy = Storage.LEGACY_SIGNATURE
    return {
        "sig": attachment(maker.signature(DIGEST), legacy),
        "sig2": attachment(maker.signature(DIGEST), legacy),
        "key": attachment(maker.signature(DIGEST, key=KEY), legacy),
        "evil": attachment(maker.signature(DIGEST, repository="evil/app"), legacy),
        "att": attachment(maker.statement(DIGEST, "https://slsa.dev/provenance/v1"), Storage.LEGACY_ATTESTATION),
        "bundle": attachment(maker.statement(DIGEST), Storage.REFERRER),
    }


def rule(maker: Maker, attachments: list[Attachment], data: bytes, **more: Any) -> Ruling:
    """The only ruling."""
    given: Surroundings = more.pop("surroundings", None) or surroundings(maker)
    found = {IMAGE: evidence(IMAGE, DIGEST, *attachments, **more.pop("evidence", {}))}
    rulings = ENGINE.judge(ENGINE.read([data]), more.pop("workload", workload(IMAGE)), found, given)
    assert len(rulings) == 1
    return rulings[0]


A, D, U, W = Decision.ADMIT, Decision.DENY, Decision.UNKNOWN, Decision.WARN
TABLE: list[tuple[str, list[str], bytes, Decision, str]] = [
    ("static allow", [], one(validator=ALLOW), A, "static allow"),
    ("static deny", ["sig"], one(validator=DENY), D, "static deny"),
    ("no rule", ["sig"], config([ALLOW], [{"pattern": "other/*"}]), D, "no matching rule"),
    ("no validator", ["sig"], config([ALLOW], [{"pattern": "*:*"}]), D, 'validator "default" not found'),
    ("keyless", ["sig"], one(GHA, trustRoot="gha"), A, ""),
    ("regular expressions are not anchored", ["sig"], one(ANY, trustRoot="any"), A, ""),
    ("another signer", ["evil"], one(GHA, trustRoot="gha"), D, "no signed digests"),
    ("nothing", [], one(GHA, trustRoot="gha"), D, "nothing is attached"),
    ("bundles are not read", ["bundle"], one(GHA, trustRoot="gha"), D, "bundle by referrers"),
    ("attestations are not read", ["att"], one(GHA, trustRoot="gha"), D, "legacy attestation"),
    ("the default trust root", ["sig"], one(GHA), D, "unable to find trust root default"),
    ("a key in the log", ["key"], one(OPS, trustRoot="ops"), A, ""),
    ("a key takes no certificate", ["sig"], one(OPS, trustRoot="ops"), D, "no signed digests"),
    ("only the named trust root", ["key"], one(OPS, GHA, trustRoot="gha"), D, "no signed digests"),
    ("without the log a certificate has to be valid now", ["sig"], one(GHA, trustRoot="gha", verifyInTransparencyLog=False), A, ""),
    ("without SCTs", ["sig"], one(GHA, trustRoot="gha", verifySCT=False), A, ""),
    ("all trust roots", ["sig"], one(GHA, OPS, trustRoot="*"), D, "threshold not reached (1/2)"),
    ("all trust roots, both there", ["sig", "key"], one(GHA, OPS, trustRoot="*"), A, ""),
    ("threshold", ["sig"], one(GHA, OPS, trustRoot="*", threshold=1), A, ""),
    ("two signatures of one signer", ["sig", "sig2"], one(GHA, OPS, trustRoot="*", threshold=2), U, "2 signatures of 1"),
    ("a threshold for one trust root is not looked at", ["sig"], one(GHA, trustRoot="gha", threshold=5), A, ""),
    ("required", ["sig"], one(GHA, OPS, trustRoot="*", required=["gha"]), A, ""),
    ("required is missing", ["key"], one(GHA, OPS, trustRoot="*", required=["gha"], threshold=2), D, "missing required signatures from gha"),
    ("required, and a threshold", ["sig", "key"], one(GHA, OPS, trustRoot="*", required=["gha"], threshold=2), A, ""),
    ("required is not there", [], one(GHA, trustRoot="*", required=["other"]), D, "unable to find trust root other"),
    ("a key that is not used with sha256 alone", ["key"], one({"name": "x", "key": P384.public_pem}, trustRoot="x"), U, "sha256 is asked for"),
    ("a key in a KMS", ["key"], one(KMS, trustRoot="kms"), U, "awskms"),
    ("a key in a KMS, not needed", ["sig"], one(KMS, GHA, trustRoot="*", threshold=1), A, ""),
    ("a key that cannot be loaded", ["key"], one({"name": "x", "key": "y"}, trustRoot="x"), D, "no key that can be loaded"),
    ("a malformed expression", ["key"], one({"name": "x", "keyless": {"issuerRegex": "(", "subject": "s"}}, trustRoot="x"), D, "IssuerRegex"),
    ("the tag stays", ["sig"], one(GHA, trustRoot="gha", mode="insecureValidateOnly"), A, "the tag stays"),
    ("notary", ["sig"], one(validator={"name": "n", "type": "notaryv1"}), U, "notaryv1"),
    ("detection mode", [], yaml.safe_dump({"application": {"validators": [DENY], "policy": [{"pattern": "*:*", "validator": "deny"}], "features": {"detectionMode": True}}, "kubernetes": {}}).encode(), W, "static deny"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "names", "data", "decision", "words"), TABLE, ids=[one[0] for one in TABLE])
def test_rulings(
    maker: Maker,
    attached: dict[str, Attachment],
    name: str,
    names: list[str],
    data: bytes,
    decision: Decision,
    words: str,
) -> None:
    """One line, one meaning of the engine."""
    ruling = rule(maker, [attached[one] for one in names], data)
    assert (ruling.decision, words in ruling.reason) == (decision, True), ruling
    assert bool(ruling.unjudged) is (decision is U)


def test_an_instance_of_its_own(maker: Maker, attached: dict[str, Attachment]) -> None:
    """Keys and certificates of the validator stand for the public ones."""

    def pem(der: bytes) -> str:
        return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(der).decode()}-----END PUBLIC KEY-----\n"

    certificates = maker.root.certificate_authorities[0].certificates
    host = {
        "rekorPubkey": pem(maker.root.logs[0].key),
        "ctLogPubkey": pem(maker.root.ct_logs[0].key),
        "fulcioCert": "".join(
            x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM).decode() for one in certificates
        ),
    }
    empty = surroundings(maker)
    nobody = Surroundings(now=empty.now, roots=(), prover=empty.prover, languages=empty.languages)
    own = one(validator=cosign(GHA, OPS, host=host), trustRoot="*", threshold=2)
    assert rule(maker, [attached["sig"], attached["key"]], own, surroundings=nobody).decision is A
    assert rule(maker, [attached["evil"]], own, surroundings=nobody).decision is D
    assert rule(maker, [attached["sig"]], one(GHA, trustRoot="gha"), surroundings=nobody).decision is D


def test_what_is_not_known(maker: Maker) -> None:
    """Missing evidence is unknown where the answer depends on it."""
    finding = Finding(code="network-failed", what="no answer")
    asked = one(GHA, trustRoot="gha")
    assert rule(maker, [], asked, evidence={"findings": (finding,)}).decision is U
    assert rule(maker, [], one(validator=DENY), evidence={"findings": (finding,)}).decision is D
    read = ENGINE.read([asked])
    assert ENGINE.judge(read, workload(IMAGE), {}, surroundings(maker))[0].decision is U


def test_what_is_not_looked_at(maker: Maker) -> None:
    """Image volumes, ephemeral containers of controllers, other kinds, and Deployments where only Pods are."""
    made = workload(IMAGE, kind="Deployment")
    spec = {**made.spec, "volumes": [{"image": {"reference": IMAGE}}]}
    pods_only = yaml.safe_dump(
        {"application": {"validators": [ALLOW], "policy": [RULE], "features": {"resourceValidationMode": "podsOnly"}}}
    ).encode()
    assert rule(maker, [], pods_only, workload=made).seen is False
    from dataclasses import replace

    volume = replace(made.images[0], place="volumes")
    debug = replace(made.images[0], place="ephemeralContainers")
    for image in (volume, debug):
        ruling = rule(maker, [], one(validator=DENY), workload=replace(made, images=(image,), spec=spec))
        assert (ruling.decision, ruling.seen) == (W, False)
    assert rule(maker, [], one(validator=DENY), workload=replace(made, kind="PodTemplate")).seen is False


def test_keys_are_named() -> None:
    """So that a collector proves against them."""
    assert [one.key for one in ENGINE.read([one(OPS, GHA)]).keys] == [KEY.spki]
