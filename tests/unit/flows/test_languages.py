"""Languages of engines: each question once, many in one child process, and no answer where the child has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.engines.test_children import cel
from tests.unit.refusals import code_of
from tests.worlds import world

from sigstep.errors import ServiceError, Undecided
from sigstep.flows.languages import WorldLanguages
from sigstep.ports.real import RealProcess
from sigstep.ports.world import Completed


class Counted:
    """Real child processes, counted; ``answer`` stands for what every child writes."""

    def __init__(self, answer: Completed | ServiceError | None = None) -> None:
        self.answer = answer
        self.runs = 0
        self._real = RealProcess()

    def which(self, name: str) -> str | None:
        """See `Process.which`."""
        return None

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """See `Process.run`."""
        self.runs += 1
        if isinstance(self.answer, ServiceError):
            raise self.answer
        return self.answer or self._real.run(arguments, timeout=timeout, stdin=stdin, environ=environ)


def languages(process: Counted) -> WorldLanguages:
    """Languages in a world with these processes."""
    return WorldLanguages(replace(world(), process=process))


def test_the_same_question_once() -> None:
    """CEL and Rego."""
    process = Counted()
    asked = languages(process)
    for _ in range(3):
        assert asked.cel({"policies": [cel("object.a == 1")]})["policies"][0]["failed"] == []
    assert process.runs == 1
    module = "package a\nb := input.x"
    assert asked.rego([module], "data.a.b", {"x": 1}) == 1
    before = process.runs
    assert asked.rego([module], "data.a.b", {"x": 1}) == 1
    assert process.runs == before


def test_noted_questions_are_answered_together() -> None:
    """One child for all of them; while they are noted nothing is answered."""
    process = Counted()
    asked = languages(process)
    requests = [{"policies": [cel(f"object.a == {number}")]} for number in range(5)]
    answers: list[Any] = []

    def judge() -> None:
        answers.clear()
        for one in requests:
            with suppress(Undecided):
                answers.append(asked.cel(one)["policies"][0]["failed"])

    asked.rehearse(judge)
    assert [bool(one) for one in answers] == [True, False, True, True, True]
    assert process.runs == 1


@pytest.mark.parametrize(
    ("module", "version"),
    [("package a\nb[x] { x := input.x[_] }", 0), ("package a\nb contains x if some x in input.x", 1)],
)
def test_rego_of_many_inputs(module: str, version: int) -> None:
    """The same values as one by one, what is undefined too, in one evaluation."""
    process = Counted()
    asked = languages(process)
    query = "data.a.b"
    assert asked.rego([module], query, {"x": [0]}, version=version) == [0]
    before = process.runs
    values = [{"x": [number, 12345678901234567890]} for number in range(20)] + [{"x": []}, {}]
    found: list[Any] = []

    def judge() -> None:
        found.clear()
        for one in values:
            with suppress(Undecided):
                found.append(asked.rego([module], query, one, version=version))

    asked.rehearse(judge)
    assert process.runs == before + 1
    alone = languages(Counted())
    assert found == [alone.rego([module], query, one, version=version) for one in values]


def test_an_error_among_many() -> None:
    """The others are then answered one by one, and it is still an error."""
    asked = languages(Counted())
    module = "package a\nf(x) = 1 { x }\nf(x) = 2 { x }\nb := f(input.bad)"
    values = [{"bad": False}, {"bad": True}]

    def judge() -> None:
        for one in values:
            with suppress(Undecided):
                asked.rego([module], "data.a.b", one)

    asked.rehearse(judge)
    assert asked.rego([module], "data.a.b", values[0]) is None
    assert code_of(lambda: asked.rego([module], "data.a.b", values[1])) == "rego-failed"


@pytest.mark.parametrize(
    "answer",
    [
        ServiceError(code="process-timeout", what="it was killed"),
        Completed(status=1, stdout=b"", stderr=b"no module"),
        Completed(status=0, stdout=b"{", stderr=b""),
        Completed(status=0, stdout=b"[]", stderr=b""),
    ],
)
def test_no_answer(answer: Completed | ServiceError) -> None:
    """Undecided, noted or not."""
    asked = languages(Counted(answer))
    request = {"policies": [cel("true")]}
    with pytest.raises(Undecided):
        asked.rehearse(lambda: asked.cel(request))
    assert code_of(lambda: asked.cel(request)) == "cel-failed"
