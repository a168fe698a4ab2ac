"""Proofs that nothing proved, to try policies on: what a policy would say if this signer had signed.

Used by the flows that test and replay policies, and by nothing that accepts an artifact (a test holds it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sigstep.model.bundle import Bundle, BundleVersion, MessageSignature, PublicKeyMaterial
from sigstep.model.identity import Identity, NameKind
from sigstep.model.statement import STATEMENT_V1, Statement
from sigstep.model.subject import Subject
from sigstep.model.verified import TimeSource, Verified, VerifiedEntry, VerifiedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposition:
    """What somebody is supposed to have signed, and how.

    Attributes:
        issuer, subject, extensions: of the certificate; ``subject`` is empty for a key.
        key_id: hexadecimal SHA-256 of the key's SPKI; empty for a certificate.
        root: the name of the instance.
        type, predicate: of the statement; ``type`` is empty for a signature.
        logged: whether it is in a log.
        times: aware, each with whether a time stamp authority vouches for it.
        legacy: kept in cosign's tags.
    """

    issuer: str = ""
    subject: str = ""
    extensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    key_id: str = ""
    root: str = "public-good"
    type: str = ""
    predicate: Any = None
    logged: bool = True
    times: tuple[tuple[datetime, bool], ...] = ()
    legacy: bool = False


def suppose(one: Supposition, about: Subject) -> Verified:
    """A proof as it would be; nothing was verified."""
    identity = Identity(
        kind=NameKind.OTHER,
        subject=one.subject,
        issuer=one.issuer or None,
        extensions=MappingProxyType(dict(one.extensions)),
    )
    statement = Statement(
        type=STATEMENT_V1,
        subjects=(),
        predicate_type=one.type,
        predicate=one.predicate if one.predicate is not None else {},
    )
    entry = VerifiedEntry(
        log_url="supposed",
        log_id=b"",
        log_index=0,
        kind="supposed",
        kind_version="",
        integrated_time=None,
        proved_by=(),
    )
    return Verified(
        subject=about,
        identity=identity if one.subject else None,
        key_id=one.key_id or None,
        certificate=None,
        statement=statement if one.type else None,
        entries=(entry,) if one.logged else (),
        times=tuple(
            VerifiedTime(
                time=time,
                source=TimeSource.TIMESTAMP_AUTHORITY if stamped else TimeSource.TRANSPARENCY_LOG,
                authority="supposed",
            )
            for time, stamped in one.times
        ),
        sct_logs=(),
        root=one.root if one.subject else "key",
        bundle=Bundle(
            version=BundleVersion.V0_3,
            material=PublicKeyMaterial(hint=""),
            entries=(),
            timestamps=(),
            content=MessageSignature(digest=None, signature=b""),
        ),
    )
