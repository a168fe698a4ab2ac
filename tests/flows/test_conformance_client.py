"""The conformance suite's client, driven by its protocol against the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sigstep.model.digest import Algorithm, Digest
from sigstep.sandbox.local import Sandbox

CLIENT = Path(__file__).parents[1] / "interop" / "conformance_client"
OTHER = {"name": "b.txt", "digest": {"sha512": Digest.of(b"b", Algorithm.SHA512).hex, "sha256": Digest.of(b"b").hex}}
ISSUER = "https://token.actions.githubusercontent.com"


def call(*arguments: object) -> int:
    """Exit status of one call."""
    command = [sys.executable, str(CLIENT), *(str(one) for one in arguments)]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize("in_toto", [False, True])
def test_sign_then_verify(sandbox: Sandbox, tmp_path: Path, rekor: int, in_toto: bool) -> None:
    """What it signs it verifies; another identity, and another artifact, it does not."""
    artifact, config, bundle = tmp_path / "a.txt", tmp_path / "signing_config.json", tmp_path / "a.sigstore.json"
    artifact.write_text("content\n")
    config.write_text(json.dumps(sandbox.signing_config(rekor)))
    signed: Path = artifact
    if in_toto:
        signed = tmp_path / "statement.json"
        subject = {"name": "a.txt", "digest": {"sha256": Digest.of(artifact.read_bytes()).hex}}
        statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [OTHER, subject], "predicate": {"a": 1}}
        signed.write_text(json.dumps({**statement, "predicateType": "https://example.com/predicate/v1"}))
    root = ["--trusted-root", sandbox.trusted_root_file]
    kind = ["--in-toto"] if in_toto else []
    signing = ["--identity-token", sandbox.token(), "--bundle", bundle, *root, "--signing-config", config, *kind]
    assert call("sign-bundle", *signing, signed) == 0
    identity = sandbox.issuer.check(sandbox.token())["job_workflow_ref"]
    signer = ["--certificate-identity", f"https://github.com/{identity}", "--certificate-oidc-issuer", ISSUER]
    assert call("verify-bundle", "--bundle", bundle, *signer, *root, artifact) == 0
    assert call("verify-bundle", "--bundle", bundle, *signer, *root, str(Digest.of(artifact.read_bytes()))) == 0
    other = ["--certificate-identity", "https://github.com/other", "--certificate-oidc-issuer", ISSUER]
    assert call("verify-bundle", "--bundle", bundle, *other, *root, artifact) == 1
    artifact.write_text("changed\n")
    assert call("verify-bundle", "--bundle", bundle, *signer, *root, artifact) == 1
