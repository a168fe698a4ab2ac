"""Who signs what others accept: every signer, through the real servers, read by every verifier."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.interop.peers import SIGNERS, VERIFIERS, Desk
from tests.interop.stack.real import RealStack

KINDS = ("message", "provenance")
LOGS = (1, 2)


def pairs() -> list[tuple[str, str]]:
    """Signer and verifier, where one of the two is sigstep."""
    every = itertools.product(SIGNERS, VERIFIERS)
    return [(signer, verifier) for signer, verifier in every if "sigstep" in {signer, verifier}]


@pytest.fixture(scope="module")
def stack() -> Iterator[RealStack]:
    """Real servers."""
    with RealStack() as running:
        yield running


@pytest.fixture
def desk_for(stack: RealStack, tmp_path: Path) -> Callable[[int], Desk]:
    """A desk for a log version."""
    return partial(make_desk, stack, tmp_path)


def make_desk(stack: RealStack, folder: Path, rekor: int) -> Desk:
    """An artifact and the trust files of a stack."""
    artifact = folder / "artifact.txt"
    artifact.write_text(f"content for Rekor v{rekor} in {folder.name}\n")
    config = stack.client_trust_config(rekor)
    return Desk(folder=folder, artifact=artifact, config=config, environ=stack.environ(), token=stack.token)


@pytest.mark.parametrize("rekor", LOGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("signer", "verifier"), pairs())
def test_signed_by_one_verified_by_the_other(
    desk_for: Callable[[int], Desk], signer: str, verifier: str, kind: str, rekor: int
) -> None:
    """A bundle that holds is accepted, and refused as soon as the artifact changes."""
    if verifier == "gh" and kind == "message":
        kind = "provenance"  # gh reads attestations only
    desk = desk_for(rekor)
    bundle = SIGNERS[signer](desk, kind)
    accepted = VERIFIERS[verifier](desk, bundle, kind)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    desk.artifact.write_text("something else\n")
    assert VERIFIERS[verifier](desk, bundle, kind).returncode != 0
