"""gh picks its trust policy by the organization of the CA: each of the three accepts what sigstep attests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.peers import SIGNERS, VERIFIERS
from tests.interop.stack.real import RealStack
from tests.interop.test_matrix import make_desk

GH_POLICIES = ("sigstore.dev", "GitHub, Inc.", "Acme")


@pytest.mark.parametrize("organization", GH_POLICIES)
def test_gh_accepts_ours_under_each_of_its_policies(tmp_path: Path, organization: str) -> None:
    """Gh picks its thresholds by the organization of the CA: public good, GitHub's own, and any other."""
    with RealStack(organization=organization) as running:
        desk = make_desk(running, tmp_path, 2)
        bundle = SIGNERS["sigstep"](desk, "provenance")
        done = VERIFIERS["gh"](desk, bundle, "provenance")
    assert done.returncode == 0, done.stdout + done.stderr
