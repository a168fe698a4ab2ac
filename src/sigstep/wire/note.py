"""Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.trust import Witness

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LINE: Final = re.compile(r"\u2014 (\S+) (\S+)")
HINT_BYTES: Final = 4
ROOT_BYTES: Final = 32
WITNESS_KEY_BYTES: Final = 32
COSIGNATURE_TYPE: Final = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: the signer's name, the 4-byte hint of its key, and the signature bytes behind it."""

    name: str
    hint: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree as claimed: ``signed`` are the exact bytes under the signatures."""

    origin: str
    tree_size: int
    root_hash: bytes
    signed: bytes
    signatures: tuple[NoteSignature, ...]


def parse_checkpoint(text: str) -> Checkpoint:
    """A checkpoint with its signature lines.

    Raises:
        FormatError: ``checkpoint-malformed``.
    """
    if len(text) > limits.CHECKPOINT_BYTES:
        raise _malformed(f"it has more than {limits.CHECKPOINT_BYTES} characters")
    body, gap, tail = text.partition("\n\n")
    if not gap or "\n\n" in tail or not tail.endswith("\n"):
        raise _malformed("it is not a text, one empty line and signature lines")
    lines = body.split("\n")
    if len(lines) < 3 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise _malformed("its text does not begin with origin, size and root hash")
    signature_lines = tail[:-1].split("\n")
    if len(signature_lines) > limits.CHECKPOINT_SIGNATURES:
        raise _malformed(f"it has {len(signature_lines)} signatures")
    root = _base64(lines[2])
    if len(root) != ROOT_BYTES:
        raise _malformed(f"its root hash has {len(root)} bytes")
    try:
        signed = (body + "\n").encode("utf-8")
    except UnicodeEncodeError:
        raise _malformed("it is not UTF-8") from None
    return Checkpoint(
        origin=lines[0],
        tree_size=int(lines[1]),
        root_hash=root,
        signed=signed,
        signatures=tuple(_signature(line) for line in signature_lines),
    )


def parse_witness_key(text: str) -> Witness:
    """A witness from its verifier key ``<name>+<key id>+<key>`` (C2SP signed-note; tlog-cosignature, type 0x04).

    Raises:
        FormatError: ``witness-key``.
    """
    name, _, rest = text.strip().partition("+")
    hint, _, encoded = rest.partition("+")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    computed = hashlib.sha256(name.encode() + b"\n" + data).digest()[:HINT_BYTES].hex()
    if not name or len(data) != 1 + WITNESS_KEY_BYTES or data[0] != COSIGNATURE_TYPE or computed != hint.lower():
        raise FormatError(
            code="witness-key",
            what=f"{text[:100]!r} is not the key of a witness",
            why="it has to be <name>+<key id>+<key> with an Ed25519 key for cosignatures (type 0x04)",
            fix="take the verifier key that the witness publishes",
        )
    return Witness(name=name, key=data[1:])


def _signature(line: str) -> NoteSignature:
    match = _LINE.fullmatch(line)
    if match is None:
        raise _malformed("a signature line has another form")
    blob = _base64(match[2])
    if len(blob) <= HINT_BYTES:
        raise _malformed("a signature line is too short")
    return NoteSignature(name=match[1], hint=blob[:HINT_BYTES], signature=blob[HINT_BYTES:])


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed("a member is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise _malformed("a member is not base64 in its one canonical form")  # else two texts were one checkpoint
    return data


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="checkpoint-malformed",
        what="the log's checkpoint is malformed",
        why=why,
        fix="fetch the entry from the log again",
    )
