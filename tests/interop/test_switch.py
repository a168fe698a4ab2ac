"""Nothing ties users to sigstep: after the switch, the commands that they have still pass on what the step makes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.interop.peers import VERIFIERS
from tests.interop.test_matrix import STACKS, make_desk
from tests.stacks import open_stack
from tests.unit.action.test_runner import outputs

from sigstep.action.main import run
from sigstep.ports.real import real_world


@pytest.mark.parametrize("operation", ["attest", "sign"])
@pytest.mark.parametrize("kind_of_stack", STACKS)
def test_unchanged_commands_pass(
    kind_of_stack: str, operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gh attestation verify`, `cosign verify-blob…` and `sigstore verify` on the bundle of the step, on both stacks.

    A changed file is refused by each.
    """
    monkeypatch.chdir(tmp_path)
    kind = {"attest": "provenance", "sign": "message"}[operation]
    with open_stack(kind_of_stack) as stack:
        desk = make_desk(stack, tmp_path, 1)
        (tmp_path / "temp").mkdir()
        environ = {
            **desk.environ,
            "SIGSTEP_TRUST_CONFIG": str(desk.trust_config),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "GITHUB_OUTPUT": str(tmp_path / "outputs"),
            "SIGSTEP_INPUT_OPERATION": operation,
            "SIGSTEP_INPUT_SUBJECT_PATH": desk.artifact.name,
            "SIGSTEP_INPUT_PUBLISH_TO": "none",
        }
        assert run(replace(real_world(), environ=environ)) == 0
        bundle = Path(outputs(tmp_path / "outputs")["bundle-path"])
        verifiers = ["gh", "cosign", "sigstore-python"] if kind == "provenance" else ["cosign", "sigstore-python"]
        for name in verifiers:
            done = VERIFIERS[name](desk, bundle, kind)
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        desk.artifact.write_text("something else\n")
        assert all(VERIFIERS[name](desk, bundle, kind).returncode for name in verifiers)
    if kind == "provenance":
        payload = json.loads(base64.b64decode(json.loads(bundle.read_text())["dsseEnvelope"]["payload"]))
        assert payload["predicateType"] == "https://slsa.dev/provenance/v1"
