"""Connaisseur as a member of the engine family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.connaisseur import judging, reader
from sigstep.engines.connaisseur.rules import Configuration
from sigstep.model.workload import Workload
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings


class Connaisseur:
    """See `sigstep.policy.engine.Engine`."""

    name = "connaisseur"

    def read(self, documents: Sequence[bytes]) -> Configuration:
        """See `sigstep.policy.engine.Engine.read`."""
        return reader.read(documents)

    def judge(
        self, rules: Configuration, workload: Workload, images: Mapping[str, ImageEvidence], surroundings: Surroundings
    ) -> tuple[Ruling, ...]:
        """See `sigstep.policy.engine.Engine.judge`."""
        return judging.judge(rules, workload, images, surroundings)


ENGINE = Connaisseur()
