"""A log's signature on its tree, and inclusion in that tree (C2SP tlog-checkpoint; Rekor v1 and v2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sigstep.errors import FormatError, ProofError
from sigstep.model.bundle import LogEntry
from sigstep.model.trust import Witness
from sigstep.proofs.keys import verify_message
from sigstep.proofs.merkle import inclusion_root, leaf_hash
from sigstep.proofs.prepared import PreparedLog
from sigstep.wire.note import Checkpoint, parse_checkpoint


def verify_inclusion(entry: LogEntry, log: PreparedLog, witnesses: Sequence[Witness]) -> tuple[str, ...]:
    """Prove that the entry's body is a leaf of a tree the log signed.

    Returns:
        Names of the known witnesses that cosigned the tree.

    Raises:
        FormatError: ``checkpoint-malformed``.
        ProofError: ``checkpoint-origin``, ``checkpoint-signature``, ``inclusion-proof-shape``,
            ``inclusion-proof-root``, ``inclusion-proof-mismatch``, ``witness-signature``.
    """
    proof = entry.proof
    if proof is None or proof.checkpoint is None:
        raise FormatError(
            code="checkpoint-malformed",
            what="the log entry has no checkpoint",
            why="the inclusion proof leads to a tree nobody signed",
            fix="fetch the entry from the log again",
        )
    checkpoint = parse_checkpoint(proof.checkpoint)
    version_2 = entry.kind_version == "0.0.2" and entry.kind in {"hashedrekord", "dsse"}
    _verify_signature(checkpoint, log, version_2=version_2)
    if proof.root_hash != checkpoint.root_hash or proof.tree_size != checkpoint.tree_size:
        raise _mismatch("the proof's root hash or tree size is not the checkpoint's")
    if version_2 and proof.log_index != entry.log_index:  # Rekor v1 has one index of its shard and one over all
        raise _mismatch("the proof's index is not the entry's")
    root = inclusion_root(leaf_hash(entry.body), proof.log_index, checkpoint.tree_size, proof.hashes)
    if root != checkpoint.root_hash:
        raise ProofError(
            code="inclusion-proof-root",
            what="the log entry is not in the log's tree",
            why="the inclusion proof leads to another root than the checkpoint's",
            fix="fetch the entry from the log again; if it stays so, the bundle is forged",
        )
    return _cosigners(checkpoint, witnesses)


def _verify_signature(checkpoint: Checkpoint, log: PreparedLog, *, version_2: bool) -> None:
    """The log's line is named after the host in the origin: before a tree's id in Rekor v1, and the log's in v2."""
    name = checkpoint.origin.rpartition(" - ")[0] or checkpoint.origin
    if version_2:
        name = urlsplit(log.log.base_url if "//" in log.log.base_url else f"//{log.log.base_url}").hostname or ""
        if checkpoint.origin != name:
            raise ProofError(
                code="checkpoint-origin",
                what="the checkpoint is of another log",
                why=f"its origin is {checkpoint.origin[:100]!r}, the log is {name!r}",
                fix="fetch the entry from the log again",
            )
    hint = (log.log.checkpoint_key_id or log.log.log_id)[:4]
    lines = [one for one in checkpoint.signatures if (one.name, one.hint) == (name, hint)]  # others: unknown keys
    if not lines or any(verify_message(log.key, one.signature, checkpoint.signed) is None for one in lines):
        raise ProofError(
            code="checkpoint-signature",
            what="the log did not sign the checkpoint",
            why="no signature line is of the log's key" if not lines else "the log's signature does not hold",
            fix="fetch the entry from the log again; if it stays so, the bundle is forged",
        )


def _cosigners(checkpoint: Checkpoint, witnesses: Sequence[Witness]) -> tuple[str, ...]:
    """Names of witnesses whose cosignature/v1 holds (C2SP tlog-cosignature)."""
    proved = []
    for witness in witnesses:
        hint = hashlib.sha256(witness.name.encode() + b"\n\x04" + witness.key).digest()[:4]
        lines = [one for one in checkpoint.signatures if one.name == witness.name and one.hint == hint]
        for line in lines[:1]:
            seconds = int.from_bytes(line.signature[:8], "big")
            message = b"cosignature/v1\ntime %d\n" % seconds + checkpoint.signed
            try:
                Ed25519PublicKey.from_public_bytes(witness.key).verify(line.signature[8:], message)
            except InvalidSignature:
                raise ProofError(
                    code="witness-signature",
                    what="a witness's cosignature does not hold",
                    why=f"the line of {witness.name[:100]!r} is not one of its key",
                    fix="fetch the entry from the log again",
                ) from None
            proved.append(witness.name)
    return tuple(proved)


def _mismatch(why: str) -> ProofError:
    return ProofError(
        code="inclusion-proof-mismatch",
        what="the inclusion proof and the checkpoint contradict one another",
        why=why,
        fix="fetch the entry from the log again",
    )
