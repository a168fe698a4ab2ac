"""Readers of scanner reports: the tuple of all; each has ``recognises(report)`` and ``read(report)``."""

SCANNERS = (
    "sigstep.predicates.scanners.grype",
    "sigstep.predicates.scanners.trivy",
    "sigstep.predicates.scanners.osv",
    "sigstep.predicates.scanners.sarif",
)
