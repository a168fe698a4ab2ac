"""The languages of admission engines, evaluated in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sigstep.errors import ServiceError, Undecided
from sigstep.ports.world import World
from sigstep.services.rego import Rego

_CEL_SECONDS: Final = 20.0


class WorldLanguages:
    """See `sigstep.policy.engine.Languages`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rego = Rego.of(world)

    def rego(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """See `sigstep.policy.engine.Languages.rego`."""
        return self._rego.evaluate(modules, query, value, version=version)

    def cel(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `sigstep.policy.engine.Languages.cel`."""
        command = [sys.executable, "-I", "-m", "sigstep.engines.kyverno.cel_child"]
        try:
            ended = self._world.process.run(command, timeout=_CEL_SECONDS, stdin=json.dumps(request).encode())
        except ServiceError as error:
            raise _failed(f"{error.what}: {error.why}") from error
        try:
            answer = json.loads(ended.stdout) if ended.status == 0 else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _failed(ended.stderr.decode("utf-8", "replace")[-300:])
        return answer


def _failed(why: str) -> Undecided:
    return Undecided(
        code="cel-failed",
        what="a policy in CEL was not evaluated",
        why=" ".join(why.split()),
        fix="install the extra sigstep[policy]; check the expressions",
    )
