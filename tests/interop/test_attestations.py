"""Attestations by type between sigstep and cosign 3, both directions, about files and images."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from tests.flows.main_line import run
from tests.flows.slsa import BUILDER, delegated, generator
from tests.flows.test_attestations import CDX, JUNIT, SPDX, VEX
from tests.flows.test_images import push
from tests.interop.test_images import cosign, signing, verifying
from tests.interop.tools import tool
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
VULN = {
    "invocation": {"parameters": [], "uri": "https://ci.example/1", "event_id": "", "builder.id": ""},
    "scanner": {"uri": "https://scanner.example", "version": "1", "db": {"uri": "", "version": ""}, "result": {"a": 1}},
    "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:00Z"},
}
LINK = {
    "_type": "link",
    "name": "build",
    "command": ["make"],
    "materials": {},
    "products": {},
    "byproducts": {},
    "environment": {},
}
TAG_VALUE = "SPDXVersion: SPDX-2.3\nDocumentName: a\nDocumentNamespace: https://a.example\n"
KINDS: dict[str, tuple[str, str]] = {  # cosign's name: the predicate's file, and its type
    "slsaprovenance1": (json.dumps(delegated(BUILDER, "0" * 40)), "https://slsa.dev/provenance/v1"),
    "slsaprovenance": (json.dumps(generator(BUILDER, "0" * 40)), "https://slsa.dev/provenance/v0.2"),
    "slsaprovenance02": (json.dumps(generator(BUILDER, "0" * 40)), "https://slsa.dev/provenance/v0.2"),
    "spdx": (TAG_VALUE, "https://spdx.dev/Document"),
    "spdxjson": (json.dumps(SPDX), "https://spdx.dev/Document"),
    "cyclonedx": (json.dumps(CDX), "https://cyclonedx.org/bom"),
    "vuln": (json.dumps(VULN), "https://cosign.sigstore.dev/attestation/vuln/v1"),
    "openvex": (json.dumps(VEX), "https://openvex.dev/ns"),
    "link": (json.dumps(LINK), "https://in-toto.io/Link/v1"),
    "custom": ("any text", "https://cosign.sigstore.dev/attestation/v1"),
    "https://acme.example/own/v1": ('{"own": true}', "https://acme.example/own/v1"),
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to attest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").write_bytes(b"app")
    return tmp_path


def predicate(folder: Path, content: str) -> str:
    """The predicate's file."""
    (folder / "predicate").write_text(content)
    return str(folder / "predicate")


@pytest.mark.parametrize("kind", KINDS)
def test_cosign_verifies_ours(sandbox: Sandbox, desk: Path, kind: str) -> None:
    """A file's attestation by its type; another type is refused."""
    content, _ = KINDS[kind]
    result = run(sandbox, "attest", "app", "--type", kind, "--predicate", predicate(desk, content))
    assert result.exception is None, result.exception
    bundle = ("--bundle", "app.sigstore.json", *verifying(sandbox))
    done = cosign(sandbox, desk, "verify-blob-attestation", "--type", kind, *bundle, "app")
    assert done.returncode == 0, done.stderr
    done = cosign(sandbox, desk, "verify-blob-attestation", "--type", "https://other.example/v1", *bundle, "app")
    assert done.returncode != 0


@pytest.mark.parametrize("kind", [one for one in KINDS if one != "spdx"])  # its text cannot stand in a bundle
def test_ours_verifies_cosign(sandbox: Sandbox, desk: Path, kind: str) -> None:
    """What cosign attests is verified by its name and by its URI, refused under another, and told."""
    content, uri = KINDS[kind]
    options = ("--type", kind, "--predicate", predicate(desk, content), *signing(sandbox))
    done = cosign(sandbox, desk, "attest-blob", *options, "--bundle", "app.sigstore.json", "app")
    assert done.returncode == 0, done.stderr
    for wanted, status in ((uri, 0), (kind, 0), ("https://other.example/v1", 1)):
        result = run(sandbox, "verify", "app", "--repo", "acme/app", "--type", wanted)
        assert (result.exception, result.return_value) == (None, status), result.output
    shown = json.loads(run(sandbox, "inspect", "app.sigstore.json", "--format", "json").output)["bundles"][0]["content"]
    assert shown["predicateType"] == uri
    assert not [line for line in shown["says"] if line.startswith("not readable")]


