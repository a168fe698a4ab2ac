"""The languages of admission engines, evaluated in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sigstep.errors import ServiceError, Undecided
from sigstep.ports.world import World
from sigstep.services.rego import Rego

_CEL_SECONDS: Final = 20.0
_CEL_SECONDS_EACH: Final = 0.5
_BATCH: Final = 100  # questions that one child answers
_ROUNDS: Final = 5  # a question may follow from the answer to another
# Many inputs in one evaluation: what is undefined is left out, and an error of one ends all.
_MANY: Final = {
    0: "package sigstep_many\nanswers[i] = v {{ x := input.many[i]; v := {query} with input as x }}\n",
    1: "package sigstep_many\nanswers[i] := v if {{ some i, x in input.many; v := {query} with input as x }}\n",
}
_Asked = tuple[tuple[str, ...], str, int]


class WorldLanguages:
    """See `sigstep.policy.engine.Languages`; the same question is evaluated once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rego = Rego.of(world)
        self._values: dict[str, Any] = {}
        self._answers: dict[str, Any] = {}
        self._noting = False
        self._noted_cel: dict[str, Any] = {}
        self._noted_rego: dict[_Asked, dict[str, Any]] = {}

    def rego(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """See `sigstep.policy.engine.Languages.rego`."""
        asked = json.dumps([list(modules), query, value, version], sort_keys=True)
        if asked not in self._values:
            if self._noting:
                self._noted_rego.setdefault((tuple(modules), query, version), {})[asked] = value
                raise _noted("Rego")
            self._values[asked] = self._rego.evaluate(modules, query, value, version=version)
        return self._values[asked]

    def cel(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `sigstep.policy.engine.Languages.cel`."""
        asked = {json.dumps(one, sort_keys=True): one for one in request["policies"]}
        missing = {key: one for key, one in asked.items() if key not in self._answers}
        if missing and self._noting:
            self._noted_cel.update(missing)
            raise _noted("CEL")
        self._evaluate(missing)
        return {"policies": [self._answers[json.dumps(one, sort_keys=True)] for one in request["policies"]]}

    def rehearse(self, judge: Callable[[], object]) -> None:
        """Let ``judge`` ask its questions, answer them together in few child processes, and remember the answers.

        Starting a child for each object costs more than what it evaluates. While a question is noted its answer fails
        as undecided; what ``judge`` concludes from that does not count.
        """
        for _ in range(_ROUNDS):
            self._noting = True
            try:
                judge()
            finally:
                self._noting = False
            if not self._noted_cel and not self._noted_rego:
                return
            self._answer_noted()

    def _answer_noted(self) -> None:
        """What cannot be answered together is asked again by itself, and told where it is used."""
        policies, self._noted_cel = self._noted_cel, {}
        for some in _chunks(policies):
            with suppress(Undecided):
                self._evaluate(some)
        questions, self._noted_rego = self._noted_rego, {}
        for (modules, query, version), values in questions.items():
            for some in _chunks(values):
                many = {"many": {str(number): value for number, value in enumerate(some.values())}}
                wrapper = _MANY[version].format(query=query)
                with suppress(Undecided):
                    found = self._rego.evaluate([*modules, wrapper], "data.sigstep_many.answers", many, version=version)
                    self._values.update({key: found.get(str(number)) for number, key in enumerate(some)})

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


def _chunks(questions: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    keys = list(questions)
    for begin in range(0, len(keys), _BATCH):
        yield {key: questions[key] for key in keys[begin : begin + _BATCH]}


def _noted(language: str) -> Undecided:
    return Undecided(code="cel-failed", what=f"a question in {language} was noted, to be answered with others")


def _failed(why: str) -> Undecided:
    return Undecided(
        code="cel-failed",
        what="a policy in CEL was not evaluated",
        why=" ".join(why.split()),
        fix="install the extra sigstep[policy]; check the expressions",
    )
