"""What a certificate says about its signer (Fulcio's OID information, arc 1.3.6.1.4.1.57264.1)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FULCIO_ARC: Final = "1.3.6.1.4.1.57264.1"

EXTENSIONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        2: "github-workflow-trigger",
        3: "github-workflow-sha",
        4: "github-workflow-name",
        5: "github-workflow-repository",
        6: "github-workflow-ref",
        9: "build-signer-uri",
        10: "build-signer-digest",
        11: "runner-environment",
        12: "source-repository",
        13: "source-repository-digest",
        14: "source-repository-ref",
        15: "source-repository-id",
        16: "source-repository-owner",
        17: "source-repository-owner-id",
        18: "build-config-uri",
        19: "build-config-digest",
        20: "build-trigger",
        21: "run-invocation-uri",
        22: "source-repository-visibility",
        23: "deployment-environment",
        24: "token-subject",
    }
)
"""Last arc of the OID to the name used in policies, reports and options. 1 and 8 are the issuer; 7 is a SAN type."""

GITHUB_RELEASES: Final = "https://dotcom.releases.github.com"
"""The only name in certificates of GitHub's release attestations; they have no issuer."""


class NameKind(enum.Enum):
    """Kinds of subject alternative names that Fulcio issues."""

    URI = "uri"
    EMAIL = "email"
    OTHER = "other-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The signer as the certificate names it.

    Attributes:
        kind: kind of the only subject alternative name.
        subject: its value.
        issuer: the OIDC issuer, or None where the certificate has no issuer extension (GitHub releases).
        extensions: names of `EXTENSIONS` to their values; absent extensions are absent keys.
    """

    kind: NameKind
    subject: str
    issuer: str | None
    extensions: Mapping[str, str]
