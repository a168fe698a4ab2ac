"""The child process of `sigstep.services.rego` for ``regorus``: one request on standard input, one answer on output."""

from __future__ import annotations

import json
import sys
from typing import Any

FAILED = 1


def main() -> int:
    """Evaluate one query; whatever goes wrong is told on standard error and ends with status 1."""
    request = json.loads(sys.stdin.buffer.read())
    try:
        answer = _evaluate(request)
    except ImportError:
        return _failed("the package regorus is not installed")
    except BaseException as error:  # noqa: BLE001 - a panic of the engine is a BaseException; no error may look like an answer
        return _failed(f"{type(error).__name__}: {error}")
    sys.stdout.write(answer)
    return 0


def _evaluate(request: dict[str, Any]) -> str:
    import regorus

    engine = regorus.Engine()
    engine.set_rego_v0(request["version"] == 0)
    for number, module in enumerate(request["modules"]):
        engine.add_policy(f"module{number}.rego", module)
    engine.set_input_json(request["input"])
    found = json.loads(engine.eval_query_as_json(request["query"]))
    results = found.get("result") or []
    value = results[0]["expressions"][0].get("value") if results else None
    return json.dumps({"value": None if value == "<undefined>" else value})


def _failed(why: str) -> int:
    sys.stderr.write(why[:300])
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
