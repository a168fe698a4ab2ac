"""The certificate transparency log (RFC 6962, 3.2): SCTs for precertificates, and a tree that grows."""

from __future__ import annotations

import json
import struct
import threading
from typing import Final

from sigstep.ports.world import Clock
from sigstep.sandbox import keys
from sigstep.sandbox.exchange import b64
from sigstep.sandbox.merkle import Tree

_SHA256_ECDSA: Final = b"\x04\x03"


class CtLog:
    """A log that answers at once; ``extensions`` are put into each SCT, as static CT logs do with the leaf's index."""

    def __init__(self, clock: Clock, *, extensions: bytes = b"") -> None:
        self.key = keys.p256()
        self.wrong = keys.p256()
        self.extensions = extensions
        self._clock = clock
        self._tree = Tree()
        self._lock = threading.Lock()

    @property
    def log_id(self) -> bytes:
        """SHA-256 of the public key."""
        return keys.key_id(self.key.public_key())

    def __len__(self) -> int:
        return len(self._tree)

    def sct(
        self, issuer_key_hash: bytes, tbs: bytes, *, milliseconds: int | None = None, spoiled: bool = False
    ) -> bytes:
        """Log a precertificate; the serialized SCT.

        Args:
            issuer_key_hash: SHA-256 of the issuer's SubjectPublicKeyInfo.
            tbs: the TBS certificate without poison and SCT list.
            milliseconds: another time than now, since the epoch.
            spoiled: sign with a wrong key.
        """
        time = int(self._clock.now().timestamp() * 1000) if milliseconds is None else milliseconds
        extensions = struct.pack(">H", len(self.extensions)) + self.extensions
        body = struct.pack(">QH", time, 1) + issuer_key_hash + len(tbs).to_bytes(3, "big") + tbs + extensions
        with self._lock:
            self._tree.append(b"\x00\x00" + body)
        signature = keys.sign(self.wrong if spoiled else self.key, b"\x00\x00" + body)
        return (
            b"\x00"
            + self.log_id
            + struct.pack(">Q", time)
            + extensions
            + _SHA256_ECDSA
            + struct.pack(">H", len(signature))
            + signature
        )

    def detached_sct(self, certificate: bytes) -> bytes:
        """Log a final certificate (DER); its SCT as the JSON of ``add-chain`` (RFC 6962, 4.1)."""
        time = int(self._clock.now().timestamp() * 1000)
        extensions = struct.pack(">H", len(self.extensions)) + self.extensions
        entry = struct.pack(">QH", time, 0) + len(certificate).to_bytes(3, "big") + certificate + extensions
        with self._lock:
            self._tree.append(b"\x00\x00" + entry)
        signature = keys.sign(self.key, b"\x00\x00" + entry)
        members = {"id": self.log_id, "extensions": self.extensions}
        signed = _SHA256_ECDSA + struct.pack(">H", len(signature)) + signature
        encoded = {name: b64(value) for name, value in (*members.items(), ("signature", signed))}
        return json.dumps({"sct_version": 0, "timestamp": time, **encoded}).encode()
