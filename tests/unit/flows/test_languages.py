"""Languages of engines: each question once, many in one child process, and no answer where the child has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """One child for all of them; inside nothing is answered."""
    process = Counted()
    asked = languages(process)
    requests = [{"policies": [cel(f"object.a == {number}")]} for number in range(5)]
    with asked.noting():
        for one in requests:
            assert code_of(lambda one=one: asked.cel(one)) == "cel-failed"  # type: ignore[misc]
    assert process.runs == 1
    answers: list[Any] = [asked.cel(one)["policies"][0]["failed"] for one in requests]
    assert [bool(one) for one in answers] == [True, False, True, True, True]
    assert process.runs == 1


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
    with asked.noting(), pytest.raises(Undecided):
        asked.cel(request)
    assert code_of(lambda: asked.cel(request)) == "cel-failed"
