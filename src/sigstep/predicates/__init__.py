"""Predicates: the tuple of all kinds; each is imported when it is used."""

KINDS = (
    "sigstep.predicates.slsa_provenance:SlsaProvenance",
    "sigstep.predicates.spdx:Spdx",
    "sigstep.predicates.cyclonedx:CycloneDx",
    "sigstep.predicates.vulnerability:Vulnerability",
    "sigstep.predicates.test_result:TestResult",
    "sigstep.predicates.vex:OpenVex",
    "sigstep.predicates.summary:Summary",
    "sigstep.predicates.scai:Scai",
    "sigstep.predicates.link:Link",
    "sigstep.predicates.release:Release",
    "sigstep.predicates.reference:Reference",
    "sigstep.predicates.custom:Custom",
)
