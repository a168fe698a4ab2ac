"""in-toto statements (in-toto attestation framework v1, Statement and ResourceDescriptor)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

STATEMENT_V1: Final = "https://in-toto.io/Statement/v1"
STATEMENT_V01: Final = "https://in-toto.io/Statement/v0.1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSubject:
    """A subject as a statement names it: unlike `Subject`, its digest names may be unknown to us.

    ``digests`` maps in-toto digest names (``sha256``, ``gitCommit`` …) to lower-case hexadecimal.
    """

    name: str = ""
    uri: str = ""
    digests: Mapping[str, str]
    annotations: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as parsed from (or to be encoded into) the payload of an envelope."""

    type: str
    subjects: tuple[StatementSubject, ...]
    predicate_type: str
    predicate: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """What a statement is to say, before it is signed.

    Attributes:
        type: the type URI.
        content: the predicate; None: SLSA provenance, made from verified claims of the job's token.
        kind: the word for it in file names, ``sbom`` or ``test-result``.
    """

    type: str
    content: Mapping[str, Any] | None
    kind: str


PROVENANCE: Final = Predicate(type="https://slsa.dev/provenance/v1", content=None, kind="provenance")
