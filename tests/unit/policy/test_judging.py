"""A signer of a policy file: of which instance, and with which log."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.policy.test_signer import WORKFLOW, proof, refused

from sigstep.policy.document import Signer
from sigstep.policy.judging import SignerRule
from sigstep.policy.matcher import Matcher
from sigstep.policy.signer import GITHUB_ISSUER, SignedBy

SIGNER = Signer(name="release", identity=SignedBy(subject=Matcher(WORKFLOW), issuer=Matcher(GITHUB_ISSUER)))


def test_the_instance_that_is_asked_for() -> None:
    """``trust: corp`` takes nobody else's; an instance that the file brings counts for those alone that name it."""
    assert refused(SignerRule(signer=SIGNER), proof()) is None
    assert refused(SignerRule(signer=replace(SIGNER, root="test")), proof()) is None
    assert refused(SignerRule(signer=replace(SIGNER, root="corp")), proof()) == "policy-root"
    assert refused(SignerRule(signer=SIGNER, own=frozenset({"test"})), proof()) == "policy-root"


def test_the_witness_that_is_asked_for() -> None:
    """A proof without log entry and time stamp satisfies neither demand."""
    for log in ("required", "tsa"):
        assert refused(SignerRule(signer=replace(SIGNER, log=log)), proof()) == "policy-log"
