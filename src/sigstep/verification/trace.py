"""What an examination does, step by step, for ``--explain`` and for the step at which a refusal happened."""

from __future__ import annotations

from sigstep.model.verdict import Step


class Trace:
    """Collects the steps of one examination; the last one is where it stands."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, list[str]]] = []
        self._notes: list[str] = []

    def restart(self, name: str) -> None:
        """What was tried did not hold; the examination begins again with the step ``name``."""
        self._steps, self._notes = [(name, [])], []

    def enter(self, name: str) -> None:
        """A new step begins; the one before it held."""
        self._steps.append((name, []))

    def say(self, evidence: str) -> None:
        """Evidence of the current step."""
        self._steps[-1][1].append(evidence)

    def note(self, evidence: str) -> None:
        """Evidence of the current step that was seen and does not count."""
        self.say(evidence)
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
            Step(name=name, held=held or at < last, evidence=tuple(evidence))
            for at, (name, evidence) in enumerate(self._steps)
        )
