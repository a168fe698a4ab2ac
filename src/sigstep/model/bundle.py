"""Bundles: what a signer claims. Nothing here has been verified (see `sigstep.model.verified`)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from sigstep.model.digest import Digest

FILE_ENDINGS: Final = (".sigstore.json", ".sigstore.jsonl", ".sigstore", ".intoto.jsonl", ".attestation", ".v0.sigs")
"""Put behind a file's name (and a kind): the file with its bundles. The last two are slsa-github-generator's and
PEP 740's (``.publish.attestation``, ``.slsa.attestation``)."""


class BundleVersion(enum.Enum):
    """Versions of the Sigstore bundle format."""

    V0_1 = "0.1"
    V0_2 = "0.2"
    V0_3 = "0.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateMaterial:
    """A leaf certificate (DER). ``others`` are further certificates of a chain: hints, never anchors."""

    leaf: bytes
    others: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyMaterial:
    """The hint of a public key that the verifier has to know."""

    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """RFC 6962 audit path with the log's checkpoint (C2SP signed note), as claimed.

    ``log_index`` counts inside the tree of ``tree_size`` leaves; ``root_hash`` and ``hashes`` have 32 bytes each.
    """

    log_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A transparency log entry as claimed.

    Attributes:
        log_index: the index in the whole log (Rekor v1: over all shards).
        log_id: the key id of the log, as in the trusted root's ``logId.keyId``.
        kind: kind of the entry's body, e.g. ``hashedrekord``.
        kind_version: version of that kind, e.g. ``0.0.1``.
        integrated_time: seconds since the epoch, or None; proved only by the promise (Rekor v1).
        promise: signed entry timestamp (SET), or None.
        proof: inclusion proof, or None.
        body: the canonicalized body, the bytes of the Merkle leaf.
    """

    log_index: int
    log_id: bytes
    kind: str
    kind_version: str
    integrated_time: int | None
    promise: bytes | None
    proof: InclusionProof | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSignature:
    """A signature over the artifact itself. ``digest`` is a hint, or None when the bundle has none."""

    digest: Digest | None
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSignature:
    """One signature of a DSSE envelope."""

    signature: bytes
    keyid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A DSSE envelope: the exact payload bytes that are signed."""

    payload: bytes
    payload_type: str
    signatures: tuple[EnvelopeSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A signature with everything a verifier needs, as claimed by whoever handed it over.

    ``timestamps`` are RFC 3161 TimeStampResp, DER. ``pending`` marks a bundle whose log entry is still to come.
    """

    version: BundleVersion
    material: CertificateMaterial | PublicKeyMaterial
    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]
    content: MessageSignature | Envelope
    pending: bool = False
