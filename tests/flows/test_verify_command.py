"""`sigstep verify` as a user runs it: exit codes, words, and every format it reads."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.flows.desk import Desk, Json, signer, x509_pem
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.policy.signer import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

SOURCE = ("--extension", "source-repository=https://github.com/acme/app", "--issuer", GITHUB_ISSUER)


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Desk:
    """An artifact without a bundle."""
    return Desk(tmp_path, sandbox)


@pytest.fixture(scope="module")
def message(sandbox: Sandbox) -> Json:
    """A message signature in Rekor v1."""
    return oracle_bundle(sandbox, rekor=1, statement=False)


@pytest.fixture(scope="module")
def statement(sandbox: Sandbox) -> Json:
    """An attestation in Rekor v1."""
    return oracle_bundle(sandbox, rekor=1, statement=True)


def test_the_bundle_beside_the_file(desk: Desk, message: Json) -> None:
    """0 for what holds; 1 as soon as a byte changes, with what, why and fix."""
    desk.bundle(".sigstore.json", message)
    status, output = desk.run(*signer(desk.sandbox), desk.artifact)
    assert status == 0
    assert "signer: https://github.com/" in output
    desk.artifact.write_bytes(ARTIFACT + b"x")
    status, output = desk.run(*signer(desk.sandbox), desk.artifact)
    assert status == 1
    assert "[entry-digest]" in output
    assert "was signed, the artifact has sha256:" in output
    assert "do not use it" in output


def test_explained(desk: Desk, message: Json) -> None:
    """Each step with its evidence; the failing one is marked."""
    desk.bundle(".sigstore.json", message)
    _, output = desk.run("--explain", "--repo", "other/repo", desk.artifact)
    assert "holds  log" in output
    assert "FAILS  policy" in output
    assert "[identity-mismatch]" in output


def test_whoever_signed_is_told(desk: Desk, message: Json) -> None:
    """A signer that nobody asked for does not look like one that was; a refusal needs no such word."""
    desk.bundle(".sigstore.json", message)
    status, output = desk.run("--any-signer-unsafe", "a rehearsal", desk.artifact)
    assert status == 0
    assert "whoever signed was taken (a rehearsal)" in output
    desk.artifact.write_bytes(b"other")
    assert "whoever signed" not in desk.run("--any-signer-unsafe", "a rehearsal", desk.artifact)[1]


def test_what_a_newcomer_is_told(desk: Desk, message: Json) -> None:
    """Without a signer: how to see whom the bundle names; of another instance: which ones are trusted."""
    desk.bundle(".sigstore.json", message)
    status, output = desk.run(desk.artifact)
    assert (status, "sigstep inspect BUNDLE" in output) == (1, True)
    status, output = desk.run("--offline", "--repo", "acme/app", desk.artifact, root=False)
    assert status == 1
    assert "[issuer-unknown]" in output
    assert "trusted are the authorities of public-good, github" in output


def test_digests_as_targets(desk: Desk, message: Json) -> None:
    """Of another algorithm than the one signed: what to give instead; what is no digest is a wrong request."""
    bundle = ("--bundle", desk.bundle(".sigstore.json", message), *signer(desk.sandbox))
    digest = {name: hashlib.new(name, ARTIFACT).hexdigest() for name in ("sha1", "sha256", "sha512")}
    assert desk.run(*bundle, f"SHA256:{digest['sha256'].upper()}")[0] == 0
    status, output = desk.run(*bundle, f"sha512:{digest['sha512']}")
    assert (status, "give the artifact itself, or its sha256 digest" in output) == (1, True)
    assert desk.run(*bundle, f"sha1:{digest['sha1']}") == (2, "[digest-algorithm-unsupported]")
    assert desk.run(*bundle, "sha256:12") == (2, "[digest-malformed]")
    assert desk.run(*bundle, f"app:{digest['sha1']}") == (3, "[subject-missing]")  # an image by its commit


def test_as_json(desk: Desk, statement: Json) -> None:
    """The versioned form."""
    desk.bundle(".provenance.sigstore.json", statement)
    status, output = desk.run("--format", "json", *signer(desk.sandbox), desk.artifact)
    report = json.loads(output)
    assert (status, report["exitCode"], report["schema"]) == (0, 0, "sigstep/report/v1")
    proof = report["verdicts"][0]["examinations"][0]["verified"]
    assert proof["predicateType"] == "https://slsa.dev/provenance/v1"
    assert proof["entries"][0]["provedBy"] == ["promise", "inclusion proof"]


def test_many_bundles_in_lines(desk: Desk, message: Json, statement: Json) -> None:
    """One good line suffices; lines that are no bundles are told."""
    lines = "\n".join((json.dumps(message), '{"mediaType":"x"}', json.dumps(statement)))
    desk.bundle(".sigstore.jsonl", lines)
    options = [*signer(desk.sandbox), "--type", "https://slsa.dev/provenance/v1"]
    assert desk.run(*options, desk.artifact)[0] == 0
    status, output = desk.run("--any-signer-unsafe", "a test", "--type", "https://example/other", desk.artifact)
    assert status == 1
    assert "[bundle-version]" in output
    assert "[predicate-type]" in output


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        ([], 3, "no-subject"),
        (["missing.bin"], 3, "subject-missing"),
        (["--bundle", "missing.json", "FILE"], 3, "bundle-missing"),
        (["FILE"], 1, "no-bundle"),
        (["--bundle", "BUNDLE", "FILE"], 1, "policy-empty"),
        (["--identity", "a", "FILE"], 2, "issuer-missing"),
        (["--identity", "a", "--identity-glob", "b", "--issuer", "c", "FILE"], 2, "option-conflict"),
        (["--issuer", "c", "FILE"], 2, "identity-missing"),
        (["--bundle", "BUNDLE", "--owner", "nobody", "registry.example/app:1"], 2, "option-conflict"),
        (["--extension", "x", "FILE"], 2, "option-malformed"),
        (["--identity-regexp", "(", "--issuer", "c", "FILE"], 2, "matcher-malformed"),
        (["--key", "missing.pem", "FILE"], 2, "file-unreadable"),
        (["--bundle", "BUNDLE", "--deny-self-hosted-runners", "FILE"], 2, "identity-missing"),
        (
            ["--bundle", "BUNDLE", "--issuer", GITHUB_ISSUER, "--deny-self-hosted-runners", "FILE"],
            2,
            "identity-missing",
        ),
        (["--bundle", "BUNDLE", "--extension", "build-trigger=push", "FILE"], 2, "identity-missing"),
        (["--bundle", "BUNDLE", "--extension", "source-repository-ref=refs/heads/main", "FILE"], 2, "identity-missing"),
        (
            ["--bundle", "BUNDLE", "--extension", "source-repository=https://github.com/acme/app", "FILE"],
            2,
            "issuer-missing",
        ),
        (["--bundle", "BUNDLE", *SOURCE, "FILE"], 0, "verified"),
        (["--bundle", "BUNDLE", *SOURCE, "--deny-self-hosted-runners", "FILE"], 0, "verified"),
        (["--bundle", "BUNDLE", "--any-signer-unsafe", "a test", "--deny-self-hosted-runners", "FILE"], 0, "verified"),
        (["--bundle", "BUNDLE", "--owner", "nobody", "FILE"], 1, "identity-mismatch"),
        (["--bundle", "BUNDLE", "--signer-workflow", "a/b/.github/workflows/c.yml", "FILE"], 1, "identity-mismatch"),
    ],
)
def test_requests_and_their_ends(desk: Desk, message: Json, options: list[str], status: int, word: str) -> None:
    """Exit codes of the design, each with its code."""
    other = desk.folder / "other.json"
    other.write_text(json.dumps(message))
    given = [{"FILE": str(desk.artifact), "BUNDLE": str(other)}.get(one, one) for one in options]
    found, output = desk.run(*given)
    assert (found, word in output) == (status, True), output


def test_a_digest_instead_of_the_file(desk: Desk, statement: Json) -> None:
    """The file need not be at hand."""
    bundle = desk.bundle(".sigstore.json", statement)
    import hashlib

    digest = f"sha256:{hashlib.sha256(ARTIFACT).hexdigest()}"
    assert desk.run("--bundle", bundle, *signer(desk.sandbox), digest)[0] == 0
    assert desk.run("--bundle", bundle, *signer(desk.sandbox), "sha256:00")[1] == "[digest-malformed]"


def test_pep_740(desk: Desk, statement: Json) -> None:
    """An attestation object, and an index's provenance with it."""
    material = statement["verificationMaterial"]
    one = {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {
            "statement": statement["dsseEnvelope"]["payload"],
            "signature": statement["dsseEnvelope"]["signatures"][0]["sig"],
        },
    }
    alone = desk.bundle(".publish.attestation", one)
    assert desk.run("--bundle", alone, *signer(desk.sandbox), desk.artifact)[0] == 0
    provenance = {"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub"}, "attestations": [one]}]}
    served = desk.bundle(".provenance", provenance)
    assert desk.run("--bundle", served, *signer(desk.sandbox), desk.artifact)[0] == 0
    newer = desk.bundle(".newer", {**one, "version": 2})
    assert "[pep740-version]" in desk.run("--bundle", newer, *signer(desk.sandbox), desk.artifact)[1]


