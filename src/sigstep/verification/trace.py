"""What an examination does, step by step, for ``--explain`` and for the step at which a refusal happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigstep.model.verdict import Step


class Trace:
    """Collects the steps of one examination; the last one is where it stands. Words are made when they are read."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, list[tuple[Callable[..., tuple[str, ...]], tuple[Any, ...]]]]] = []
        self._notes: list[str] = []

    def enter(self, name: str) -> None:
        """A new step begins; the one before it held."""
        self._steps.append((name, []))

    def take(self, attempt: Trace) -> None:
        """What ``attempt`` collected is what is told, instead of what was here."""
        self._steps, self._notes = attempt._steps, attempt._notes

    @property
    def reached(self) -> int:
        """How many steps were entered."""
        return len(self._steps)

    def say(self, words: Callable[..., tuple[str, ...]], *about: Any) -> None:
        """Evidence of the current step: ``words(*about)`` gives its lines."""
        self._steps[-1][1].append((words, about))

    def note(self, evidence: str) -> None:
        """Evidence of the current step that was seen and does not count."""
        self.say(_one, evidence)
        self._notes.append(evidence)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was seen and does not count."""
        return tuple(self._notes)

    @property
    def current(self) -> str:
        """Name of the current step."""
        return self._steps[-1][0] if self._steps else ""

    def steps(self, *, held: bool) -> tuple[Step, ...]:
        """All steps; ``held`` says whether the last one did."""
        last = len(self._steps) - 1
        return tuple(
            Step(
                name=name,
                held=held or at < last,
                evidence=tuple(line for words, about in evidence for line in words(*about)),
            )
            for at, (name, evidence) in enumerate(self._steps)
        )


def _one(line: str) -> tuple[str, ...]:
    return (line,)
