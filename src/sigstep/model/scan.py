"""What a vulnerability scanner found, whichever scanner it was."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Severity(enum.IntEnum):
    """Severities in ascending order; ``UNKNOWN`` counts as the highest, for nothing says that it is low."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4
    UNKNOWN = 5

    @classmethod
    def of(cls, text: str) -> Severity:
        """The severity that a scanner's word means; a word unknown to us is ``UNKNOWN``."""
        words = {
            "none": cls.NONE,
            "negligible": cls.LOW,
            "note": cls.LOW,
            "low": cls.LOW,
            "medium": cls.MEDIUM,
            "moderate": cls.MEDIUM,
            "warning": cls.MEDIUM,
            "high": cls.HIGH,
            "error": cls.HIGH,
            "important": cls.HIGH,
            "critical": cls.CRITICAL,
        }
        return words.get(text.strip().lower(), cls.UNKNOWN)

    @classmethod
    def of_score(cls, score: float) -> Severity:
        """The severity of a CVSS base score (CVSS v3.1, section 5)."""
        if not 0 <= score <= 10:
            return cls.UNKNOWN
        bounds = ((9.0, cls.CRITICAL), (7.0, cls.HIGH), (4.0, cls.MEDIUM), (0.1, cls.LOW))
        return next((severity for bound, severity in bounds if score >= bound), cls.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One finding: its identifier, other names for it, severity, and the package with version it is in."""

    id: str
    aliases: tuple[str, ...] = ()
    severity: Severity = Severity.UNKNOWN
    package: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One run of a scanner.

    Attributes:
        uri: the scanner (``pkg:…`` or its home page), ``version`` its version.
        database_updated: RFC 3339 as written, or empty; ``database_version`` likewise.
        vulnerabilities: what was found; empty when nothing was.
        report: the scanner's own document.
        finished: when it was made (RFC 3339), where it says so.
    """

    uri: str
    version: str
    vulnerabilities: tuple[Vulnerability, ...]
    report: Any
    database_version: str = ""
    database_updated: str = ""
    finished: str = ""