def test_answers_of_attestation_services(desk: Desk, statement: Json) -> None:
    """GitHub's and npm's lists, and their elements as lines; a bundle may be absent there."""
    found = [{"bundle": None, "bundle_url": "https://x.example"}, {"bundle": statement}]
    answer = {"attestations": found}
    assert desk.run("--bundle", desk.bundle(".answer", answer), *signer(desk.sandbox), desk.artifact)[0] == 0
    lines = desk.bundle(".lines", "\n".join(map(json.dumps, found)))
    assert desk.run("--bundle", lines, *signer(desk.sandbox), desk.artifact)[0] == 0


def rekor_bundle(entry: Json) -> Json:
    """cosign's form of a log entry: the promise only."""
    return {
        "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logIndex": int(entry["logIndex"]),
            "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
        },
    }


def test_cosign_blob_bundles(desk: Desk, message: Json, statement: Json) -> None:
    """Signature, certificate and promise, for a blob and for an attestation."""
    pem = x509_pem(message["verificationMaterial"]["certificate"]["rawBytes"])
    blob = {
        "base64Signature": message["messageSignature"]["signature"],
        "cert": base64.b64encode(pem.encode()).decode(),
        "rekorBundle": rekor_bundle(message["verificationMaterial"]["tlogEntries"][0]),
    }
    assert desk.run("--bundle", desk.bundle(".blob", blob), *signer(desk.sandbox), desk.artifact)[0] == 0
    bad = json.loads(json.dumps(blob))
    bad["rekorBundle"]["Payload"]["logID"] = "zz"
    assert "[cosign-bundle]" in desk.run("--bundle", desk.bundle(".bad", bad), *signer(desk.sandbox), desk.artifact)[1]
    envelope = json.dumps(statement["dsseEnvelope"])
    attested = {
        "base64Signature": base64.b64encode(envelope.encode()).decode(),
        "cert": x509_pem(statement["verificationMaterial"]["certificate"]["rawBytes"]),
        "rekorBundle": rekor_bundle(statement["verificationMaterial"]["tlogEntries"][0]),
    }
    assert desk.run("--bundle", desk.bundle(".att", attested), *signer(desk.sandbox), desk.artifact)[0] == 0


