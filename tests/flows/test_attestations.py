"""Attesting several things at once through the sandbox, by the command line, with real tools' output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.flows.main_line import accepted, refused, run
from tests.flows.test_images import push
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox
from sigstep.stores.beside import read_bundles
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.statement import parse_statement

__all__ = ["sandbox"]
ROOT = Path(__file__).parents[2]
CDX = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "p", "version": "1"}]}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "dataLicense": "CC0-1.0",
    "name": "app",
    "documentNamespace": "https://acme.example/app",
    "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: t"]},
    "packages": [],
}
GRYPE = {"matches": [], "descriptor": {"name": "grype", "version": "1", "timestamp": "2026-01-01T00:00:00.123456789Z"}}
VEX = {"@context": "c", "@id": "i", "author": "a", "timestamp": "2026-01-01T00:00:00Z", "statements": []}
JUNIT = '<testsuite><testcase classname="a" name="ok"/></testsuite>'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artifact and a file of every kind."""
    (tmp_path / "app.whl").write_bytes(b"app")
    for name, document in (("cdx", CDX), ("spdx", SPDX), ("grype", GRYPE), ("vex", VEX)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    (tmp_path / "junit.xml").write_text(JUNIT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def types(*places: Path) -> list[str]:
    """Predicate types of what is in these files."""
    bundles = [parse_bundle(found.data) for place in places for found in read_bundles(place)]
    return [parse_statement(one.content.payload).predicate_type for one in bundles]  # type: ignore[union-attr]


ALL: tuple[str, ...] = ("--provenance", "--sbom", "cdx.json", "--sbom", "spdx.json", "--vuln", "grype.json")
ALL += ("--test-results", "junit.xml", "--vex", "vex.json")
KINDS = ("provenance", "sbom", "sbom-2", "vuln", "test-result", "vex")


def test_one_call_several_attestations(sandbox: Sandbox, files: Path) -> None:
    """Issue 6: one certificate, several statements, one bundle each, found again beside the file."""
    result = run(sandbox, "attest", "app.whl", *ALL)
    assert result.exception is None, result.exception
    places = [files / f"app.whl.{kind}.sigstore.json" for kind in KINDS]
    assert types(*places) == [
        "https://slsa.dev/provenance/v1",
        "https://cyclonedx.org/bom",
        "https://spdx.dev/Document/v2.3",
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        "https://in-toto.io/attestation/test-result/v0.1",
        "https://openvex.dev/ns",
    ]
    leaves = {str(parse_bundle(place.read_bytes()).material) for place in places}
    assert len(leaves) == 1
    for uri in types(*places):
        accepted(sandbox, "app.whl", "--type", uri)


def test_one_kind_keeps_the_plain_name(sandbox: Sandbox, files: Path) -> None:
    """Design: `<file>.sigstore.json` where a file gets one attestation."""
    assert run(sandbox, "attest", "app.whl", "--vuln", "grype.json", "--vuln-form", "in-toto").return_value == 0
    assert types(files / "app.whl.sigstore.json") == ["https://in-toto.io/attestation/vulns/v0.2"]


@pytest.mark.parametrize(("more", "name"), [((), "attestation"), (("--subjects-at-most", "1"), "attestation-1")])
def test_one_statement_of_each_kind(sandbox: Sandbox, files: Path, more: tuple[str, ...], name: str) -> None:
    """Several kinds over all subjects."""
    (files / "b.whl").write_bytes(b"b")
    options = ("--one-statement", "--sbom", "cdx.json", "--test-results", "junit.xml", *more)
    assert run(sandbox, "attest", "*.whl", *options).return_value == 0
    assert (files / f"{name}.sbom.sigstore.json").exists()
    assert (files / f"{name}.test-result.sigstore.json").exists()


def test_all_in_one_file(sandbox: Sandbox, files: Path) -> None:
    """`--bundle` with several attestations is JSON Lines, which verify reads."""
    result = run(sandbox, "attest", "app.whl", *ALL, "--bundle", "all.sigstore.jsonl")
    assert result.exception is None, result.exception
    assert len(types(files / "all.sigstore.jsonl")) == len(KINDS)
    accepted(sandbox, "app.whl", "--bundle", "all.sigstore.jsonl", "--type", "https://openvex.dev/ns")


def test_an_image_gets_each(sandbox: Sandbox, files: Path) -> None:
    """The same options attach to an image."""
    image = str(push(sandbox, "kinds"))
    assert run(sandbox, "attest", image, *ALL).return_value == 0
    for uri in ("https://cyclonedx.org/bom", "https://slsa.dev/provenance/v1"):
        accepted(sandbox, image, "--type", uri)


@pytest.mark.parametrize(
    ("kind", "file", "uri"),
    [
        ("spdxjson", "spdx.json", "https://spdx.dev/Document"),
        ("spdx", "spdx.tag", "https://spdx.dev/Document"),
        ("cyclonedx", "cdx.xml", "https://cyclonedx.org/bom"),
        ("custom", "junit.xml", "https://cosign.sigstore.dev/attestation/v1"),
        ("https://acme.example/any", "vex.json", "https://acme.example/any"),
    ],
)
def test_types_by_name(sandbox: Sandbox, files: Path, kind: str, file: str, uri: str) -> None:
    """Every name of cosign and gh, with the forms that its documents have."""
    (files / "cdx.xml").write_text('<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components/></bom>')
    (files / "spdx.tag").write_text("SPDXVersion: SPDX-2.3\nDocumentName: a\nDocumentNamespace: https://a.example\n")
    result = run(sandbox, "attest", "app.whl", "--type", kind, "--predicate", file)
    assert result.exception is None, result.exception
    assert types(files / "app.whl.sigstore.json") == [uri]
    assert run(sandbox, "attest", "app.whl", "--sbom", "spdx.tag", "--sbom", "cdx.xml").return_value == 0


@pytest.mark.parametrize(
    ("options", "content", "code"),
    [
        (("--sbom", "bad"), "{}", "sbom-unknown"),
        (("--sbom", "absent"), "", "file-unreadable"),
        (("--sbom", "bad"), '{"spdxVersion": "SPDX-9"}', "predicate-malformed"),
        (
            ("--sbom", "bad", "--check-schema"),
            '{"bomFormat": "CycloneDX", "specVersion": "1.6", "odd": 1}',
            "sbom-schema",
        ),
        (("--sbom", "bad", "--check-schema"), '{"bomFormat": "CycloneDX", "specVersion": "0.1"}', "sbom-schema"),
        (
            ("--sbom", "bad", "--check-schema"),
            json.dumps({**SPDX, "spdxVersion": "SPDX-2.3", "SPDXID": 1}),
            "sbom-schema",
        ),
        (
            ("--sbom", "bad"),
            json.dumps({**CDX, "metadata": {"component": {"version": "sha256:" + "0" * 64}}}),
            "sbom-subject-mismatch",
        ),
        (("--vuln", "bad"), "{}", "scan-unknown"),
        (("--vuln", "bad"), "[]", "predicate-malformed"),
        (("--test-results", "bad"), '<!DOCTYPE a [<!ENTITY x "y">]><testsuite>&x;</testsuite>', "xml-doctype"),
        (("--vex", "bad"), "{}", "predicate-malformed"),
        (("--type", "slsaprovenance1", "--predicate", "bad"), json.dumps(CDX), "predicate-malformed"),
        (("--type", "vsa"), "", "predicate-missing"),
        (("--type", "odd"), "", "predicate-type-unknown"),
        (("--build-started", "yesterday"), "", "option-malformed"),
        (("--dependencies", "bad"), "[{}]", "predicate-malformed"),
    ],
)
def test_refused(sandbox: Sandbox, files: Path, options: tuple[str, ...], content: str, code: str) -> None:
    """Issue 6, bad input: nothing is signed."""
    (files / "bad").write_text(content)
    assert refused(run(sandbox, "attest", "app.whl", *options))[0] == code
    assert list(files.glob("*.sigstore.json")) == []


def test_provenance_may_say_more(sandbox: Sandbox, files: Path) -> None:
    """Times, allow-listed inputs and further dependencies; an input that is not named stays private."""
    (files / "event.json").write_text(json.dumps({"inputs": {"level": "3", "secret": "x"}}))
    (files / "took.json").write_text('[{"uri": "pkg:generic/compiler@1", "digest": {"sha256": "ab"}}]')
    options = ("--workflow-input", "level", "--workflow-input", "absent", "--dependencies", "took.json")
    times = ("--build-started", "2026-01-01T00:00:00Z", "--build-finished", "2026-01-01T01:00:00+01:00")
    environ = {"GITHUB_EVENT_PATH": str(files / "event.json")}
    result = run(sandbox, "attest", "app.whl", *options, *times, environ=environ)
    assert result.exception is None, result.exception
    bundle = parse_bundle((files / "app.whl.sigstore.json").read_bytes())
    predicate = parse_statement(bundle.content.payload).predicate  # type: ignore[union-attr]
    assert predicate is not None
    assert predicate["buildDefinition"]["externalParameters"]["inputs"] == {"level": "3"}
    assert predicate["buildDefinition"]["resolvedDependencies"][1]["uri"] == "pkg:generic/compiler@1"
    metadata = predicate["runDetails"]["metadata"]
    assert (metadata["startedOn"], metadata["finishedOn"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


def test_a_large_sbom_is_attested_by_its_digest(sandbox: Sandbox, files: Path) -> None:
    """Issue 6: an in-toto ResourceDescriptor instead of the value."""
    padding = "x" * 1024
    components = ",".join(f'{{"type": "library", "name": "n{at}", "description": "{padding}"}}' for at in range(22_000))
    (files / "large.json").write_text(
        f'{{"components": [{components}], "bomFormat": "CycloneDX", "specVersion": "1.6"}}'
    )
    result = run(sandbox, "attest", "app.whl", "--sbom", "large.json")
    assert result.exception is None, result.exception
    bundle = parse_bundle((files / "app.whl.sigstore.json").read_bytes())
    predicate = parse_statement(bundle.content.payload).predicate  # type: ignore[union-attr]
    assert predicate is not None
    assert predicate["references"][0]["name"] == "large.json"
    assert predicate["references"][0]["mediaType"] == "application/vnd.cyclonedx+json"
    (files / "large.json").write_bytes(b"x" * (22 * 1024 * 1024 + 1))
    assert refused(run(sandbox, "attest", "app.whl", "--sbom", "large.json"))[0] == "sbom-unknown"


def test_syft_on_our_own_wheel(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real wheel, its real SBOM by syft, and the JUnit file of a real test run of sigstep."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    wheel = next(tmp_path.glob("*.whl")).name
    pytest_run = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n0",
        "--junitxml",
        str(tmp_path / "junit.xml"),
        "tests/shape/test_codes.py",
    ]
    subprocess.run(pytest_run, check=True, cwd=ROOT, capture_output=True, timeout=120)
    result = run(sandbox, "attest", wheel, "--sbom", f"auto:{wheel}", "--test-results", "junit.xml")
    assert result.exception is None, result.exception
    bundle = parse_bundle((tmp_path / f"{wheel}.test-result.sigstore.json").read_bytes())
    predicate = parse_statement(bundle.content.payload).predicate  # type: ignore[union-attr]
    assert predicate is not None
    assert predicate["result"] == "PASSED"
    bundle = parse_bundle((tmp_path / f"{wheel}.sbom.sigstore.json").read_bytes())
    predicate = parse_statement(bundle.content.payload).predicate  # type: ignore[union-attr]
    assert predicate is not None
    assert predicate["bomFormat"] == "CycloneDX"
    other = tmp_path / "other.whl"
    other.write_bytes(b"other")
    assert refused(run(sandbox, "attest", "other.whl", "--sbom", f"auto:{wheel}"))[0] == "sbom-subject-mismatch"


def test_syft_on_our_own_environment(sandbox: Sandbox, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that the tests run in: its real SBOM, judged by what is in it."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    site = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    result = run(sandbox, "attest", "app.whl", "--sbom", f"auto:{site}")
    assert result.exception is None, result.exception
    policy = """schema: sigstep/policy/v1
signers:
  release: {issuer: "https://token.actions.githubusercontent.com", subject: {glob: "https://github.com/acme/app/**"}}
rules:
- {name: r, blobs: ["**"], attestations: [{type: sbom, any-of: [release], sbom: {WHAT: [cryptography]}}]}
"""
    for what, status in (("components", 0), ("without-components", 1)):
        (files / "policy.yml").write_text(policy.replace("WHAT", what))
        result = run(sandbox, "verify", "app.whl", "--policy", "policy.yml")
        assert (result.exception, result.return_value) == (None, status), result.output
