"""Sigstore Policy Controller's ClusterImagePolicy as a member of the engine family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigstep.engines.cluster_image_policy import judging, reader
from sigstep.engines.cluster_image_policy.rules import ClusterImagePolicies
from sigstep.model.workload import Workload
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings


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


ENGINE = PolicyController()
