"""Kyverno as a member of the engine family: ClusterPolicy ``verifyImages`` and ImageValidatingPolicy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.kyverno import export, judging, project, reader
from sigstep.engines.kyverno.rules import KyvernoPolicies
from sigstep.model.workload import Workload
from sigstep.policy.document import Policy
from sigstep.policy.engine import Export, ImageEvidence, Loss, Ruling, Surroundings, Wanted


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

    def project(self, rules: KyvernoPolicies) -> tuple[Policy | None, tuple[Loss, ...]]:
        """See `sigstep.policy.engine.Engine.project`."""
        return project.project(rules)

    def export(self, wanted: Wanted) -> Export:
        """See `sigstep.policy.engine.Engine.export`."""
        return export.export(wanted)


ENGINE = Kyverno()
