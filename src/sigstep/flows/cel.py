"""CEL expressions over what a verified statement says, in a child process with a time limit.

cel-python has no limit of steps and does not check types, so that an expression is evaluated in a process that can be
ended, and only an exact ``true`` passes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

from sigstep.errors import ServiceError
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.ports.world import World

LIMIT_SECONDS: Final = 10.0
EXPRESSION_CHARACTERS: Final = 16_384


def judge_expression(
    expression: str, proof: Verified, world: World, *, limit_seconds: float = LIMIT_SECONDS
) -> Finding | None:
    """None when the expression is exactly ``true`` for the statement; otherwise the finding that says why not.

    The expression sees ``predicateType``, ``predicate``, ``subject`` (name and digest) and ``signer`` (subject, issuer,
    extensions; null for a key).

    Args:
        expression: CEL, as the policy's author wrote it.
        proof: an accepted proof.
        world: for the child process.
        limit_seconds: the child is killed after that.
    """
    if not expression.strip() or len(expression) > EXPRESSION_CHARACTERS:
        return _refusal(f"it has {len(expression)} characters; 1 to {EXPRESSION_CHARACTERS} are taken")
    request = json.dumps({"expression": expression, "variables": _variables(proof)}).encode()
    arguments: Sequence[str] = (sys.executable, "-I", "-m", "sigstep.flows.cel_child")
    try:
        ended = world.process.run(arguments, timeout=limit_seconds, stdin=request)
    except ServiceError as error:
        return _refusal(f"it was not evaluated within {limit_seconds} s: {error.what}")
    answer = ended.stdout.strip()
    if ended.status == 0 and answer == b"true":
        return None
    if ended.status == 0 and answer == b"false":
        return Finding(
            code="expression-false",
            what="the statement does not satisfy the policy's expression",
            why=expression[:200],
            fix="build as the policy asks, or change the policy",
            step="content",
        )
    return _refusal(ended.stderr.decode("utf-8", "replace").strip()[:300] or "the evaluation ended without an answer")


def _variables(proof: Verified) -> dict[str, object]:
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


def _refusal(why: str) -> Finding:
    return Finding(
        code="expression-failed",
        what="the policy's expression gave neither true nor false",
        why=why,
        fix="correct the expression; an error never passes",
        step="content",
    )
