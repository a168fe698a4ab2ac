"""OPA Gatekeeper as a member of the engine family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.gatekeeper import judging, reader
from sigstep.engines.gatekeeper.rules import GatekeeperRules
from sigstep.model.workload import Workload
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings


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


ENGINE = Gatekeeper()
