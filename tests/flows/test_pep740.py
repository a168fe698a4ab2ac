"""`sigstep attest --pep740`: objects that the reader of package indexes verifies."""

from __future__ import annotations

import json
from pathlib import Path

import pypi_attestations
import pytest
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier
from tests.flows.main_line import accepted, run
from tests.sandboxes import private_sandbox, sandbox

from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.wire.bundle import parse_bundle

__all__ = ["private_sandbox", "sandbox"]
WHEEL = "acme_app-1.0-py3-none-any.whl"
PUBLISHER = {"kind": "GitHub", "repository": "acme/app", "workflow": "release.yml", "environment": None}


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel and a source distribution."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / WHEEL).write_bytes(b"wheel")
    (tmp_path / "acme_app-1.0.tar.gz").write_bytes(b"sdist")
    return tmp_path


def read(path: Path) -> pypi_attestations.Attestation:
    """The object, as pypi-attestations reads it."""
    return pypi_attestations.Attestation.model_validate_json(path.read_text())


def test_pypi_attestations_verifies(sandbox: Sandbox, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: checked by the reader of package indexes, with the publisher's policy; and by sigstep."""
    result = run(sandbox, "attest", WHEEL, "acme_app-1.0.tar.gz", "--pep740")
    assert (result.exception, result.return_value) == (None, 0), result.output
    root = ClientTrustConfig.from_json(json.dumps(sandbox.client_trust_config())).trusted_root
    monkeypatch.setattr(Verifier, "production", lambda offline: Verifier(trusted_root=root))
    publisher = pypi_attestations.GitHubPublisher.model_validate(PUBLISHER)
    for name in (WHEEL, "acme_app-1.0.tar.gz"):
        attestation = read(dist / f"{name}.slsa.attestation")
        kind, predicate = attestation.verify(publisher, pypi_attestations.Distribution.from_file(dist / name))
        assert kind == "https://slsa.dev/provenance/v1"
        assert predicate is not None
        accepted(sandbox, name, "--bundle", f"{name}.slsa.attestation")
    attestation = read(dist / f"{WHEEL}.slsa.attestation")
    (dist / WHEEL).write_bytes(b"tampered")
    with pytest.raises(pypi_attestations.VerificationError):
        attestation.verify(publisher, pypi_attestations.Distribution.from_file(dist / WHEEL))


def test_found_beside_the_file(sandbox: Sandbox, dist: Path) -> None:
    """By themselves; and in a folder they are no files that somebody would have to sign."""
    assert run(sandbox, "attest", WHEEL, "acme_app-1.0.tar.gz", "--pep740").return_value == 0
    accepted(sandbox, str(dist))
    for bundle in dist.glob("*.sigstore.json"):
        bundle.unlink()
    (dist / f"{WHEEL}.slsa.attestation").rename(dist / f"{WHEEL}.publish.attestation")
    accepted(sandbox, WHEEL)
    accepted(sandbox, str(dist))


def test_only_provenance_of_each(sandbox: Sandbox, dist: Path) -> None:
    """Other kinds are not part of PEP 740; `--output-dir` holds."""
    (dist / "junit.xml").write_text('<testsuite><testcase name="a"/></testsuite>')
    options = ("--provenance", "--test-results", "junit.xml", "--pep740", "--output-dir", "out")
    assert run(sandbox, "attest", WHEEL, *options).return_value == 0
    assert [one.name for one in (dist / "out").glob("*.attestation")] == [f"{WHEEL}.slsa.attestation"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((WHEEL, "acme_app-1.0.tar.gz", "--one-statement"), "pep740-subject"),
        (("other.txt",), "pep740-subject"),
        ((WHEEL, "--trust-config", "v2.json"), "pep740-log"),
    ],
)
def test_refused(sandbox: Sandbox, dist: Path, options: tuple[str, ...], code: str) -> None:
    """What PEP 740 cannot hold is told; the bundle is there all the same."""
    (dist / "other.txt").write_text("x")
    (dist / "v2.json").write_text(json.dumps(sandbox.client_trust_config(2)))
    result = run(sandbox, "attest", *options, "--pep740", "--format", "json")
    assert (result.exception, result.return_value) == (None, 2), result.output
    assert code in result.output
    assert list(dist.glob("*.sigstore.json"))
    assert not list(dist.glob("*.attestation"))


def test_no_log(private_sandbox: Sandbox, dist: Path) -> None:
    """An instance without a log."""
    result = run(private_sandbox, "attest", WHEEL, "--pep740")
    assert (result.exception, result.return_value) == (None, 2)
    assert "pep740-log" in result.output


def test_a_pending_bundle_is_not_published(sandbox: Sandbox, dist: Path) -> None:
    """While the log is out nobody could verify it, and an index takes nothing back: the bundle waits for its entry."""
    sandbox.faults.set("rekor-v1", Fault(kind="status"))
    try:
        result = run(sandbox, "attest", WHEEL, "--pep740", "--on-log-outage", "defer", "--retry-for", "0")
    finally:
        sandbox.faults.clear("rekor-v1")
    assert (result.exception, result.return_value) == (None, 2), result.output
    assert "publish-pending" in result.output
    assert parse_bundle((dist / f"{WHEEL}.sigstore.json").read_bytes()).pending
    assert not list(dist.glob("*.attestation"))
