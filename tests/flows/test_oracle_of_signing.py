"""sigstep signs and attests through the sandbox; sigstore-python and sigstore-js verify."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
from tests.flows import javascript

from sigstep.cli.main import sigstep
from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

SIGNER = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
POLICY = Identity(identity=SIGNER, issuer=GITHUB_ISSUER)


@pytest.fixture(scope="module", params=[1, 2], ids=["v1", "v2"])
def log(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox for each Rekor."""
    javascript.install()
    with Sandbox(log_version=request.param) as running:
        yield running


def made(log: Sandbox, folder: Path, command: str) -> Path:
    """The bundle that ``sigstep sign`` or ``sigstep attest`` writes for a file."""
    (folder / "f").write_bytes(b"hello")
    variables: dict[str, str | None] = {"SIGSTORE_ID_TOKEN": None, **log.environ()}
    result = CliRunner().invoke(
        sigstep, [command, str(folder / "f")], env=variables, standalone_mode=False, catch_exceptions=False
    )
    assert result.return_value == 0, result.output
    (bundle,) = folder.glob("*.sigstore.json")
    return bundle


def verifier(log: Sandbox) -> Verifier:
    """sigstore-python's verifier."""
    return Verifier(trusted_root=ClientTrustConfig.from_json(json.dumps(log.client_trust_config())).trusted_root)


def js(log: Sandbox, bundle: Path, file: str) -> int:
    """The exit status of sigstore-js."""
    return javascript.run(
        "verify.js", str(log.trusted_root_file), str(bundle), file, SIGNER, GITHUB_ISSUER, "1"
    ).returncode


def test_signed(log: Sandbox, tmp_path: Path) -> None:
    """A message signature."""
    bundle = made(log, tmp_path, "sign")
    verifier(log).verify_artifact(b"hello", Bundle.from_json(bundle.read_bytes()), POLICY)
    assert js(log, bundle, str(tmp_path / "f")) == 0


def test_attested(log: Sandbox, tmp_path: Path) -> None:
    """Provenance."""
    bundle = made(log, tmp_path, "attest")
    _, payload = verifier(log).verify_dsse(Bundle.from_json(bundle.read_bytes()), POLICY)
    assert json.loads(payload)["predicateType"] == "https://slsa.dev/provenance/v1"
    assert js(log, bundle, "-") == 0
