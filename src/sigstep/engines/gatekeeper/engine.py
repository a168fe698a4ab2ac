"""OPA Gatekeeper as a member of the engine family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.gatekeeper import export, judging, project, reader
from sigstep.engines.gatekeeper.rules import GatekeeperRules
from sigstep.model.workload import Workload
from sigstep.policy.document import Policy
from sigstep.policy.engine import Export, ImageEvidence, Loss, Ruling, Surroundings, Wanted


class Gatekeeper:
    """See `sigstep.policy.engine.Engine`."""

    name = "gatekeeper"

    def read(self, documents: Sequence[bytes]) -> GatekeeperRules:
        """See `sigstep.policy.engine.Engine.read`."""
        return reader.read(documents)

    def judge(
        self,
        rules: GatekeeperRules,
        workload: Workload,
        images: Mapping[str, ImageEvidence],
        surroundings: Surroundings,
    ) -> tuple[Ruling, ...]:
        """See `sigstep.policy.engine.Engine.judge`."""
        return judging.judge(rules, workload, images, surroundings)

    def project(self, rules: GatekeeperRules) -> tuple[Policy | None, tuple[Loss, ...]]:
        """See `sigstep.policy.engine.Engine.project`."""
        return project.project(rules)

    def export(self, wanted: Wanted) -> Export:
        """See `sigstep.policy.engine.Engine.export`."""
        return export.export(wanted)


ENGINE = Gatekeeper()
