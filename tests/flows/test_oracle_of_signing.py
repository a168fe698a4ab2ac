"""sigstep signs and attests through the sandbox; sigstore-python and sigstore-js verify, by its trusted root and its
TUF repository."""

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


def test_through_the_tuf_repository(log: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both fetch the trusted root from the sandbox's repository, begun with its first root; another root is refused."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    bundle = made(log, tmp_path, "sign")
    from_tuf = Verifier(
        trusted_root=ClientTrustConfig.from_tuf(log.tuf_url, bootstrap_root=log.folder / "root.json").trusted_root
    )
    from_tuf.verify_artifact(b"hello", Bundle.from_json(bundle.read_bytes()), POLICY)
    repository = f"{log.tuf_url},{log.folder / 'root.json'},{tmp_path / 'js'}"
    arguments = (repository, str(bundle), str(tmp_path / "f"), SIGNER, GITHUB_ISSUER, "1")
    done = javascript.run("verify.js", *arguments)
    assert done.returncode == 0, done.stderr
    with Sandbox() as other:
        wrong = f"{log.tuf_url},{other.folder / 'root.json'},{tmp_path / 'js2'}"
        assert javascript.run("verify.js", wrong, *arguments[1:]).returncode == 1


def test_sigstep_through_the_tuf_repository(log: Sandbox, tmp_path: Path) -> None:
    """sigstep signs and verifies with what the repository says."""
    (tmp_path / "f").write_bytes(b"hello")
    root = ("--instance", log.tuf_url, "--tuf-root", str(log.folder / "root.json"))
    variables: dict[str, str | None] = {
        **log.environ(),
        "SIGSTEP_TRUST_CONFIG": None,
        "SIGSTEP_CACHE_DIR": str(tmp_path),
    }
    for command, options in (("sign", ()), ("verify", ("--repo", "acme/app"))):
        arguments = [command, str(tmp_path / "f"), *root, *options]
        result = CliRunner().invoke(sigstep, arguments, env=variables, standalone_mode=False, catch_exceptions=False)
        assert result.return_value == 0, result.output