def test_a_bare_envelope_has_its_entry_elsewhere(desk: Desk, statement: Json) -> None:
    """slsa-github-generator's lines carry the certificate, not the entry."""
    envelope = json.loads(json.dumps(statement["dsseEnvelope"]))
    envelope["signatures"][0]["cert"] = x509_pem(statement["verificationMaterial"]["certificate"]["rawBytes"])
    desk.bundle(".intoto.jsonl", envelope)
    status, output = desk.run("--offline", *signer(desk.sandbox), desk.artifact)
    assert (status, "[entry-threshold]" in output) == (1, True)
    assert desk.run(*signer(desk.sandbox), desk.artifact)[0] == 0  # the log is searched by the artifact's digest


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_managed_keys(desk: Desk, curve: ec.EllipticCurve, message: Json) -> None:
    """The caller's key counts, whatever the bundle names; another key never does."""
    key, other = ec.generate_private_key(curve), ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(ARTIFACT, ec.ECDSA(hashes.SHA256()))
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "mine"}},
        "messageSignature": {"signature": base64.b64encode(signature).decode()},
    }
    path = desk.bundle(".sigstore.json", bundle)
    pems = {}
    for name, one in (("mine", key), ("other", other)):
        pems[name] = desk.folder / f"{name}.pem"
        pems[name].write_bytes(
            one.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    assert desk.run("--key", pems["mine"], desk.artifact, root=False)[0] == 0
    assert "[signature-invalid]" in desk.run("--key", pems["other"], desk.artifact)[1]
    assert "[key-missing]" in desk.run(*signer(desk.sandbox), "--bundle", path, desk.artifact)[1]
    with_certificate = desk.bundle(".certified", message)
    status, output = desk.run("--key", pems["mine"], "--bundle", with_certificate, desk.artifact)
    assert (status, "[entry-signer]" in output) == (1, True)
    (desk.folder / "no.pem").write_text("no key")
    assert desk.run("--key", desk.folder / "no.pem", desk.artifact)[1] == "[key-malformed]"
