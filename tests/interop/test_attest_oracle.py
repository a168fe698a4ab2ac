"""Provenance beside @actions/attest, live, on the same claims: equal to the byte for five kinds of events."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from sigstep.predicates.slsa_provenance import from_claims

ORACLE = Path(__file__).parent / "attest_oracle"
WORKFLOW = "octo/app/.github/workflows/build.yml"
PUSH = {
    "ref": "refs/heads/main",
    "sha": "a" * 40,
    "repository": "octo/app",
    "event_name": "push",
    "job_workflow_ref": f"{WORKFLOW}@refs/heads/main",
    "workflow_ref": f"{WORKFLOW}@refs/heads/main",
    "repository_id": "1",
    "repository_owner_id": "2",
    "runner_environment": "github-hosted",
    "run_id": "3",
    "run_attempt": "1",
}
EVENTS = (
    PUSH,
    {**PUSH, "ref": "refs/tags/v1@2", "workflow_ref": f"{WORKFLOW}@refs/tags/v1@2"},
    {**PUSH, "event_name": "pull_request", "ref": "refs/pull/7/merge"},
    {**PUSH, "event_name": "workflow_dispatch"},
    {**PUSH, "job_workflow_ref": "octo/shared/.github/workflows/reusable.yml@refs/tags/v3"},
)


def test_equal_to_actions_attest(tmp_path: Path) -> None:
    """The predicate equals what @actions/attest builds from the same verified claims."""
    for file in ORACLE.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=tmp_path, check=True, timeout=300)
    ended = subprocess.run(
        ["node", "oracle.mjs", json.dumps(EVENTS)], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    theirs = json.loads(ended.stderr.rpartition("RESULT ")[2])
    ours = [from_claims(claims, server_url="https://github.com") for claims in EVENTS]
    assert [json.dumps(one) for one in ours] == [json.dumps(one) for one in theirs]
