"""sigstore-js signs through the sandbox, and sigstep and sigstore-js verify; sigstore-js verifies sigstore-python's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows import javascript
from tests.flows.test_oracle_sigstore_python import DIGEST, WORKFLOW, signed
from tests.sandboxes import private_sandbox, sandbox

from sigstep.cli.verify import command
from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

__all__ = ["private_sandbox", "sandbox"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "hello", "digest": {"sha256": DIGEST}}],
    "predicateType": "https://predicate.example/v1",
    "predicate": {},
}


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    javascript.install()


def made(sandbox: Sandbox, folder: Path, log: int, kind: str = "") -> Path:
    """The bundle beside the file ``hello``, signed or (with an entry kind) attested by sigstore-js."""
    (folder / "hello").write_bytes(b"hello")
    source = folder / "hello"
    extra: tuple[str, ...] = ("dsse",)
    if kind:
        source = folder / "statement"
        source.write_text(json.dumps(STATEMENT))
        extra = (kind, PAYLOAD_TYPE)
    run = javascript.run("sign.js", sandbox.url, str(source), str(log), *extra, token=sandbox.token())
    assert run.returncode == 0, run.stderr
    (folder / "hello.sigstore.json").write_text(run.stdout)
    return folder / "hello.sigstore.json"


def sigstep_verifies(sandbox: Sandbox, file: Path, repository: str = "acme/app") -> int:
    """The exit status of ``sigstep verify``."""
    arguments = [str(file), "--trusted-root", str(sandbox.trusted_root_file), "--repo", repository]
    result = CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False)
    status: int = result.return_value
    return status


def js_verifies(sandbox: Sandbox, bundle: Path, file: str) -> int:
    """The exit status of sigstore-js."""
    logs = "0" if sandbox.private else "1"
    arguments = (str(sandbox.trusted_root_file), str(bundle), file, WORKFLOW, GITHUB_ISSUER, logs)
    return javascript.run("verify.js", *arguments).returncode


@pytest.mark.parametrize("log", [1, 2])
def test_message_signature(sandbox: Sandbox, tmp_path: Path, log: int) -> None:
    """Both logs, both verifiers; another repository or other bytes are refused."""
    bundle = made(sandbox, tmp_path, log)
    file = tmp_path / "hello"
    assert (sigstep_verifies(sandbox, file), js_verifies(sandbox, bundle, str(file))) == (0, 0)
    assert sigstep_verifies(sandbox, file, "acme/other") == 1
    file.write_bytes(b"hullo")
    assert (sigstep_verifies(sandbox, file), js_verifies(sandbox, bundle, str(file))) == (1, 1)


@pytest.mark.parametrize("kind", ["dsse", "intoto"])
def test_attestation(sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    """Both kinds of entry of Rekor v1 (sigstore-js has no form for attestations that Rekor v2 takes)."""
    bundle = made(sandbox, tmp_path, 1, kind)
    assert (sigstep_verifies(sandbox, tmp_path / "hello"), js_verifies(sandbox, bundle, "-")) == (0, 0)
    (tmp_path / "hello").write_bytes(b"hullo")
    assert sigstep_verifies(sandbox, tmp_path / "hello") == 1


def test_private_instance(private_sandbox: Sandbox, tmp_path: Path) -> None:
    """No log, no SCT: the time stamp alone."""
    bundle = made(private_sandbox, tmp_path, 0, "dsse")
    assert (sigstep_verifies(private_sandbox, tmp_path / "hello"), js_verifies(private_sandbox, bundle, "-")) == (0, 0)


@pytest.mark.parametrize("log", [1, 2])
def test_sigstore_js_verifies_sigstore_python(sandbox: Sandbox, tmp_path: Path, log: int) -> None:
    """The sandbox's answers suit both."""
    (tmp_path / "hello").write_bytes(b"hello")
    (tmp_path / "bundle").write_text(signed(sandbox, log, sandbox.token()).to_json())
    assert js_verifies(sandbox, tmp_path / "bundle", str(tmp_path / "hello")) == 0
