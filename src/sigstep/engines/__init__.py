"""Admission engines: names, and where each member is; it is imported when it is used."""

from types import MappingProxyType

ENGINES = MappingProxyType(
    {
        "policy-controller": "sigstep.engines.cluster_image_policy.engine",
        "kyverno": "sigstep.engines.kyverno.engine",
        "gatekeeper": "sigstep.engines.gatekeeper.engine",
        "connaisseur": "sigstep.engines.connaisseur.engine",
    }
)
