"""Sigstore Policy Controller's ClusterImagePolicy as a member of the engine family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.cluster_image_policy import export, judging, project, reader
from sigstep.engines.cluster_image_policy.rules import ClusterImagePolicies
from sigstep.model.workload import Workload
from sigstep.policy.document import Policy
from sigstep.policy.engine import Export, ImageEvidence, Loss, Ruling, Surroundings, Wanted


class PolicyController:
    """See `sigstep.policy.engine.Engine`."""

    name = "policy-controller"

    def read(self, documents: Sequence[bytes]) -> ClusterImagePolicies:
        """See `sigstep.policy.engine.Engine.read`."""
        return reader.read(documents)

    def judge(
        self,
        rules: ClusterImagePolicies,
        workload: Workload,
        images: Mapping[str, ImageEvidence],
        surroundings: Surroundings,
    ) -> tuple[Ruling, ...]:
        """See `sigstep.policy.engine.Engine.judge`."""
        return judging.judge(rules, workload, images, surroundings)

    def project(self, rules: ClusterImagePolicies) -> tuple[Policy | None, tuple[Loss, ...]]:
        """See `sigstep.policy.engine.Engine.project`."""
        return project.project(rules)

    def export(self, wanted: Wanted) -> Export:
        """See `sigstep.policy.engine.Engine.export`."""
        return export.export(wanted)


ENGINE = PolicyController()
