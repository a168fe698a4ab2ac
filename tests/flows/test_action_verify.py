"""The step ``verify`` as a runner runs it: the real act, the real set-up from wheels, files that another tool signed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acts import act
from tests.attesting import RELEASE, RELEASES, bundle, statement

from sigstep.sandbox.local import Sandbox

WORKFLOW = """
name: ci
on: push
permissions: {}
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: verify
        uses: acme/sigstep/verify@v1
        with:
          subject-path: dist/*.txt
          %s
"""
TAMPERED = WORKFLOW.replace("      - id", "      - run: echo more >> dist/widget.txt\n      - id")


@pytest.fixture(scope="module")
def signed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A file and the bundle that sigstore-python made of it through the sandbox."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "widget.txt").write_bytes(b"a widget\n")
    command = [sys.executable, "-W", "ignore", "-m", "sigstore", "--trust-config", str(sandbox.trust_config_file)]
    command += ["sign", "--identity-token", sandbox.token(), "widget.txt"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return {f"dist/{path.name}": path.read_bytes() for path in folder.iterdir()}


def test_a_signed_file_is_verified(sandbox: Sandbox, signed: dict[str, bytes], tmp_path: Path) -> None:
    """Outputs, summary and exit status of a step whose files are as they were signed."""
    repository = str(sandbox.issuer.claims["repository"])
    ran = act(WORKFLOW % f"repo: {repository}", tmp_path, files=signed, env=sandbox.environ())
    assert ran.status == 0, ran.log
    outputs = ran.outputs("verify")
    assert outputs["outcome"] == "verified"
    assert (outputs["verified-count"], outputs["failed-count"]) == ("1", "0")
    assert "1 of 1 verified" in ran.summary
    assert ran.errors == []


def test_a_tampered_file_ends_the_job(sandbox: Sandbox, signed: dict[str, bytes], tmp_path: Path) -> None:
    """Exit 1, an annotation with the code, all outputs written."""
    repository = str(sandbox.issuer.claims["repository"])
    ran = act(TAMPERED % f"repo: {repository}", tmp_path, files=signed, env=sandbox.environ())
    assert ran.status == 1
    outputs = ran.outputs("verify")
    assert outputs["outcome"] == "refused"
    assert (outputs["verified-count"], outputs["failed-count"]) == ("0", "1")
    assert len(ran.errors) == 1
    assert "refused" in ran.summary


@pytest.mark.parametrize(("asked", "status"), [("acme/app@v1", 0), ("acme/app@v2", 1)])
def test_an_asset_of_a_release(sandbox: Sandbox, tmp_path: Path, asked: str, status: int) -> None:
    """GitHub's own word about a release, by the input ``release-of``."""
    digest = {"sha256": hashlib.sha256(b"an asset").hexdigest()}
    said = bundle(sandbox, statement("asset.txt", digest, RELEASE, {"repository": "acme/app", "tag": "v1"}), RELEASES)
    files = {"dist/asset.txt": b"an asset", "dist/asset.txt.sigstore.json": json.dumps(said).encode()}
    ran = act(WORKFLOW % f"release-of: {asked}", tmp_path, files=files, env=sandbox.environ())
    assert ran.status == status, ran.log
    assert ("release-mismatch" in ran.log) == bool(status)


def test_no_signer_is_a_usage_error(sandbox: Sandbox, signed: dict[str, bytes], tmp_path: Path) -> None:
    """A step that names nobody refuses to pass anybody."""
    ran = act(WORKFLOW % "offline: true", tmp_path, files=signed, env=sandbox.environ())
    assert ran.status == 1
    assert ran.outputs("verify")["outcome"] == "usage"
    assert "[input-signer-missing]" in ran.errors[0]
