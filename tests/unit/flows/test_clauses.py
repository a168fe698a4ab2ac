"""CEL over verified statements: only an exact true passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.flows.test_sbom_making import Scripted
from tests.worlds import world

from sigstep.errors import Undecided
from sigstep.flows.clauses import by_cel, by_rego, circumstances_of
from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.statement import STATEMENT_V1, Statement
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified
from sigstep.policy.demands import Clause
from sigstep.ports.real import real_world
from sigstep.ports.world import Completed
from sigstep.services.rego import Rego

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


def test_a_policy_that_does_not_end() -> None:
    """An expression that would take years is ended after its limit."""
    ten = "[0,1,2,3,4,5,6,7,8,9]"
    expression = "true"
    for name in "abcdefghijkl":
        expression = f"{ten}.all({name}, {expression})"
    finding = by_cel(expression, PROOF, real_world(), limit_seconds=3)
    assert finding is not None
    assert (finding.code, "not evaluated within" in finding.why) == ("expression-failed", True)


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("package sigstep\nallow if input.predicate.level == 3", None),
        ("package sigstep\nallow if input.predicate.level == 4", "expression-false"),
        ("package sigstep\nallow := false", "expression-false"),
        ("package sigstep\nallow := 1", "expression-failed"),
        ("package other\nallow := true", "expression-false"),
        ("package sigstep\nallow if {", "expression-failed"),
        ('package sigstep\nallow if http.send({"url": "https://a.example"})', "expression-failed"),
    ],
)
def test_rego(module: str, code: str | None) -> None:
    """Only an exact true of `data.sigstep.allow` passes."""
    finding = by_rego(module, PROOF, Rego.of(real_world()))
    assert (finding.code if finding else None) == code


def test_no_evaluator() -> None:
    """Neither language passes where it cannot be evaluated."""
    silent = replace(real_world(), process=Scripted(answer=Completed(status=3, stdout=b"", stderr=b"")))
    for clause, code in (
        (Clause(language="cel", text="true"), "cel-unavailable"),
        (Clause(language="rego", text="package sigstep"), "rego-unavailable"),
    ):
        evaluate = circumstances_of(silent).evaluate
        assert evaluate is not None
        with pytest.raises(Undecided) as caught:
            evaluate(clause, PROOF)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("environ", "run"),
    [
        ({}, ""),
        ({"CI_JOB_URL": "https://gitlab.example/1"}, "https://gitlab.example/1"),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "1"},
            "https://github.com/a/b/actions/runs/1",
        ),
    ],
)
def test_the_run_that_asks(environ: dict[str, str], run: str) -> None:
    """GitHub Actions, GitLab CI, or no run."""
    assert circumstances_of(world(environ=environ)).run == run
