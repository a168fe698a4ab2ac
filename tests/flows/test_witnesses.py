"""Cosignatures of witnesses on a checkpoint (C2SP tlog-cosignature)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.errors import Refusal
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import Thresholds, TrustMaterial, Witness
from sigstep.model.verified import Verified
from sigstep.ports.real import RealClock
from sigstep.proofs.prepared import prepare
from sigstep.sandbox import checkpoint
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import bundle_of
from sigstep.wire.trusted_root import trusted_root_of

KEYS = {"witness-one.example": Ed25519PrivateKey.generate(), "witness-two.example": Ed25519PrivateKey.generate()}
KNOWN = tuple(Witness(name=name, key=key.public_key().public_bytes_raw()) for name, key in KEYS.items())


@pytest.fixture(scope="module")
def witnessed() -> Iterator[Sandbox]:
    """A sandbox whose Rekor v2 has two witnesses."""
    with Sandbox(log_version=2) as running:
        running.log_v2.witnesses = tuple(checkpoint.Witness(name=name, key=key) for name, key in KEYS.items())
        yield running


def proved(sandbox: Sandbox, witnesses: tuple[Witness, ...], needed: int) -> Verified:
    """A fresh bundle of the sandbox, held against these witnesses."""
    root = trusted_root_of(sandbox.trusted_root(), name="sandbox")
    trust = prepare(TrustMaterial(roots=(root,), witnesses=witnesses))
    subject = Subject(name="artifact", digests=(Digest.of(ARTIFACT),))
    bundle = bundle_of(oracle_bundle(sandbox, rekor=2, statement=False))
    return establish(bundle, subject, trust, now=RealClock().now(), thresholds=Thresholds(witnesses=needed))


def test_known_witnesses_count(witnessed: Sandbox) -> None:
    """Each of them once, and only where the caller knows it."""
    assert set(proved(witnessed, KNOWN, 2).entries[0].witnesses) == set(KEYS)
    assert proved(witnessed, (), 0).entries[0].witnesses == ()
    with pytest.raises(Refusal) as caught:
        proved(witnessed, KNOWN[:1], 2)
    assert caught.value.code == "witness-threshold"


@pytest.mark.parametrize("wrong", ["another text", "cut off", "too long"])
def test_a_cosignature_that_does_not_hold(witnessed: Sandbox, wrong: str) -> None:
    """A line that has a known witness's name and hint, and does not hold, refuses."""
    original = witnessed.log_v2.witnesses
    name, key = next(iter(KEYS.items()))

    class Forged(checkpoint.Witness):
        """Signs another text under the witness's name and key hint."""

        def line(self, note: str, seconds: int) -> str:
            """A cosignature of something else, or of another length."""
            if wrong == "another text":
                return super().line(note + "x", seconds)
            start, _, blob = super().line(note, seconds).strip().rpartition(" ")
            data = base64.b64decode(blob)
            data = data[:9] if wrong == "cut off" else data + b"x"
            return f"{start} {base64.b64encode(data).decode()}\n"

    witnessed.log_v2.witnesses = (Forged(name=name, key=key),)
    try:
        with pytest.raises(Refusal) as caught:
            proved(witnessed, KNOWN, 1)
    finally:
        witnessed.log_v2.witnesses = original
    assert caught.value.code == "witness-signature"
