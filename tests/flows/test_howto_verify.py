"""Every command of docs/how-to/verify.md, on files that the sandbox signed."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.attesting import RELEASE, RELEASES, bundle
from tests.attesting import statement as release
from tests.flows.desk import x509_pem
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle
from tests.flows.test_verify_options import WITNESSES, verifier_key

from sigstep.cli.main import sigstep
from sigstep.sandbox import checkpoint
from sigstep.sandbox.local import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify.md"
COMMANDS = [line[2:] for line in PAGE.read_text().splitlines() if line.startswith("$ sigstep ")]


@pytest.fixture(scope="module")
def witnessed() -> Iterator[Sandbox]:
    """A sandbox whose Rekor v2 has two witnesses; its workflow is the one of the page."""
    with Sandbox(log_version=2) as running:
        running.log_v2.witnesses = tuple(checkpoint.Witness(name=name, key=key) for name, key in WITNESSES.items())
        running.issuer.claims.update(
            repository="acme/widget", job_workflow_ref="acme/widget/.github/workflows/release.yml@refs/heads/main"
        )
        yield running


def test_the_page_has_commands() -> None:
    """Nothing passes because there was nothing."""
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("command", COMMANDS)
def test_command(witnessed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Exit status 0 as it stands, with the sandbox's trusted root."""
    monkeypatch.chdir(tmp_path)
    files = {"dist/widget-1.0.tar.gz": ARTIFACT, "witnesses.txt": b""}
    log = 1 if "--signature" in command else 2
    message, statement = (
        oracle_bundle(witnessed, rekor=log, statement=one, name="widget-1.0.tar.gz") for one in (False, True)
    )
    files["witnesses.txt"] = "\n".join(verifier_key(name, key) for name, key in WITNESSES.items()).encode()
    files["dist/widget-1.0.tar.gz.sigstore.json"] = json.dumps(message).encode()
    files["widget.provenance.sigstore.json"] = json.dumps(statement).encode()
    said = {"repository": "acme/widget", "tag": "v1.0", "purl": "pkg:github/acme/widget@v1.0"}
    payload = release("widget-1.0.tar.gz", {"sha256": hashlib.sha256(ARTIFACT).hexdigest()}, RELEASE, said)
    files["widget.release.sigstore.json"] = json.dumps(bundle(witnessed, payload, RELEASES)).encode()
    files["widget.sig"] = message["messageSignature"]["signature"].encode()
    files["widget.pem"] = x509_pem(message["verificationMaterial"]["certificate"]["rawBytes"]).encode()
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    words = shlex.split(command.replace("DIGEST", hashlib.sha256(ARTIFACT).hexdigest()))[1:]
    result = CliRunner().invoke(
        sigstep,
        [*words, "--trusted-root", str(witnessed.trusted_root_file)],
        standalone_mode=False,
        catch_exceptions=False,
    )
    assert result.return_value == 0, result.output
