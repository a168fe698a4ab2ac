"""An SBOM of 16 MiB through the real servers, verified by cosign and by sigstep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.attestations import sbom
from tests.interop.peers import IDENTITY, run
from tests.interop.stack.issuer import ISSUER
from tests.interop.stack.real import RealStack
from tests.interop.test_matrix import make_desk
from tests.interop.tools import tool

from sigstep.model import limits


@pytest.fixture(scope="module")
def stack() -> Iterator[RealStack]:
    """Real servers."""
    with RealStack() as running:
        yield running


@pytest.mark.parametrize("rekor", [1, 2])
def test_sixteen_mebibytes(stack: RealStack, tmp_path: Path, rekor: int) -> None:
    """By value: the logs keep digests only."""
    desk = make_desk(stack, tmp_path, rekor)
    (tmp_path / "sbom.json").write_bytes(sbom(limits.PREDICATE_BYTES))
    bundle = tmp_path / "large.sigstore.json"
    options = ("--trust-config", desk.trust_config, "--sbom", tmp_path / "sbom.json", "--bundle", bundle)
    done = run("sigstep", "attest", *options, desk.artifact, environ=desk.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    identity = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)
    asked = ("--type", "cyclonedx", "--bundle", bundle, "--trusted-root", desk.trusted_root, *identity)
    done = run(tool("cosign"), "verify-blob-attestation", *asked, desk.artifact)
    assert done.returncode == 0, done.stdout + done.stderr
    who = ("--identity", IDENTITY, "--issuer", ISSUER, "--trusted-root", desk.trusted_root, "--type", "cyclonedx")
    done = run("sigstep", "verify", "--offline", "--bundle", bundle, *who, desk.artifact)
    assert done.returncode == 0, done.stdout + done.stderr
