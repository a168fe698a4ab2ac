"""The child process of `sigstep.flows.clauses`: one request in, ``true`` or ``false`` out."""

from __future__ import annotations

import json
import sys
from typing import Any

ANSWERED = 0
FAILED = 1
MISSING = 3  # the extra `policy` is not installed


def main() -> int:
    """Evaluate one expression; whatever goes wrong is told on standard error and ends with status 1."""
    request = json.loads(sys.stdin.buffer.read())
    try:
        value = _evaluate(request["expression"], request["variables"])
    except ImportError:
        return MISSING
    except Exception as error:  # noqa: BLE001 - the evaluator raises anything; no error may look like an answer
        return _failed(f"{type(error).__name__}: {error}")
    sys.stdout.write("true" if value else "false")
    return ANSWERED


def _evaluate(expression: str, variables: dict[str, Any]) -> bool:
    import celpy
    from celpy.adapter import json_to_cel
    from celpy.celtypes import BoolType

    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    value = program.evaluate({name: json_to_cel(value) for name, value in variables.items()})
    if not isinstance(value, BoolType):
        raise TypeError(f"it gave a {type(value).__name__}, not a bool")
    return bool(value)


def _failed(why: str) -> int:
    sys.stderr.write(why[:300])
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
