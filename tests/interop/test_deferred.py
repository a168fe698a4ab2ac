"""Bundles whose log entry came hours after the certificate's end, read by every verifier (issue 4, outages)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.flows import javascript
from tests.interop.peers import VERIFIERS, Desk
from tests.interop.test_matrix import KINDS, said
from tests.worlds import SimulatedClock

from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.complete import complete
from sigstep.flows.sign import SignRequest, sign
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest
from sigstep.oidc.github import GitHubActions
from sigstep.ports.real import RealClock, RealEntropy, RealProcess
from sigstep.ports.requests_http import RequestsHttp
from sigstep.ports.world import World
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.subjects.files import FileSubjects

HOURS = 3


def completed(folder: Path, kind: str, rekor: int) -> tuple[Desk, Path]:
    """Signed three hours ago while the log was out, completed now."""
    clock = SimulatedClock(RealClock().now() - timedelta(hours=HOURS))
    artifact = folder / "artifact.txt"
    artifact.write_text("content\n")
    with Sandbox(clock=clock, log_version=rekor) as box:
        world = World(
            http=RequestsHttp(), clock=clock, entropy=RealEntropy(), environ=box.environ(), process=RealProcess()
        )
        options = SigningOptions(
            trust=TrustRequest(trust_config=box.trust_config_file),
            sources=(GitHubActions(retry_seconds=0),),
            retry_seconds=0,
            defer_logging=True,
        )
        box.faults.set(f"rekor-v{rekor}", Fault(kind="status"))
        subjects = FileSubjects(patterns=("*.txt",), base=folder)
        if kind == "message":
            [made] = sign(SignRequest(subjects=subjects, options=options), world).made
        else:
            [made] = attest(AttestRequest(subjects=subjects, options=options), world).made
        assert made.pending
        box.faults.clear()
        clock.advance(HOURS * 3600)
        [done] = complete([Path(made.location)], options.trust, 0, world).made
        assert done.bundle.entries[0].promise is None
        desk = Desk(
            folder=folder, artifact=artifact, config=box.client_trust_config(rekor), environ={}, token=box.token
        )
    return desk, Path(made.location)


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_late_entry_is_accepted(tmp_path: Path, verifier: str, kind: str, rekor: int) -> None:
    """Proof of inclusion and checkpoint from the log, the time from the timestamp authority."""
    javascript.install()
    if verifier == "gh":
        kind = "provenance"
    desk, bundle = completed(tmp_path, kind, rekor)
    done = VERIFIERS[verifier](desk, bundle, kind)
    assert done.returncode == 0, said(done)
