"""Exports to the four engines: what each can say, what it refuses to say, and what has to be told with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator
from tests.unit.engines.exported import ENGINES, attested, export, objects, policy, refused, signed, warned
from tests.unit.engines.schemas import SCHEMAS

from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox
from sigstep.wire.trusted_root import trusted_root_of

CIP, KYVERNO, GATEKEEPER, CONNAISSEUR = ENGINES
EVERY = frozenset(ENGINES)
BUILD = "{path: predicate.buildDefinition.buildType, equals: x}"

# rule: the engines that refuse it (reference section 2.3), and more of the file
REFUSALS: dict[str, tuple[str, frozenset[str], str]] = {
    "one keyless identity, either format": (signed(), frozenset(), ""),
    "one keyless identity, legacy": (signed(more=", formats: [legacy]"), frozenset({GATEKEEPER}), ""),
    "one keyless identity, bundle": (signed(more=", formats: [bundle]"), frozenset({CONNAISSEUR}), ""),
    "regular expression": (signed("any-of: [tags]"), frozenset(), ""),
    "glob": (signed("any-of: [branch]"), frozenset(), ""),
    "several identities, any": (signed("any-of: [release, audit]"), frozenset(), ""),
    "all of distinct identities": (signed("all-of: [release, audit]"), frozenset(), ""),
    "all of identities that may be one": (signed("all-of: [release, branch]"), EVERY, ""),
    "at least two of three": (signed("at-least: 2, of: [release, audit, private]"), EVERY, ""),
    "at least one of two": (signed("at-least: 1, of: [release, audit]"), frozenset(), ""),
    "static key": (signed("any-of: [ops]"), frozenset({GATEKEEPER}), ""),
    "static key, bundle": (
        signed("any-of: [ops]", more=", formats: [bundle]"),
        frozenset({CIP, GATEKEEPER, CONNAISSEUR}),
        "",
    ),
    "static key, logged": (signed("any-of: [logged]"), frozenset({GATEKEEPER}), ""),
    "key and identity": (signed("any-of: [ops, release]"), frozenset({GATEKEEPER, CONNAISSEUR}), ""),
    "new extension": (signed("any-of: [hosted]"), frozenset({CIP, KYVERNO, CONNAISSEUR}), ""),
    "old extension, legacy": (
        signed("any-of: [trigger]", more=", formats: [legacy]"),
        frozenset({KYVERNO, GATEKEEPER, CONNAISSEUR}),
        "",
    ),
    "old extension, bundle": (signed("any-of: [trigger]"), frozenset({CIP, KYVERNO, CONNAISSEUR}), ""),
    "time stamp": (signed("any-of: [stamped]"), EVERY, ""),
    "trust root that is not at hand": (signed("any-of: [private]"), frozenset({CIP, KYVERNO, CONNAISSEUR}), ""),
    "attestation": (attested(), frozenset({CONNAISSEUR}), ""),
    "attestation with a condition": (attested(BUILD), frozenset({CONNAISSEUR}), ""),
    "attestation, every": (attested(BUILD, more=", each: every"), frozenset({CIP, KYVERNO, CONNAISSEUR}), ""),
    "age": (attested("{path: predicate.at, max-age: 7d}"), frozenset({KYVERNO, CONNAISSEUR}), ""),
    "exclude": (signed(more=", exclude: [ghcr.io/acme/app-x]"), frozenset({CIP, CONNAISSEUR}), ""),
    "warn": (signed(more=", mode: warn"), frozenset({CONNAISSEUR}), ""),
    "deny": ("- {name: app, images: [ghcr.io/acme/app], deny: {reason: bad}}", frozenset(), ""),
    "allow": (
        "- {name: app, images: [ghcr.io/acme/app], allow: {reason: old, until: 2030-01-01}}",
        frozenset({KYVERNO, CONNAISSEUR}),
        "",
    ),
    "allow for ever": (
        "- {name: app, images: [ghcr.io/acme/app], allow: {reason: old, until: 2999-01-01}}",
        EVERY,
        "",
    ),
    "extensions alone": (signed("any-of: [built]"), frozenset({CIP, KYVERNO, CONNAISSEUR}), ""),
    "extension that no answer has": (signed("any-of: [deployed]"), EVERY, ""),
    "instance of its own": (signed("any-of: [own]"), EVERY, ""),
    "key with a time stamp": (signed("any-of: [timed]"), EVERY, ""),
    "all of a key and an identity": (signed("all-of: [ops, release]"), frozenset({GATEKEEPER, CONNAISSEUR}), ""),
    "an index that exists": (attested("{path: predicate.l.0, exists: true}"), frozenset({KYVERNO, CONNAISSEUR}), ""),
    "exclude on Docker Hub": (
        signed(more=", exclude: ['docker.io/**']"),
        frozenset({CIP, KYVERNO, GATEKEEPER, CONNAISSEUR}),
        "",
    ),
    "one of two patterns overlaps": (
        signed(image="ghcr.io/acme/app") + "\n- {name: more, images: ['ghcr.io/**'], deny: {reason: bad}}",
        frozenset({CONNAISSEUR}),
        "",
    ),
    "no rule about images": ("- {name: app, blobs: ['**'], deny: {reason: bad}}", EVERY, ""),
    "whole of Docker Hub": (signed(image="docker.io/**"), frozenset({KYVERNO, GATEKEEPER}), ""),
    "pattern with brackets": (signed(image="ghcr.io/acme/[ab]"), frozenset({CIP, CONNAISSEUR}), ""),
    "overlapping rules": (
        signed(image="ghcr.io/acme/**") + "\n- {name: deep, images: [ghcr.io/acme/a], deny: {reason: bad}}",
        frozenset({CONNAISSEUR}),
        "",
    ),
    "rules apart": (
        signed(image="ghcr.io/acme/a") + "\n- {name: other, images: [ghcr.io/acme/b], deny: {reason: bad}}",
        frozenset(),
        "",
    ),
    "no match warns": (signed(), frozenset({CONNAISSEUR}), "defaults: {no-match: warn}"),
    "no match admits": (signed(), frozenset(), "defaults: {no-match: allow}"),
    "provider that checks no identity": (
        signed(),
        frozenset({GATEKEEPER}),
        "targets: {gatekeeper: {provider: cosign-gatekeeper-provider}}",
    ),
    "provider of another shape": (
        signed(),
        frozenset({GATEKEEPER}),
        "targets: {gatekeeper: {provider: ratify-provider}}",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("engine", ENGINES)
def test_refusals(engine: str, name: str) -> None:
    """What an engine cannot say is refused by name, and then nothing is written; all else has the engine's shape."""
    rule, refusing, more = REFUSALS[name]
    found = export(engine, policy(rule, more))
    assert bool(refused(found)) == (engine in refusing), found.losses
    for one in objects(found):
        Draft202012Validator(SCHEMAS[one.get("kind", "")]).validate(one)


