"""Who signs what others accept: every signer, through the real servers and the sandbox, read by every verifier."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows import javascript
from tests.interop.peers import SIGNERS, VERIFIERS, Desk
from tests.stacks import Stack, open_stack

STACKS = ("real", "sandbox")
KINDS = ("message", "provenance")
LOGS = (1, 2)


def cells() -> list[tuple[str, str, str, int]]:
    """Signer, verifier, kind and log, where one of the two is sigstep; what a tool has no form for is not a cell."""
    every = itertools.product(SIGNERS, VERIFIERS, KINDS, LOGS)
    return [
        (signer, verifier, kind, log)
        for signer, verifier, kind, log in every
        if "sigstep" in {signer, verifier}
        and (verifier, kind) != ("gh", "message")  # gh reads attestations only
        and (signer, kind, log) != ("@sigstore/sign", "provenance", 2)  # `test_what_sigstore_js_cannot_log`
    ]


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Real servers, then the sandbox."""
    javascript.install()
    with open_stack(request.param) as running:
        yield running


def make_desk(stack: Stack, folder: Path, rekor: int) -> Desk:
    """An artifact and the trust files of a stack."""
    artifact = folder / "artifact.txt"
    artifact.write_text(f"content for Rekor v{rekor} in {folder.name}\n")
    config = stack.client_trust_config(rekor)
    return Desk(folder=folder, artifact=artifact, config=config, environ=stack.environ(), token=stack.token)


@pytest.mark.parametrize(("signer", "verifier", "kind", "rekor"), cells())
def test_signed_by_one_verified_by_the_other(
    stack: Stack, tmp_path: Path, signer: str, verifier: str, kind: str, rekor: int
) -> None:
    """A bundle that holds is accepted, and refused as soon as the artifact changes."""
    desk = make_desk(stack, tmp_path, rekor)
    bundle = SIGNERS[signer](desk, kind)
    accepted = VERIFIERS[verifier](desk, bundle, kind)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    desk.artifact.write_text("something else\n")
    assert VERIFIERS[verifier](desk, bundle, kind).returncode != 0


def test_what_sigstore_js_cannot_log(stack: Stack, tmp_path: Path) -> None:
    """Its form for attestations is one that Rekor v2 no longer takes; sigstep's is another."""
    with pytest.raises(AssertionError, match=r"400|invalid"):
        SIGNERS["@sigstore/sign"](make_desk(stack, tmp_path, 2), "provenance")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verifier", ["sigstore-python", "sigstore-go", "cosign", "gh", "@sigstore/verify", "sigstep"])
def test_proof_and_checkpoint_of_rekor_v1_without_its_promise(
    stack: Stack, tmp_path: Path, verifier: str, kind: str
) -> None:
    """What ``sigstep complete`` keeps of an entry that came after the certificate's end: the time is the authority's."""
    if verifier == "gh":
        kind = "provenance"
    desk = make_desk(stack, tmp_path, 1)
    bundle = SIGNERS["sigstep"](desk, kind)
    without_promise(bundle)
    done = VERIFIERS[verifier](desk, bundle, kind)
    assert done.returncode == 0, said(done)


def without_promise(bundle: Path) -> None:
    """Take promise and integrated time away, as `sigstep.flows.complete` does."""
    import dataclasses

    from sigstep.wire.bundle import encode_bundle, parse_bundle

    parsed = parse_bundle(bundle.read_bytes())
    bare = tuple(dataclasses.replace(one, promise=None, integrated_time=None) for one in parsed.entries)
    bundle.write_bytes(encode_bundle(dataclasses.replace(parsed, entries=bare)))


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Both streams."""
    return done.stdout + done.stderr