def test_everything_at_once_about_an_image(sandbox: Sandbox, desk: Path) -> None:
    """One call of sigstep; cosign verifies and shows each by its type."""
    image = str(push(sandbox, "by-type"))
    (desk / "cdx.json").write_text(json.dumps(CDX))
    (desk / "vuln.json").write_text('{"matches": [], "descriptor": {"version": "1"}}')
    (desk / "vex.json").write_text(json.dumps(VEX))
    options = ("--provenance", "--sbom", "cdx.json", "--vuln", "vuln.json", "--vex", "vex.json")
    result = run(sandbox, "attest", image, *options)
    assert result.exception is None, result.exception
    for kind in ("slsaprovenance1", "cyclonedx", "vuln", "openvex"):
        done = cosign(sandbox, desk, "verify-attestation", "--type", kind, *verifying(sandbox), image)
        assert done.returncode == 0, done.stderr
        shown = json.loads(base64.b64decode(json.loads(done.stdout.splitlines()[0])["payload"]))
        assert shown["predicateType"] == KINDS[kind][1]
    done = cosign(sandbox, desk, "verify-attestation", "--type", "spdxjson", *verifying(sandbox), image)
    assert done.returncode != 0


def test_cosigns_about_an_image(sandbox: Sandbox, desk: Path) -> None:
    """Several attestations of cosign, verified and judged by a policy."""
    image = str(push(sandbox, "by-cosign"))
    for kind in ("cyclonedx", "vuln", "spdxjson"):
        options = ("--type", kind, "--predicate", predicate(desk, KINDS[kind][0]), *signing(sandbox))
        done = cosign(sandbox, desk, "attest", *options, image)
        assert done.returncode == 0, done.stderr
    for kind in ("cyclonedx", "vuln", "spdxjson"):
        result = run(sandbox, "verify", image, "--repo", "acme/app", "--type", kind)
        assert (result.exception, result.return_value) == (None, 0), result.output
    policy = """schema: sigstep/policy/v1
signers:
  release: {issuer: "https://token.actions.githubusercontent.com", subject: {glob: "https://github.com/acme/app/**"}}
rules:
- {name: r, images: ["**"], attestations: [{type: sbom, any-of: [release], sbom: {WHAT: [p]}}]}
"""
    for what, status in (("components", 0), ("without-components", 1)):
        (desk / "policy.yml").write_text(policy.replace("WHAT", what))
        result = run(sandbox, "verify", image, "--policy", "policy.yml")
        assert (result.exception, result.return_value) == (None, status), result.output


@pytest.mark.parametrize(
    ("option", "uri"),
    [
        (("--sbom", "cdx.json"), "https://cyclonedx.org/bom"),
        (("--sbom", "spdx.json"), "https://spdx.dev/Document/v2.3"),
        (("--vuln", "vuln.json"), "https://cosign.sigstore.dev/attestation/vuln/v1"),
        (("--vuln", "vuln.json", "--vuln-form", "in-toto"), "https://in-toto.io/attestation/vulns/v0.2"),
        (("--test-results", "junit.xml"), "https://in-toto.io/attestation/test-result/v0.1"),
        (("--provenance",), "https://slsa.dev/provenance/v1"),
    ],
)
def test_gh_verifies_ours(sandbox: Sandbox, desk: Path, option: tuple[str, ...], uri: str) -> None:
    """`gh attestation verify --predicate-type` takes each kind, and refuses another."""
    (desk / "cdx.json").write_text(json.dumps(CDX))
    (desk / "spdx.json").write_text(json.dumps(SPDX))
    (desk / "vuln.json").write_text('{"matches": [], "descriptor": {"version": "1"}}')
    (desk / "junit.xml").write_text(JUNIT)
    (desk / "root.jsonl").write_text(json.dumps(sandbox.trusted_root()) + "\n")
    result = run(sandbox, "attest", "app", *option)
    assert result.exception is None, result.exception
    environ = {"GH_CONFIG_DIR": str(desk / "gh"), "GH_TOKEN": "", "NO_COLOR": "1", "HOME": str(desk)}
    options = ["--bundle", "app.sigstore.json", "--custom-trusted-root", "root.jsonl", "--repo", "acme/app"]
    for wanted, good in ((uri, True), ("https://other.example/v1", False)):
        command = [tool("gh"), "attestation", "verify", "app", *options, "--predicate-type", wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)
        assert (done.returncode == 0) is good, done.stdout + done.stderr
