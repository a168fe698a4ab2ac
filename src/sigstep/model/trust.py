"""Trust material: whose keys and certificates count, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """A closed interval of aware UTC times; a missing end is open."""

    start: datetime | None
    end: datetime | None = None

    def contains(self, time: datetime) -> bool:
        """Whether ``time`` lies in the interval, both ends included. Without a start nothing does."""
        if self.start is None or time < self.start:
            return False
        return self.end is None or time <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A transparency or CT log: ``key`` is its public key as the trusted root has it, ``key_details`` its kind.

    ``log_id`` is the trusted root's ``logId.keyId``; ``checkpoint_key_id`` the 4-byte note hint where given.
    """

    base_url: str
    key: bytes
    key_details: str
    validity: Validity
    log_id: bytes
    checkpoint_key_id: bytes | None = None
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate or timestamp authority: DER certificates, issuing one (or TSA leaf) first, anchor last."""

    uri: str
    certificates: tuple[bytes, ...]
    validity: Validity
    organization: str = ""
    common_name: str = ""
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How much of each kind of evidence is needed: distinct logs, distinct time sources, distinct CT logs, witnesses.

    ``entries`` log entries; ``times`` verified times of any kind; ``signed_times`` RFC 3161 times; ``scts`` SCTs;
    ``witnesses`` cosignatures of known witnesses on each entry's checkpoint.
    """

    entries: int = 1
    times: int = 1
    signed_times: int = 0
    scts: int = 1
    witnesses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdOverrides:
    """What a caller asks for instead of the instance's thresholds; None keeps the instance's."""

    entries: int | None = None
    times: int | None = None
    signed_times: int | None = None
    scts: int | None = None
    witnesses: int | None = None

    def over(self, thresholds: Thresholds) -> Thresholds:
        """The thresholds with what is asked for in their place."""
        asked = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(thresholds, **{name: value for name, value in asked.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness whose cosignatures count (C2SP tlog-cosignature): its name and its raw 32-byte Ed25519 key."""

    name: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRoot:
    """One Sigstore instance: its logs and authorities, and the thresholds of its profile.

    ``name`` is for people and reports (``public-good``, ``staging``, ``github``, or a file name).
    """

    name: str
    logs: tuple[Log, ...]
    ct_logs: tuple[Log, ...]
    certificate_authorities: tuple[Authority, ...]
    timestamp_authorities: tuple[Authority, ...]
    thresholds: Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key that the caller trusts: SPKI DER, when it counts, and the hint under which bundles name it.

    A key with a hint counts for bundles that name this hint; one without for every bundle that names no known hint.
    ``usage`` is what a registry keeps the key for (``npm:signatures``, ``npm:attestations``); empty for anything.
    """

    key: bytes
    validity: Validity | None = None
    hint: str = ""
    usage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMaterial:
    """All a verifier trusts: instances, caller's keys, and witnesses. Rules of one root never serve another.

    A key without a hint stands instead of any certificate in a bundle, unless ``certificates_too``: then bundles with
    a certificate are held against the roots and only the others against the keys (a policy file names both kinds).
    """

    roots: tuple[TrustedRoot, ...]
    keys: tuple[TrustedKey, ...] = ()
    certificates_too: bool = False
    witnesses: tuple[Witness, ...] = ()
