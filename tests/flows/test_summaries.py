"""Verification summaries: signed by `verify --attest-summary`, taken by `--accept-summary` and by the policy file."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from tests.flows.main_line import refused, run
from tests.flows.test_images import push
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.signed_document import parse_signed
from sigstep.wire.statement import parse_statement

__all__ = ["sandbox"]
VERIFIER = "https://verifier.example/acme"
RESOURCE = "pkg:generic/app.whl@1"
TRUSTED = ("--repo", "acme/app")
POLICY = """schema: sigstep/policy/v1
signers:
  release: {issuer: "https://token.actions.githubusercontent.com", subject: {glob: "https://github.com/acme/app/**"}}
rules:
- {name: built, blobs: ["app.whl"], attestations: [{type: provenance, any-of: [release]}]}
"""


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with provenance, and a key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.whl").write_bytes(b"app")
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*form))
    public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(key.public_key().public_bytes(*public))
    assert run(sandbox, "attest", "app.whl").return_value == 0
    (tmp_path / "policy.yml").write_text(POLICY)
    return tmp_path


def predicate(path: Path) -> dict[str, object]:
    """What a summary says."""
    content = parse_signed(path.read_bytes())[0].bundle.content
    found = parse_statement(content.payload).predicate  # type: ignore[union-attr]
    assert found is not None
    return dict(found)


def test_a_verification_is_attested_and_taken(sandbox: Sandbox, folder: Path) -> None:
    """It names policy digest, inputs and level; whoever trusts the verifier need not repeat the work."""
    options = ("--attest-summary", "--verifier-id", VERIFIER, "--resource-uri", RESOURCE)
    result = run(sandbox, "verify", "app.whl", "--policy", "policy.yml", *options)
    assert (result.exception, result.return_value) == (None, 0), result.output
    said = predicate(folder / "app.whl.vsa.sigstore.json")
    assert said["verifiedLevels"] == ["SLSA_BUILD_LEVEL_2"]
    assert said["verificationResult"] == "PASSED"
    assert "sha256" in said["policy"]["digest"]  # type: ignore[index]
    assert len(said["inputAttestations"]) == 1  # type: ignore[arg-type]
    (folder / "app.whl.sigstore.json").unlink()
    good = ("--resource-uri", RESOURCE, "--verified-level", "SLSA_BUILD_LEVEL_1")
    assert run(sandbox, "verify", "app.whl", *TRUSTED, "--accept-summary", VERIFIER, *good).return_value == 0
    for bad in (
        ("--accept-summary", "https://other.example"),
        ("--accept-summary", VERIFIER, "--resource-uri", "pkg:generic/other"),
        ("--accept-summary", VERIFIER, "--verified-level", "SLSA_BUILD_LEVEL_3"),
        ("--accept-summary", VERIFIER, "--verified-level", "REVIEWED"),
    ):
        result = run(sandbox, "verify", "app.whl", *TRUSTED, *bad)
        assert (result.exception, result.return_value) == (None, 1), result.output
    other = run(sandbox, "verify", "app.whl", "--repo", "evil/app", "--accept-summary", VERIFIER)
    assert other.return_value == 1


def test_what_a_summary_cannot_say_is_not_summarised(sandbox: Sandbox, folder: Path) -> None:
    """Fewer log entries than usual, or any signer: who takes the summary would not know."""
    less = ("--policy", "policy.yml", "--min-entries", "0")
    assert run(sandbox, "verify", "app.whl", *less).return_value == 0
    assert refused(run(sandbox, "verify", "app.whl", *less, "--attest-summary")) == ("summary-of-less", 2)
    anybody = ("--any-signer-unsafe", "a test", "--attest-summary")
    assert refused(run(sandbox, "verify", "app.whl", *anybody)) == ("option-conflict", 2)
    assert not (folder / "app.whl.vsa.sigstore.json").exists()


def test_a_policy_takes_a_summary(sandbox: Sandbox, folder: Path) -> None:
    """The demand in the policy file, with the digest of the policy that was verified by."""
    result = run(sandbox, "verify", "app.whl", "--policy", "policy.yml", "--attest-summary", "--format", "json")
    assert (result.exception, result.return_value) == (None, 0), result.output
    said = predicate(folder / "app.whl.vsa.sigstore.json")
    digest = said["policy"]["digest"]["sha256"]  # type: ignore[index]
    verifier = said["verifier"]["id"]  # type: ignore[index]
    assert verifier.startswith("https://github.com/acme/app/.github/workflows/")
    demand = f"{{type: vsa, any-of: [release], summary: {{verifier: '{verifier}', levels: [SLSA_BUILD_LEVEL_2], policy: 'sha256:{digest}'}}}}"
    text = POLICY.replace("{type: provenance, any-of: [release]}", demand)
    for written, status in ((text, 0), (text.replace(digest, "0" * 64), 1)):
        (folder / "other.yml").write_text(written)
        assert run(sandbox, "verify", "app.whl", "--policy", "other.yml").return_value == status


def test_the_builder_of_level_3_is_named(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can have a second repository with a workflow that signs: only one that somebody names counts as apart."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.whl").write_bytes(b"app of a reusable workflow")
    workflow = "acme/builders/.github/workflows/build.yml"
    with monkeypatch.context() as patched:
        patched.setitem(sandbox.issuer.claims, "job_workflow_ref", f"{workflow}@refs/tags/v1")
        made = run(sandbox, "attest", "app.whl")
    assert (made.exception, made.return_value) == (None, 0), made.output
    builder = f"https://github.com/{workflow}"
    signer = f'{{issuer: "https://token.actions.githubusercontent.com", subject: "{builder}@refs/tags/v1"}}'
    start = POLICY.partition("signers:")[0] + f"signers: {{release: {signer}}}\n" + POLICY[POLICY.index("rules:") :]
    for provenance, status, level in (
        ("{level: 3}", 1, "FAILED"),
        ("{level: 2}", 0, "SLSA_BUILD_LEVEL_2"),
        (f"{{level: 3, builder: '{builder}'}}", 0, "SLSA_BUILD_LEVEL_3"),
        (f"{{level: 3, builder: '{builder}s'}}", 1, "FAILED"),
    ):
        Path("policy.yml").write_text(
            start.replace("any-of: [release]", f"any-of: [release], provenance: {provenance}")
        )
        result = run(
            sandbox, "verify", "app.whl", "--policy", "policy.yml", "--attest-summary", "--verifier-id", VERIFIER
        )
        assert (result.exception, result.return_value) == (None, status), result.output
        assert predicate(tmp_path / "app.whl.vsa.sigstore.json")["verifiedLevels"] == [level]
        (tmp_path / "app.whl.vsa.sigstore.json").unlink()
    for options, status, level in (
        (("--repo", "acme/app"), 0, "SLSA_BUILD_LEVEL_2"),
        (("--repo", "acme/app", "--provenance", "level=3"), 1, "FAILED"),
        (
            ("--repo", "acme/app", "--provenance", "level=3", "--provenance", f"builder={builder}"),
            0,
            "SLSA_BUILD_LEVEL_3",
        ),
        (("--signer-workflow", workflow, "--provenance", "level=3"), 0, "SLSA_BUILD_LEVEL_3"),
    ):
        result = run(sandbox, "verify", "app.whl", *options, "--attest-summary", "--verifier-id", VERIFIER)
        assert (result.exception, result.return_value) == (None, status), result.output
        assert status == 0 or "name the reusable workflow as builder" in result.output
        assert predicate(tmp_path / "app.whl.vsa.sigstore.json")["verifiedLevels"] == [level]
        (tmp_path / "app.whl.vsa.sigstore.json").unlink()


def test_a_builder_counts_where_its_provenance_is(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule about other files that names another builder says nothing of this provenance."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.whl").write_bytes(b"app of a second repository")
    workflow = "acme/builders/.github/workflows/sign.yml"
    with monkeypatch.context() as patched:
        patched.setitem(sandbox.issuer.claims, "job_workflow_ref", f"{workflow}@refs/tags/v1")
        assert run(sandbox, "attest", "app.whl").return_value == 0
    other = """- name: others
  blobs: ["*.gz"]
  attestations: [{type: provenance, any-of: [release], provenance: {builder: "https://github.com/%s"}}]
