"""Signing and attesting through the sandbox, by the command line; verified by ``sigstep verify``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.flows.main_line import accepted, files, refused, run
from tests.sandboxes import private_sandbox, sandbox

from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.wire.bundle import parse_bundle

__all__ = ["files", "private_sandbox", "sandbox"]


def test_a_private_instance_writes_to_no_log(private_sandbox: Sandbox, files: Path) -> None:
    """GitHub's instance: Fulcio and TSA."""
    result = run(private_sandbox, "sign", "one.whl")
    assert result.exception is None, result.exception
    assert parse_bundle((files / "one.whl.sigstore.json").read_bytes()).entries == ()
    accepted(private_sandbox, "one.whl")


@pytest.mark.parametrize(
    ("arguments", "environ", "token", "expected"),
    [
        (("one.whl",), {}, False, ("token-permission", 4)),
        (("one.whl",), {"GITHUB_ACTOR": "dependabot[bot]"}, False, ("token-dependabot", 4)),
        (("*.nothing",), {}, True, ("subject-missing", 3)),
        ((), {}, True, ("no-subject", 3)),
        (("one.whl", "--output-dir", "two.tar.gz/x"), {}, True, ("output-unwritable", 2)),
        (("one.whl", "--retry-for", "soon"), {}, True, ("option-malformed", 2)),
        (("one.whl", "--digest", "sha256:00"), {}, True, ("option-conflict", 2)),
        (("one.whl", "--key-algorithm", "ed25519"), {}, True, ("key-no-digest", 2)),
        (("one.whl", "--token-variable", "NO_TOKEN"), {}, True, ("token-variable-empty", 4)),
    ],
)
def test_bad_input(
    sandbox: Sandbox,
    files: Path,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    token: bool,
    expected: tuple[str, int],
) -> None:
    """Issue 2, bad input: each a clear error with its exit code, and no half-written file."""
    before = sorted(files.rglob("*"))
    assert refused(run(sandbox, "sign", *arguments, token=token, environ=environ)) == expected
    assert sorted(files.rglob("*")) == before


@pytest.mark.parametrize(("audience", "code"), [("other", "token-audience"), ("sigstore", "token-expired")])
def test_a_token_that_no_authority_takes(sandbox: Sandbox, files: Path, audience: str, code: str) -> None:
    """Wrong audience, expired: refused before anything is sent."""
    path = files / "token"
    path.write_text(sandbox.token(audience, lifetime=-5 if code == "token-expired" else 300))
    assert refused(run(sandbox, "sign", "one.whl", "--token-file", str(path))) == (code, 4)


def test_a_log_outage_can_be_deferred(sandbox: Sandbox, files: Path) -> None:
    """A pending bundle is marked, and does not verify where a log entry is asked for."""
    sandbox.faults.set("rekor-v1", Fault(kind="status"))
    try:
        result = run(sandbox, "sign", "one.whl", "--on-log-outage", "defer", "--retry-for", "0")
    finally:
        sandbox.faults.clear("rekor-v1")
    assert result.return_value == 0, result.exception
    assert "PENDING" in result.output
    assert parse_bundle((files / "one.whl.sigstore.json").read_bytes()).pending
    shown = run(sandbox, "verify", "one.whl", "--repo", str(sandbox.issuer.claims["repository"]))
    assert shown.return_value == 1


@pytest.mark.parametrize(("command", "version"), [("sign", 1), ("attest", 1), ("sign", 2), ("attest", 2)])
def test_a_pending_bundle_is_completed(sandbox: Sandbox, files: Path, command: str, version: int) -> None:
    """Issue 4: the entry comes later, in place; a second run changes nothing."""
    config = files / "trust.json"
    config.write_text(json.dumps(sandbox.client_trust_config(version)))
    service = f"rekor-v{version}"
    sandbox.faults.set(service, Fault(kind="status"))
    try:
        run(sandbox, command, "one.whl", "--trust-config", str(config), "--on-log-outage", "defer", "--retry-for", "0")
        still = run(sandbox, "complete", "one.whl.sigstore.json", "--trust-config", str(config), "--retry-for", "0")
    finally:
        sandbox.faults.clear(service)
    assert refused(still) == ("service-unavailable", 4)
    for _ in range(2):
        done = run(sandbox, "complete", "one.whl.sigstore.json", "--trust-config", str(config))
        assert done.exception is None, done.exception
        accepted(sandbox, "one.whl")


def test_trust_is_shown_and_exported(sandbox: Sandbox, files: Path) -> None:
    """What is trusted, offline; and from a TUF repository of one's own."""
    shown = run(sandbox, "trust", "show")
    assert "https://rekor.sigstore.dev" in shown.output
    root = ("--tuf-root", str(sandbox.folder / "root.json"))
    environ = {"SIGSTEP_CACHE_DIR": str(files / "cache")}
    updated = run(sandbox, "trust", "update", sandbox.tuf_url, *root, environ=environ)
    assert updated.exception is None, updated.exception
    assert "timestamp authority" in updated.output
    assert run(sandbox, "trust", "export", sandbox.tuf_url, "root.json", *root, environ=environ).exception is None
    assert (files / "root.json").read_bytes() == sandbox.trusted_root_file.read_bytes()
