"""Kyverno as a member of the engine family: ClusterPolicy ``verifyImages`` and ImageValidatingPolicy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.kyverno import judging, reader
from sigstep.engines.kyverno.rules import KyvernoPolicies
from sigstep.model.workload import Workload
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings


class Kyverno:
    """See `sigstep.policy.engine.Engine`."""

    name = "kyverno"

    def read(self, documents: Sequence[bytes]) -> KyvernoPolicies:
        """See `sigstep.policy.engine.Engine.read`."""
        return reader.read(documents)

    def judge(
        self,
        rules: KyvernoPolicies,
        workload: Workload,
        images: Mapping[str, ImageEvidence],
        surroundings: Surroundings,
    ) -> tuple[Ruling, ...]:
        """See `sigstep.policy.engine.Engine.judge`."""
        return judging.judge(rules, workload, images, surroundings)


ENGINE = Kyverno()