"""
    for builder, level in (("acme/known/.github/workflows/build.yml", 2), (workflow, 3)):
        Path("policy.yml").write_text(POLICY.replace("acme/app/**", "acme/builders/**") + other % builder)
        options = ("--policy", "policy.yml", "--attest-summary", "--verifier-id", VERIFIER)
        result = run(sandbox, "verify", "app.whl", *options)
        assert (result.exception, result.return_value) == (None, 0), result.output
        assert predicate(tmp_path / "app.whl.vsa.sigstore.json")["verifiedLevels"] == [f"SLSA_BUILD_LEVEL_{level}"]
        (tmp_path / "app.whl.vsa.sigstore.json").unlink()


def test_a_refusal_is_attested_as_one(sandbox: Sandbox, folder: Path) -> None:
    """It passes for nothing."""
    options = ("--attest-summary", "--verifier-id", VERIFIER)
    assert run(sandbox, "verify", "app.whl", "--repo", "evil/app", *options).return_value == 1
    assert predicate(folder / "app.whl.vsa.sigstore.json")["verifiedLevels"] == ["FAILED"]
    assert run(sandbox, "verify", "app.whl", *TRUSTED, "--accept-summary", VERIFIER).return_value == 1


def test_a_key_signs_without_services(sandbox: Sandbox, folder: Path) -> None:
    """A bare envelope, which verifies by the key alone; a raw r||s signature is read too."""
    options = ("--attest-summary", "--verifier-id", VERIFIER, "--summary-key", "key.pem", "--summary-dir", "out")
    assert run(sandbox, "verify", "app.whl", *TRUSTED, *options, token=False).return_value == 0
    envelope = folder / "out" / "app.whl.vsa.intoto.jsonl"
    accept = ("--offline", "--key", "key.pub", "--accept-summary", VERIFIER)
    assert run(sandbox, "verify", "app.whl", *accept, "--bundle", str(envelope)).return_value == 0
    document = json.loads(envelope.read_text())
    r, s = utils.decode_dss_signature(base64.b64decode(document["signatures"][0]["sig"]))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    for signature, status in ((raw, 0), (raw[:-1] + bytes([raw[-1] ^ 1]), 1), (raw[:-1], 1), (bytes(64), 1)):
        document["signatures"][0]["sig"] = base64.b64encode(signature).decode()
        (folder / "raw.jsonl").write_text(json.dumps(document))
        assert run(sandbox, "verify", "app.whl", *accept, "--bundle", "raw.jsonl").return_value == status


def test_an_image(sandbox: Sandbox, folder: Path) -> None:
    """The summary is attached to the image."""
    image = str(push(sandbox, "summary"))
    assert run(sandbox, "attest", image).return_value == 0
    result = run(
        sandbox, "verify", image, *TRUSTED, "--type", "provenance", "--attest-summary", "--verifier-id", VERIFIER
    )
    assert (result.exception, result.return_value) == (None, 0), result.output
    assert run(sandbox, "verify", image, *TRUSTED, "--accept-summary", VERIFIER).return_value == 0
    assert run(sandbox, "verify", image, *TRUSTED, "--accept-summary", "https://other.example").return_value == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--accept-summary", VERIFIER, "--type", "vsa"), "option-conflict"),
        (("--verified-level", "X"), "option-conflict"),
        (("--accept-summary", VERIFIER, "--provenance", "level=1"), "option-conflict"),
    ],
)
def test_conflicts(sandbox: Sandbox, folder: Path, options: tuple[str, ...], code: str) -> None:
    """Options that exclude one another."""
    assert refused(run(sandbox, "verify", "app.whl", *TRUSTED, *options))[0] == code


def test_what_a_summary_needs(sandbox: Sandbox, folder: Path) -> None:
    """Who verified, and one resource for one artifact."""
    nowhere = {"GITHUB_SERVER_URL": ""}
    assert (
        refused(run(sandbox, "verify", "app.whl", *TRUSTED, "--attest-summary", environ=nowhere))[0]
        == "verifier-missing"
    )
    (folder / "b").write_bytes(b"b")
    assert run(sandbox, "sign", "b").return_value == 0
    options = ("--attest-summary", "--verifier-id", VERIFIER, "--resource-uri", RESOURCE)
    assert refused(run(sandbox, "verify", "app.whl", "b", *TRUSTED, *options))[0] == "resource-ambiguous"
    assert not (folder / "b.vsa.sigstore.json").exists()
    assert run(sandbox, "verify", "b", *TRUSTED, "--attest-summary", "--verifier-id", VERIFIER).return_value == 0
    bundle = parse_bundle((folder / "b.vsa.sigstore.json").read_bytes())
    assert bundle.entries
    assert predicate(folder / "b.vsa.sigstore.json")["verifiedLevels"] == ["SLSA_BUILD_LEVEL_0"]
