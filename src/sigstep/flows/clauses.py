"""Clauses of the policy file in CEL and Rego, over what a verified statement says.

Neither evaluator runs in this process: an expression that does not end is ended, and only an exact ``true`` passes.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from sigstep.errors import ServiceError, Undecided
from sigstep.flows.cel_child import MISSING
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.demands import Circumstances, Clause
from sigstep.ports.world import World
from sigstep.services.rego import Rego

LIMIT_SECONDS: Final = 10.0
EXPRESSION_CHARACTERS: Final = 16_384
QUERY: Final = "data.sigstep.allow"


def circumstances_of(world: World) -> Circumstances:
    """The run of GitHub Actions or GitLab CI that asks, and how clauses are evaluated in this world."""
    environ = world.environ
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, number = (environ.get(name, "") for name in names)
    run = f"{server}/{repository}/actions/runs/{number}" if server and repository and number else ""
    rego = Rego.of(world)

    def evaluate(clause: Clause, proof: Verified) -> Finding | None:
        if clause.language == "cel":
            return by_cel(clause.text, proof, world)
        return by_rego(clause.text, proof, rego)

    return Circumstances(run=run or environ.get("CI_JOB_URL", ""), evaluate=evaluate)


def by_cel(expression: str, proof: Verified, world: World, *, limit_seconds: float = LIMIT_SECONDS) -> Finding | None:
    """None when a CEL expression is exactly ``true`` for the statement; otherwise the finding that says why not.

    Args:
        expression: as the policy's author wrote it; see `seen` for what it can name.
        proof: an accepted proof.
        world: for the child process.
        limit_seconds: the child is ended after that.

    Raises:
        Undecided: ``cel-unavailable``.
    """
    if not expression.strip() or len(expression) > EXPRESSION_CHARACTERS:
        return _refusal(f"it has {len(expression)} characters; 1 to {EXPRESSION_CHARACTERS} are taken")
    request = json.dumps({"expression": expression, "variables": seen(proof)}).encode()
    arguments = (sys.executable, "-I", "-m", "sigstep.flows.cel_child")
    try:
        ended = world.process.run(arguments, timeout=limit_seconds, stdin=request)
    except ServiceError as error:
        return _refusal(f"it was not evaluated within {limit_seconds} s: {error.what}")
    if ended.status == MISSING:
        raise Undecided(
            code="cel-unavailable",
            what="a condition of the policy is written in CEL, and its evaluator is not installed",
            fix="install sigstep[policy]",
        )
    answer = ended.stdout.strip()
    if ended.status == 0 and answer in (b"true", b"false"):
        return None if answer == b"true" else _false(expression)
    return _refusal(ended.stderr.decode("utf-8", "replace").strip()[:300] or "the evaluation ended without an answer")


def by_rego(module: str, proof: Verified, rego: Rego) -> Finding | None:
    """None when ``data.sigstep.allow`` of a Rego module (version 1) is exactly ``true``; otherwise the finding.

    Args:
        module: with ``package sigstep``; its input is `seen`.
        proof: an accepted proof.
        rego: the evaluator.

    Raises:
        Undecided: ``rego-unavailable``.
    """
    try:
        answer = rego.evaluate((module,), QUERY, seen(proof), version=1)
    except Undecided as error:
        if error.code != "rego-failed":
            raise
        return _refusal(error.why)
    if answer is True:
        return None
    return _false(QUERY) if answer in (False, None) else _refusal(f"{QUERY} is neither true nor false")


def seen(proof: Verified) -> dict[str, Any]:
    """What clauses see: ``predicateType``, ``predicate``, ``subject`` (name and digest) and ``signer`` (subject,
    issuer, extensions; null for a key)."""
    statement, identity = proof.statement, proof.identity
    return {
        "predicateType": statement.predicate_type if statement else "",
        "predicate": dict(statement.predicate or {}) if statement else {},
        "subject": {
            "name": proof.subject.name,
            "digest": {one.algorithm.value: one.hex for one in proof.subject.digests},
        },
        "signer": None
        if identity is None
        else {"subject": identity.subject, "issuer": identity.issuer, "extensions": dict(identity.extensions)},
    }


def _false(expression: str) -> Finding:
    return Finding(
        code="expression-false",
        what="the statement does not satisfy the policy's expression",
        why=expression[:200],
        fix="build as the policy asks, or change the policy",
        step="content",
    )


def _refusal(why: str) -> Finding:
    return Finding(
        code="expression-failed",
        what="the policy's expression gave neither true nor false",
        why=why,
        fix="correct the expression; an error never passes",
        step="content",
    )
