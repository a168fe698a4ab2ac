"""CEL over verified statements: only an exact true passes."""

from __future__ import annotations

import pytest

from sigstep.flows.clauses import by_cel
from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.statement import STATEMENT_V1, Statement
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified
from sigstep.ports.real import real_world

PROOF = Verified(
    subject=Subject(name="a", digests=(Digest.of(b"a"),)),
    identity=None,
    key_id="00",
    certificate=None,
    statement=Statement(
        type=STATEMENT_V1, subjects=(), predicate_type="https://own.example/v1", predicate={"level": 3, "tags": ["x"]}
    ),
    entries=(),
    times=(),
    sct_logs=(),
    root="key",
    bundle=object.__new__(Bundle),
)


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ('predicate.level >= 3 && predicate.tags.exists(t, t == "x") && signer == null', None),
        ("predicate.level > 3", "expression-false"),
        ("predicate.absent", "expression-failed"),
        ('"yes"', "expression-failed"),
        ('true && "yes"', "expression-failed"),
        ("1", "expression-failed"),
        ("predicate.level >", "expression-failed"),
        ("unknown(1)", "expression-failed"),
        (" ", "expression-failed"),
        ("1" * 20_000, "expression-failed"),
    ],
)
def test_expression(expression: str, code: str | None) -> None:
    """An error, another type and an empty expression are refusals, never a pass."""
    finding = by_cel(expression, PROOF, real_world(), limit_seconds=60)
    assert (finding.code if finding else None) == code


def test_an_expression_that_does_not_end_is_ended() -> None:
    """The child is killed after its limit, and that refuses."""
    finding = by_cel("true", PROOF, real_world(), limit_seconds=0.01)
    assert finding is not None
    assert finding.code == "expression-failed"
