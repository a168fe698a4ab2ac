"""Attestations made through the sandbox, served in PEP 740's form, proved for a locked hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.repositories import commits
from tests.sandboxes import sandbox
from tests.worlds import Sent, answer, world

from sigstep.cli.main import sigstep
from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model.dependency import DependencyReport, EvidenceState
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.ports.http import Response
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
INDEX = "https://index.example/simple"


@pytest.mark.parametrize(
    ("filename", "repository", "state", "rules"),
    [
        ("foo-2.tar.gz", "", EvidenceState.VERIFIED, set()),
        ("foo-2.tar.gz", "somebody/else", EvidenceState.INVALID, {"attestation-invalid"}),
        ("foo-3.tar.gz", "", EvidenceState.INVALID, {"subject-mismatch"}),
    ],
)
def test_provenance_of_a_locked_file(
    sandbox: Sandbox, tmp_path: Path, filename: str, repository: str, state: EvidenceState, rules: set[str]
) -> None:
    """The certificate speaks; another claimed publisher and another file name are refused."""
    artifact = tmp_path / "foo-2.tar.gz"
    artifact.write_bytes(b"foo")
    environ: dict[str, str | None] = {"SIGSTORE_ID_TOKEN": None, **sandbox.environ(token=True)}
    made = CliRunner().invoke(sigstep, ["attest", str(artifact)], env=environ, standalone_mode=False)
    assert made.exception is None, made.exception
    bundle = json.loads((tmp_path / "foo-2.tar.gz.sigstore.json").read_text())
    report = _examine(tmp_path, sandbox, bundle, filename, repository)
    (result,) = report.results
    assert result.new.state is state, result
    assert {one.rule for one in result.findings} == rules
    assert [one.repository_id for one in result.new.publishers] == (
        [str(sandbox.issuer.claims["repository_id"])] if state is EvidenceState.VERIFIED else []
    )


def _examine(
    folder: Path, sandbox: Sandbox, bundle: dict[str, dict[str, object]], filename: str, repository: str
) -> DependencyReport:
    material = json.loads(json.dumps(bundle["verificationMaterial"]))
    envelope = json.loads(json.dumps(bundle["dsseEnvelope"]))
    attestation = {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},
    }
    publisher = {"kind": "GitHub", "repository": repository}
    provenance = {"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": [attestation]}]}
    digest = hashlib.sha256(b"foo").hexdigest()
    file = {"filename": filename, "hashes": {"sha256": digest}, "provenance": "https://index.example/p"}

    def index(sent: Sent) -> Response:
        if sent.url == f"{INDEX}/foo/":
            return answer(200, json.dumps({"files": [file]}).encode(), {"content-type": "application/json"})
        return answer(200, json.dumps(provenance).encode())

    repository_folder = folder / "repository"
    repository_folder.mkdir()
    commits(repository_folder, {}, {"requirements.txt": f"foo==2 --hash=sha256:{digest}\n"})
    config = Path(sandbox.environ(token=False)["SIGSTEP_TRUST_CONFIG"])
    trust = load_trust(TrustRequest(trust_config=config), real_world())
    request = DependencyRequest(
        repository=repository_folder,
        base="s0",
        head="s1",
        policy=DependencyPolicy(),
        trust=trust,
        registries={"pypi": INDEX},
    )
    return examine_dependencies(request, replace(world(index), clock=real_world().clock))
