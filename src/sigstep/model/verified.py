"""What has been proved. Only `sigstep.verification` builds a `Verified`; a policy can judge nothing else."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from sigstep.model.bundle import Bundle
from sigstep.model.identity import Identity
from sigstep.model.statement import Statement
from sigstep.model.subject import Subject


class TimeSource(enum.Enum):
    """Where a verified time comes from."""

    TIMESTAMP_AUTHORITY = "timestamp-authority"
    TRANSPARENCY_LOG = "transparency-log"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTime:
    """A time that an authority of the trusted root vouches for (aware, UTC)."""

    time: datetime
    source: TimeSource
    authority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEntry:
    """A log entry whose presence in the log is proved. ``witnesses`` are names of known cosigners.

    ``log_index`` counts over the whole log. None where nothing proves it: Rekor v1's inclusion proof is about the
    index in one shard, and only its promise is about this one.
    """

    log_url: str
    log_id: bytes
    log_index: int | None
    kind: str
    kind_version: str
    integrated_time: datetime | None
    proved_by: tuple[str, ...]
    witnesses: tuple[str, ...] = ()

    @property
    def index_text(self) -> str:
        """The index, for people."""
        return "(not proved)" if self.log_index is None else str(self.log_index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A kind of evidence (a member of `Thresholds`) of which the caller asked for less than the instance's profile."""

    evidence: str
    asked: int
    default: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A signature that holds, about one subject.

    Attributes:
        subject: the subject that was examined; its digest is the one that the signature or statement binds.
        identity: the signer of a certificate; None when a key of the caller signed.
        key_id: hexadecimal SHA-256 of the SPKI of the caller's key; None for a certificate.
        certificate: the leaf certificate, DER; None for a key.
        statement: the statement that was signed; None for a message signature.
        entries, times, sct_logs: what was proved, all of the instance ``root``.
        root: name of the trusted root that the leaf chains to, or ``key``.
        bundle: the claims this was built from.
        notes: what was seen and does not count (an unknown log, a foreign time stamp), for people.
        lowered: where the caller asked for less evidence than is asked for by default.
    """

    subject: Subject
    identity: Identity | None
    key_id: str | None
    certificate: bytes | None
    statement: Statement | None
    entries: tuple[VerifiedEntry, ...]
    times: tuple[VerifiedTime, ...]
    sct_logs: tuple[str, ...]
    root: str
    bundle: Bundle
    notes: tuple[str, ...] = ()
    lowered: tuple[Lowered, ...] = ()