@pytest.mark.parametrize(
    ("engine", "rule", "more", "words"),
    [
        (CIP, signed(), "", "kubectl label namespace NAME policy.sigstore.dev/include=true"),
        (CIP, signed(), "", "see the ConfigMap"),
        (CIP, signed(), "", "its tester needs repository@sha256"),
        (CIP, signed("any-of: [ops]"), "", "bundles by the key ops are not read"),
        (CIP, signed("any-of: [any]"), "", "certificates of the public instance only"),
        (CIP, signed(), "recalls: [{commit: abcd, reason: x, date: 2026-01-01}]", "a recall by commit is not exported"),
        (KYVERNO, signed(), "", "any bundle of the signer as a signature"),
        (KYVERNO, signed(), "", "image volumes are not looked at"),
        (KYVERNO, signed(), "", "registries without the referrers API"),
        (KYVERNO, signed(), "", "no kyverno-test.yaml"),
        (KYVERNO, attested(BUILD), "", "the engine judges the last it reads"),
        (KYVERNO, attested(), "", "attestations in the old form too"),
        (KYVERNO, signed(more=", formats: [legacy]"), "", "bundles of the signer too"),
        (KYVERNO, signed(), "defaults: {require-digest: true}", "fills the digest in"),
        (GATEKEEPER, signed(), "", "3 seconds"),
        (GATEKEEPER, signed(), "", "TLS"),
        (GATEKEEPER, signed(), "", "ExpansionTemplates"),
        (GATEKEEPER, signed(), "", "legacy signatures are not read"),
        (GATEKEEPER, signed(), "", "which instance counts is a setting of the provider"),
        (CONNAISSEUR, signed(), "", "--new-bundle-format=false"),
        (CONNAISSEUR, signed(image="ghcr.io/acme/*"), "", "* crosses / here"),
        (CONNAISSEUR, signed(), "", "open at its beginning"),
        (
            CONNAISSEUR,
            signed(),
            "recalls: [{digest: 'sha256:" + "a" * 64 + "', reason: x, date: 2026-01-01}]",
            "recall",
        ),
        *(
            (one, signed() + "\n- {name: f, blobs: [a], deny: {reason: x}}", "", "files are not admitted")
            for one in ENGINES
        ),
        *((one, signed(), "recall-list: {file: r, protected: x, max-age: 1d}", "export again") for one in ENGINES),
    ],
)
def test_warnings(engine: str, rule: str, more: str, words: str) -> None:
    """What has to be done or known beside the files (reference section 2.4)."""
    found = export(engine, policy(rule, more))
    assert not refused(found)
    assert words in warned(found)


