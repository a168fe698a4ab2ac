"""The languages of admission engines, evaluated in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sigstep.errors import ServiceError, Undecided
from sigstep.ports.world import World
from sigstep.services.rego import Rego

_CEL_SECONDS: Final = 20.0
_CEL_SECONDS_EACH: Final = 0.5
_BATCH: Final = 100  # policies over objects that one child evaluates


class WorldLanguages:
    """See `sigstep.policy.engine.Languages`; the same question is evaluated once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rego = Rego.of(world)
        self._values: dict[str, Any] = {}
        self._answers: dict[str, Any] = {}
        self._noted: dict[str, Any] | None = None

    def rego(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """See `sigstep.policy.engine.Languages.rego`."""
        asked = json.dumps([list(modules), query, value, version], sort_keys=True)
        if asked not in self._values:
            self._values[asked] = self._rego.evaluate(modules, query, value, version=version)
        return self._values[asked]

    def cel(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `sigstep.policy.engine.Languages.cel`."""
        asked = {json.dumps(one, sort_keys=True): one for one in request["policies"]}
        missing = {key: one for key, one in asked.items() if key not in self._answers}
        if missing and self._noted is not None:
            self._noted.update(missing)
            raise _failed("it was only noted")
        self._evaluate(missing)
        return {"policies": [self._answers[json.dumps(one, sort_keys=True)] for one in request["policies"]]}

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Inside, new questions in CEL are noted and fail; at the end a few child processes answer all of them.

        Starting a child for each object costs more than what it evaluates.
        """
        self._noted = {}
        try:
            yield
        finally:
            noted, self._noted = self._noted, None
        keys = list(noted)
        for begin in range(0, len(keys), _BATCH):
            try:
                self._evaluate({key: noted[key] for key in keys[begin : begin + _BATCH]})
            except Undecided:
                continue  # each is asked again by itself, and told where it is used

    def _evaluate(self, policies: Mapping[str, Any]) -> None:
        if not policies:
            return
        command = [sys.executable, "-I", "-m", "sigstep.engines.kyverno.cel_child"]
        request = json.dumps({"policies": list(policies.values())}).encode()
        seconds = _CEL_SECONDS + _CEL_SECONDS_EACH * len(policies)
        try:
            ended = self._world.process.run(command, timeout=seconds, stdin=request)
        except ServiceError as error:
            raise _failed(f"{error.what}: {error.why}") from error
        try:
            answer = json.loads(ended.stdout) if ended.status == 0 else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _failed(ended.stderr.decode("utf-8", "replace")[-300:])
        self._answers.update(zip(policies, answer["policies"], strict=True))


def _failed(why: str) -> Undecided:
    return Undecided(
        code="cel-failed",
        what="a policy in CEL was not evaluated",
        why=" ".join(why.split()),
        fix="install the extra sigstep[policy]; check the expressions",
    )
