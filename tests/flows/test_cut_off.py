"""The network is really cut off for workflows in act, but for the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.acts import act
from tests.cut_off import possible
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

WORKFLOW = """
name: ci
on: push
jobs:
  look:
    runs-on: ubuntu-latest
    steps:
      - id: look
        run: |
          echo "interfaces=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')" >> "$GITHUB_OUTPUT"
          echo "routes=$(tail -n +2 /proc/net/route | wc -l)" >> "$GITHUB_OUTPUT"
          curl -s -o /dev/null -m 5 -w 'sandbox=%{http_code}' "$SIGSTEP_SANDBOX_URL/.well-known/jwks" >> "$GITHUB_OUTPUT"
"""


@pytest.mark.skipif(not possible(), reason="this machine makes no network namespaces: act runs beside the network here")
def test_only_loopback_and_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    """Issue 2.5: real act, network cut off otherwise."""
    ran = act(WORKFLOW, tmp_path, files={"a": b""}, env=sandbox.environ())
    assert ran.status == 0, ran.log
    assert ran.outputs("look") == {"interfaces": "lo", "routes": "0", "sandbox": "200"}