def test_own_trust_roots() -> None:
    """GitHub's instance goes with the policy where an engine can be told it."""
    roots = {one.name: one for one in load_trust(TrustRequest(instances=("github",), offline=True), real_world()).roots}
    made = policy(signed("any-of: [private]", more=", formats: [bundle]"))
    found = objects(export(CIP, made, roots))
    trust = next(one for one in found if one["kind"] == "TrustRoot")
    assert trust["metadata"]["name"] == "github"
    (authority,) = found[0]["spec"]["authorities"]
    assert authority["keyless"]["trustRootRef"] == authority["rfc3161timestamp"]["trustRootRef"] == "github"
    kyverno = objects(export(KYVERNO, made, roots))[0]["spec"]["attestors"][0]["cosign"]
    assert "timestampAuthorities" in json.loads(kyverno["trustedRoot"]["value"])
    for one in found:
        Draft202012Validator(SCHEMAS[one["kind"]]).validate(one)


def test_an_instance_of_its_own_with_logs() -> None:
    """Its logs and authorities go with the policy."""
    with Sandbox() as sandbox:
        root = trusted_root_of(sandbox.trusted_root(), name="corp")
    made = policy(signed("any-of: [own]", more=", formats: [bundle]"))
    found = objects(export(CIP, made, {"corp": root}))
    (authority,) = found[0]["spec"]["authorities"]
    assert authority["ctlog"] == {"url": root.logs[0].base_url, "trustRootRef": "corp"}
    keys = next(one for one in found if one["kind"] == "TrustRoot")["spec"]["sigstoreKeys"]
    assert set(keys) == {"certificateAuthorities", "tLogs", "ctLogs", "timestampAuthorities"}
    (attestor,) = objects(export(KYVERNO, made, {"corp": root}))[0]["spec"]["attestors"]
    assert attestor["cosign"]["ctlog"] == {"url": root.logs[0].base_url}
    for one in found:
        Draft202012Validator(SCHEMAS[one["kind"]]).validate(one)


def test_keys_of_another_size() -> None:
    """Connaisseur hashes with SHA-256 whatever the key is."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = ec.derive_private_key(7, ec.SECP384R1()).public_key().public_bytes(serialization.Encoding.DER, form)
    assert refused(export(CONNAISSEUR, policy(signed("any-of: [ops]")), key=key)) == {"signers.ops"}


def test_recalls_of_an_identity_lose_their_window() -> None:
    """Gatekeeper refuses more than the policy says, and the note says so."""
    who = "identity: {issuer: i, subject: s}, from: 2026-01-01"
    found = export(GATEKEEPER, policy(signed(), f"recalls: [{{{who}, reason: x, date: 2026-01-01}}]"))
    assert "without its window" in warned(found)


def test_namespaces_and_versions() -> None:
    """The file's options for policy-controller."""
    more = "targets: {policy-controller: {api: v1alpha1, namespaces: [shop]}}"
    found = export(CIP, policy(signed(), more))
    assert [one["kind"] for one in objects(found)] == ["ClusterImagePolicy", "ConfigMap", "Namespace"]
    assert objects(found)[0]["apiVersion"] == "policy.sigstore.dev/v1alpha1"
    assert "kubectl" not in warned(found)


def test_regular_expressions_are_anchored() -> None:
    """No engine anchors them by itself."""
    made = policy(signed("any-of: [tags]"))
    for engine, member in ((CIP, "subjectRegExp"), (KYVERNO, "subjectRegExp"), (CONNAISSEUR, "subjectRegex")):
        text = json.dumps(objects(export(engine, made)))
        assert f'"{member}": "^(?:' in text
    assert '"regex": "^(?:' in json.dumps(objects(export(GATEKEEPER, made)))


def test_kyverno_has_a_test_where_an_image_is_known() -> None:
    """The pod of the test runs the image that the policy was made from."""
    image = "ghcr.io/acme/app@sha256:" + "a" * 64
    found = {file.name: file for file in export(KYVERNO, policy(signed()), image=image).files}
    assert set(found) == {"image-validating-policy.yaml", "kyverno-test.yaml", "pod.yaml"}
    assert image.encode() in found["pod.yaml"].data


def test_recalled_digests() -> None:
    """Refused by name where the engine sees digests."""
    digest = "sha256:" + "a" * 64
    made = policy(signed(), f"recalls: [{{digest: '{digest}', reason: stolen, date: 2026-01-01}}]")
    for engine in (CIP, KYVERNO, GATEKEEPER):
        assert digest in json.dumps(objects(export(engine, made)))


def test_nothing_is_lost_in_silence() -> None:
    """What a later version of the file asks of an attestation is refused, not passed over."""
    from dataclasses import make_dataclass, replace

    from sigstep.policy.document import Attested

    made = policy(attested())
    rule = made.rules[0]
    wider: Any = make_dataclass("Wider", [("fresh", str, "")], bases=(Attested,), frozen=True, kw_only=True)
    one = rule.attestations[0]
    more = wider(type=one.type, quorum=one.quorum, every=False, where=(), fresh="yes")
    for engine in (CIP, KYVERNO, GATEKEEPER):
        assert refused(export(engine, replace(made, rules=(replace(rule, attestations=(more,)),))))
