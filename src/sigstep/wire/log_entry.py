"""TransparencyLogEntry of the Sigstore protobuf specs, in its JSON mapping."""

from __future__ import annotations

import base64
from typing import Any

from sigstep.model import limits
from sigstep.model.bundle import InclusionProof, LogEntry
from sigstep.wire.members import Members, decode_base64, missing

HASH_BYTES = 32


def parse_log_entry(value: Any, path: str) -> LogEntry:
    """One entry, as claimed.

    Omitted protobuf defaults are read as such. An ``integratedTime`` of 0 means none (Rekor v2).

    Args:
        value: the parsed JSON value.
        path: where it stands, for messages.

    Raises:
        FormatError: a member is missing, malformed or unknown.
    """
    members = Members(value, path)
    kind = members.need("kindVersion")
    log_id = members.need("logId")
    promise = members.object("inclusionPromise")
    proof = members.object("inclusionProof")
    entry = LogEntry(
        log_index=members.integer("logIndex", 0),
        log_id=log_id.bytes("keyId", at_most=64),
        kind=kind.text("kind"),
        kind_version=kind.text("version"),
        integrated_time=members.integer("integratedTime", 0) or None,
        promise=promise.bytes("signedEntryTimestamp", at_most=limits.SIGNATURE_BYTES) if promise else None,
        proof=_proof(proof) if proof else None,
        body=members.bytes("canonicalizedBody", at_most=limits.LOG_BODY_BYTES),
    )
    for part in (kind, log_id, promise, members):
        if part is not None:
            part.done()
    if not entry.log_id:
        raise missing(f"{log_id.path}.keyId")
    return entry


def _proof(members: Members) -> InclusionProof:
    checkpoint = members.object("checkpoint")
    hashes = members.array("hashes", at_most=limits.PROOF_HASHES)
    path = f"{members.path}.hashes"
    proof = InclusionProof(
        log_index=members.integer("logIndex", 0),
        tree_size=members.integer("treeSize", 0),
        root_hash=members.bytes("rootHash", at_most=HASH_BYTES, default=b""),
        hashes=tuple(decode_base64(one, f"{path}[{at}]", at_most=HASH_BYTES) for at, one in enumerate(hashes)),
        checkpoint=checkpoint.text("envelope") if checkpoint else None,
    )
    if checkpoint is not None:
        checkpoint.done()
        if proof.checkpoint == "":
            raise missing(f"{checkpoint.path}.envelope")
    members.done()
    return proof


def encode_log_entry(entry: LogEntry) -> dict[str, Any]:
    """The JSON form, every member written, also where it holds protobuf's default."""
    document: dict[str, Any] = {
        "logIndex": str(entry.log_index),
        "logId": {"keyId": _b64(entry.log_id)},
        "kindVersion": {"kind": entry.kind, "version": entry.kind_version},
        "integratedTime": str(entry.integrated_time or 0),
    }
    if entry.promise is not None:
        document["inclusionPromise"] = {"signedEntryTimestamp": _b64(entry.promise)}
    if entry.proof is not None:
        proof = entry.proof
        document["inclusionProof"] = {
            "logIndex": str(proof.log_index),
            "rootHash": _b64(proof.root_hash),
            "treeSize": str(proof.tree_size),
            "hashes": [_b64(one) for one in proof.hashes],
        }
        if proof.checkpoint is not None:
            document["inclusionProof"]["checkpoint"] = {"envelope": proof.checkpoint}
    document["canonicalizedBody"] = _b64(entry.body)
    return document


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
