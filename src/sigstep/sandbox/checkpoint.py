"""Checkpoints (C2SP tlog-checkpoint, signed-note and tlog-cosignature), written."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ed25519

from sigstep.sandbox import keys
from sigstep.sandbox.exchange import b64


def text(origin: str, size: int, root: bytes, *more: str) -> str:
    """The signed part of a checkpoint, with its final newline."""
    return "".join(f"{line}\n" for line in (origin, str(size), b64(root), *more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A name with a key; ``hint`` are the first four bytes of its id."""

    name: str
    key: keys.PrivateKey
    hint: bytes

    def line(self, note: str) -> str:
        """The signature line under a note."""
        return line(self.name, self.hint, keys.sign(self.key, note.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A cosigner (C2SP tlog-cosignature, cosignature/v1)."""

    name: str
    key: ed25519.Ed25519PrivateKey

    def line(self, note: str, seconds: int) -> str:
        """The cosignature line under a note."""
        public = self.key.public_key().public_bytes_raw()
        hint = hashlib.sha256(self.name.encode() + b"\n\x04" + public).digest()[:4]
        signature = self.key.sign(f"cosignature/v1\ntime {seconds}\n".encode() + note.encode())
        return line(self.name, hint, struct.pack(">Q", seconds) + signature)


def line(name: str, hint: bytes, signature: bytes) -> str:
    """One signature line."""
    return f"\u2014 {name} {b64(hint[:4] + signature)}\n"


def note(signed: str, *lines: str) -> str:
    """The whole note."""
    return f"{signed}\n{''.join(lines)}"
