"""Go's checksum database: a record, the signed note of its tree, and the record's inclusion (Go proposal 25530)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sigstep.errors import FormatError, ProofError
from sigstep.proofs.merkle import inclusion_root, leaf_hash
from sigstep.wire.note import Checkpoint, parse_checkpoint

ORIGIN: Final = "go.sum database tree"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_ED25519: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as the database hands it out: its number, its lines of go.sum, and the tree it says it is in."""

    number: int
    data: bytes
    checkpoint: Checkpoint

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of go.sum."""
        return tuple(self.data.decode("utf-8", "replace").splitlines())

    @property
    def tree_size(self) -> int:
        """Records in the signed tree."""
        return self.checkpoint.tree_size


def parse_record(body: bytes) -> Record:
    """The answer to a look-up: number, record, an empty line, and a signed note.

    Raises:
        FormatError: ``checksum-database``, ``checkpoint-malformed``.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    number, _, rest = text.partition("\n")
    data, gap, note = rest.partition("\n\n")
    if not _NUMBER.fullmatch(number) or not gap or not data:
        raise _malformed("it is not a number, a record and a signed note")
    return Record(number=int(number), data=f"{data}\n".encode(), checkpoint=parse_checkpoint(note))


def proof_nodes(record: Record) -> tuple[tuple[int, int], ...]:
    """The whole subtrees that the record's audit path is made of, the leaf's side first: level and index.

    A part of the path on the right edge is several subtrees, which `verify_record` puts together.
    """
    return tuple(node for part in _path(record.number, record.tree_size) for node in part)


def verify_record(record: Record, key: str, nodes: Sequence[bytes]) -> None:
    """Prove that the database's key signed the tree, and that the record is in it.

    Args:
        record: the record.
        key: the verifier key, ``name+hash+base64`` (C2SP signed-note).
        nodes: hashes of `proof_nodes`, in order.

    Raises:
        FormatError: ``checksum-database``: the key, or the tree's text, is malformed.
        ProofError: ``checkpoint-signature``, ``inclusion-proof-shape``, ``inclusion-proof-root``.
    """
    _verify_note(record.checkpoint, key)
    left = list(nodes)
    path = []
    for part in _path(record.number, record.tree_size):
        mine, left = left[: len(part)], left[len(part) :]
        node = mine[-1] if mine else b""
        for one in reversed(mine[:-1]):
            node = _parent(one, node)
        path.append(node)
    root = inclusion_root(leaf_hash(record.data), record.number, record.tree_size, path)
    if root != record.checkpoint.root_hash:
        raise ProofError(
            code="inclusion-proof-root",
            what="the record is not in the checksum database's tree",
            why="the tiles lead to another root than the signed one",
            fix="try again; if it stays so, the database shows different trees to different people",
        )


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of a whole subtree, from the hashes of one of its levels (a power of two of them)."""
    level = list(hashes)
    while len(level) > 1:
        level = [_parent(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def _path(index: int, size: int) -> list[list[tuple[int, int]]]:
    """The audit path of a leaf (RFC 6962, 2.1.1), each sibling as whole subtrees from left to right."""
    if not 0 <= index < size:
        return []
    found: list[list[tuple[int, int]]] = []
    low, high = 0, size
    while high - low > 1:
        half = 1 << (high - low - 1).bit_length() - 1
        if index < low + half:
            found.append(_whole(low + half, high))
            high = low + half
        else:
            found.append(_whole(low, low + half))
            low += half
    return found[::-1]


def _whole(low: int, high: int) -> list[tuple[int, int]]:
    found = []
    while low < high:
        level = (high - low).bit_length() - 1
        found.append((level, low >> level))
        low += 1 << level
    return found


def _verify_note(checkpoint: Checkpoint, key: str) -> None:
    name, _, rest = key.partition("+")
    hint, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
        wanted = bytes.fromhex(hint)
    except (binascii.Error, ValueError):
        raw, wanted = b"", b""
    if len(raw) != 33 or raw[0] != _ED25519 or hashlib.sha256(f"{name}\n".encode() + raw).digest()[:4] != wanted:
        raise _malformed("the verifier key is not name+hash+key with an Ed25519 key")
    if checkpoint.origin != ORIGIN:
        raise _malformed(f"the tree's first line is {checkpoint.origin[:80]!r}")
    public = Ed25519PublicKey.from_public_bytes(raw[1:])
    for line in checkpoint.signatures:
        if line.name != name or line.hint != wanted:
            continue
        try:
            public.verify(line.signature, checkpoint.signed)
            return
        except InvalidSignature:
            break
    raise ProofError(
        code="checkpoint-signature",
        what="the checksum database did not sign its tree",
        why=f"no signature of {name[:100]} holds",
        fix="check GOSUMDB; a proxy may have answered in the database's place",
    )


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="checksum-database",
        what="the checksum database's answer is malformed",
        why=why,
        fix="check GOSUMDB; a proxy may have answered in the database's place",
    )
