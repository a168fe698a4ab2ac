"""The step ``attest`` as a runner runs it, then ``verify`` in the same workflow; and a fork without a token."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acts import act

from sigstep.sandbox.local import Sandbox

WORKFLOW = """
name: ci
on: push
permissions: {}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: attest
        uses: acme/sigstep@v1
        with:
          subject-path: dist/*
          on-missing-token: %s
      - id: verify
        if: steps.attest.outputs.outcome == 'verified'
        uses: acme/sigstep/verify@v1
        with:
          subject-path: dist/*
          bundle-path: ${{ steps.attest.outputs.bundle-path }}
          repo: %s
          predicate-type: https://slsa.dev/provenance/v1
"""
FILES = {"dist/one.whl": b"one\n", "dist/two.tar.gz": b"two\n"}


def workflow(sandbox: Sandbox, missing: str = "fail") -> str:
    """The workflow with the sandbox's repository as the signer."""
    return WORKFLOW % (missing, sandbox.issuer.claims["repository"])


def test_attest_then_verify(sandbox: Sandbox, tmp_path: Path) -> None:
    """One statement over two files, verified by the next step of the same workflow."""
    ran = act(workflow(sandbox), tmp_path, files=FILES, env=sandbox.environ())
    assert ran.status == 0, ran.log
    made = ran.outputs("attest")
    assert (made["outcome"], made["verified-count"]) == ("verified", "2")
    assert made["bundle-path"] == made["bundle-paths"]
    verified = ran.outputs("verify")
    assert (verified["outcome"], verified["verified-count"]) == ("verified", "2")
    assert "2 of 2 verified" in ran.summary
    masked = [one for one in ran.records if one.get("command") == "add-mask"]
    assert len(masked) == 4  # two tokens: for the certificate, and for what provenance says
    others = [str(one) for one in ran.records if one.get("command") != "add-mask"]
    assert not re.search(r"eyJ[\w-]{20,}\.", "".join(others))


def test_a_fork_has_no_token(sandbox: Sandbox, tmp_path: Path) -> None:
    """Without a token the step fails and says what to do; with ``skip`` it goes on with a notice."""
    without = sandbox.environ(token=False)
    failed = act(workflow(sandbox), tmp_path / "failed", files=FILES, env=without)
    assert failed.status == 1
    assert failed.outputs("attest")["outcome"] == "undecided"
    assert failed.errors != []
    skipped = act(workflow(sandbox, "skip"), tmp_path / "skipped", files=FILES, env=without)
    assert skipped.status == 0, skipped.log
    assert skipped.outputs("attest")["outcome"] == "skipped"
    assert skipped.errors == []
