"""No change of a bundle that the sandbox made is accepted; a sample, the whole is in tests/corpus."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.mutants import mutants, outcome
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox
from sigstep.subjects.hashing import hash_file
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.trusted_root import parse_trusted_roots

__all__ = ["sandbox"]

STAMP = "verificationMaterial.timestampVerificationData.rfc3161Timestamps.0.signedTimestamp "
MEANINGLESS = {
    "messageSignature.messageDigest dropped",  # only a hint; a wrong one is refused
    "verificationMaterial.timestampVerificationData dropped",  # the promise says when it was made
    "verificationMaterial.timestampVerificationData.rfc3161Timestamps dropped",
    "verificationMaterial.timestampVerificationData.rfc3161Timestamps.0 dropped",
    "verificationMaterial.tlogEntries.0.inclusionPromise dropped",  # a time stamp and a proof suffice
}


@pytest.mark.parametrize("command", ["sign", "attest"])
def test_no_mutant_is_accepted(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Issue 3, mutation: each member dropped, doubled, emptied, changed by a bit or a byte, or of another bundle."""
    monkeypatch.chdir(tmp_path)
    variables: dict[str, str | None] = {"SIGSTORE_ID_TOKEN": None, "GITHUB_ACTOR": None, **sandbox.environ(token=True)}
    made = []
    for name in ("one.whl", "other.whl"):
        (tmp_path / name).write_bytes(name.encode())
        assert CliRunner().invoke(sigstep, [command, name], env=variables, standalone_mode=False).return_value == 0
        made.append((tmp_path / f"{name}.sigstore.json").read_bytes())
    roots = parse_trusted_roots(json.dumps(sandbox.trusted_root()).encode(), name="sandbox")
    trust = prepare(TrustMaterial(roots=roots))
    subject = Subject(name="one.whl", digests=hash_file(tmp_path / "one.whl"))
    original = parse_bundle(made[0])
    seen: dict[str, list[str]] = {}
    for mutant in mutants(json.loads(made[0]), json.loads(made[1]), random.Random(command), bits=2):
        found = outcome(mutant, original, subject, trust)
        if found == "accepted" and mutant.name.startswith(STAMP):
            continue  # a stamp of an unknown authority does not count, and the promise says when it was made
        seen.setdefault(found.partition(":")[0], []).append(mutant.name)
    assert len(seen["refused"]) > 100
    assert not set(seen.get("accepted", ())) - MEANINGLESS
