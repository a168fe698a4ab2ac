"""Signing and attesting through the sandbox, by the command line; verified by ``sigstep verify``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.sandboxes import private_sandbox, sandbox

from sigstep.cli.main import sigstep
from sigstep.errors import SigstepError
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.wire.bundle import parse_bundle

__all__ = ["private_sandbox", "sandbox"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one.whl", "two.tar.gz", "empty"):
        (tmp_path / name).write_bytes(name.encode() if name != "empty" else b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(box: Sandbox, *arguments: str, token: bool = True, environ: dict[str, str] | None = None) -> Result:
    cleared: dict[str, str | None] = {"SIGSTORE_ID_TOKEN": None, "GITHUB_ACTOR": None}
    variables = cleared | box.environ(token=token) | (environ or {})
    return CliRunner().invoke(sigstep, [*arguments], env=variables, standalone_mode=False)


def refused(result: Result) -> tuple[str, int]:
    assert isinstance(result.exception, SigstepError), result.output
    return result.exception.code, result.exception.exit_code


def accepted(box: Sandbox, *arguments: str) -> None:
    result = run(box, "verify", *arguments, "--repo", str(box.issuer.claims["repository"]))
    assert result.exception is None, result.exception
    assert result.return_value == 0, result.output


def test_files_are_signed_and_verify(sandbox: Sandbox, files: Path) -> None:
    """Issue 2.4: message signatures, one bundle each, verified before they are written."""
    result = run(sandbox, "sign", "*.whl", "*.gz", "empty", "one.whl", "--format", "json")
    assert result.exception is None, result.exception
    assert [one["bundle"] for one in json.loads(result.output)["made"]] == [
        "one.whl.sigstore.json",
        "two.tar.gz.sigstore.json",
        "empty.sigstore.json",
    ]
    accepted(sandbox, "one.whl", "two.tar.gz", "empty")


def test_a_tampered_file_is_refused(sandbox: Sandbox, files: Path) -> None:
    """Issue 2, bad input."""
    assert run(sandbox, "sign", "one.whl").return_value == 0
    (files / "one.whl").write_bytes(b"tampered")
    result = run(sandbox, "verify", "one.whl", "--repo", str(sandbox.issuer.claims["repository"]))
    assert result.return_value == 1


def test_provenance_of_all_files_in_one_statement(sandbox: Sandbox, files: Path) -> None:
    """One statement over all subjects, with content from verified claims."""
    result = run(sandbox, "attest", "*.whl", "*.gz", "--one-statement")
    assert result.exception is None, result.exception
    bundle = files / "attestation.sigstore.json"
    accepted(sandbox, "one.whl", "two.tar.gz", "--bundle", str(bundle), "--type", "https://slsa.dev/provenance/v1")


def test_a_statement_is_split_at_the_limit(sandbox: Sandbox, files: Path) -> None:
    """Issue 4: automatic split at a settable limit."""
    result = run(sandbox, "attest", "*.whl", "*.gz", "empty", "--one-statement", "--subjects-at-most", "2")
    assert result.return_value == 0
    assert sorted(path.name for path in files.glob("attestation*")) == [
        "attestation-1.sigstore.json",
        "attestation-2.sigstore.json",
    ]


def test_a_predicate_of_the_user(sandbox: Sandbox, files: Path) -> None:
    """--type and --predicate."""
    (files / "predicate.json").write_text('{"answer":42}')
    uri = "https://example.com/predicate/v1"
    assert run(sandbox, "attest", "one.whl", "--type", uri, "--predicate", "predicate.json").return_value == 0
    accepted(sandbox, "one.whl", "--type", uri)


@pytest.mark.parametrize("algorithm", ["ecdsa-p384", "ecdsa-p521", "rsa-2048"])
def test_other_key_algorithms(sandbox: Sandbox, files: Path, algorithm: str) -> None:
    """Issue 4: other algorithms of the registry by option."""
    result = run(sandbox, "sign", "one.whl", "--key-algorithm", algorithm)
    assert result.exception is None, result.exception
    accepted(sandbox, "one.whl")


def test_the_second_log_version(sandbox: Sandbox, files: Path) -> None:
    """Rekor v2 with a timestamp authority."""
    config = files / "v2.json"
    config.write_text(json.dumps(sandbox.client_trust_config(2)))
    for command in ("sign", "attest"):
        result = run(sandbox, command, "two.tar.gz", "--trust-config", str(config))
        assert result.exception is None, result.exception
        bundle = parse_bundle((files / "two.tar.gz.sigstore.json").read_bytes())
        assert bundle.entries[0].kind_version == "0.0.2"
        accepted(sandbox, "two.tar.gz")


def test_a_private_instance_writes_to_no_log(private_sandbox: Sandbox, files: Path) -> None:
    """GitHub's instance: Fulcio and TSA."""
    result = run(private_sandbox, "sign", "one.whl")
    assert result.exception is None, result.exception
    assert parse_bundle((files / "one.whl.sigstore.json").read_bytes()).entries == ()
    accepted(private_sandbox, "one.whl")


def test_resuming_keeps_what_is_there(sandbox: Sandbox, files: Path) -> None:
    """Issue 4: a re-run signs only what is missing; a changed file is signed afresh."""
    run(sandbox, "sign", "one.whl", "two.tar.gz")
    (files / "two.tar.gz").write_bytes(b"changed")
    result = run(sandbox, "sign", "*.whl", "*.gz", "empty", "--resume", "--format", "json")
    assert [one["kept"] for one in json.loads(result.output)["made"]] == [True, False, False]
    accepted(sandbox, "one.whl", "two.tar.gz", "empty")


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


def test_resuming_does_not_keep_the_bundle_of_another_signer(sandbox: Sandbox, files: Path) -> None:
    """A bundle of another repository's build is not ours, however well it verifies."""
    token = files / "token"
    token.write_text(sandbox.token(repository="someone/else"))
    assert run(sandbox, "sign", "one.whl", "--token-file", str(token)).return_value == 0
    result = run(sandbox, "sign", "one.whl", "--resume", "--format", "json")
    assert [one["kept"] for one in json.loads(result.output)["made"]] == [False]
    accepted(sandbox, "one.whl")
