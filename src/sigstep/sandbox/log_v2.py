"""Rekor v2 (rekor-tiles): hashedrekord 0.0.2 alone, an Ed25519 checkpoint, no SET and no time."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from sigstep.sandbox import checkpoint, keys
from sigstep.sandbox.exchange import Refused, Reply, Request, b64, json_reply, member, unb64
from sigstep.sandbox.merkle import Tree

ENTRIES: Final = "/api/v2/log/entries"
_DIGESTS: Final[dict[str, str]] = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}
_REQUEST: Final = "hashedRekordRequestV002"


class LogV2:
    """The log and its handler. A throw-away entry is put in first: clients differ on a tree of one leaf."""

    def __init__(self, *, host: str = "localhost", witnesses: tuple[checkpoint.Witness, ...] = ()) -> None:
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.wrong = ed25519.Ed25519PrivateKey.generate()
        self.host = host
        self.witnesses = witnesses
        self._tree = Tree()
        self._known: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self.append(b'{"apiVersion":"0.0.0","kind":"sandbox","spec":{}}')

    @property
    def log_id(self) -> bytes:
        """The id of its note key, all 32 bytes."""
        return keys.note_key_id(self.key.public_key(), self.host)

    def append(self, body: bytes, *, spoiled: bool = False) -> dict[str, Any]:
        """Log a canonical body; its TransparencyLogEntry.

        Raises:
            Refused: 409, an equal entry is there.
        """
        with self._lock:
            if body in self._known:
                index = self._known[body]
                raise Refused(
                    409,
                    f"an equivalent entry already exists in the transparency log with index {index}",
                    {"X-Log-Index": str(index)},
                )
            index = self._known[body] = self._tree.append(body)
            return {
                "logIndex": str(index),
                "logId": {"keyId": b64(self.log_id)},
                "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                "integratedTime": "0",
                "inclusionPromise": None,
                "inclusionProof": {
                    "logIndex": str(index),
                    "rootHash": b64(self._tree.root()),
                    "treeSize": str(len(self._tree)),
                    "hashes": [b64(one) for one in self._tree.path(index)],
                    "checkpoint": {"envelope": self._checkpoint(self.wrong if spoiled else self.key)},
                },
                "canonicalizedBody": b64(body),
            }

    def handle(self, request: Request) -> Reply:
        """Submit an entry, or read the checkpoint.

        Raises:
            Refused: the request does not hold.
        """
        if request.path == "/api/v2/checkpoint":
            with self._lock:
                return Reply(body=self._checkpoint(self.key).encode(), headers={"Content-Type": "text/plain"})
        if request.path != ENTRIES or request.method != "POST":
            raise Refused(404, "no such address")
        return json_reply(self.append(canonical(request.json()), spoiled=request.spoiled), status=201)

    def _checkpoint(self, key: ed25519.Ed25519PrivateKey) -> str:
        signed = checkpoint.text(self.host, len(self._tree), self._tree.root())
        signer = checkpoint.Signer(name=self.host, key=key, hint=self.log_id)
        seconds = int(time.time())  # noqa: TID251 - witnesses live in real time
        cosigned = (witness.line(signed, seconds) for witness in self.witnesses)
        return checkpoint.note(signed, signer.line(signed), *cosigned)


def canonical(request: dict[str, Any]) -> bytes:
    """The canonical body of a request (rekor-tiles, hashedrekord 0.0.2).

    Raises:
        Refused: another type, an unknown field, or a signature that does not hold.
    """
    if _REQUEST not in request:
        raise Refused(400, "invalid type, must be hashedrekord")
    _only(request, {_REQUEST})
    asked = member(request, _REQUEST)
    _only(asked, {"digest", "signature"})
    verifier = member(asked, "signature", "verifier")
    _only(verifier, {"keyDetails", "x509Certificate", "publicKey"})
    kind, raw = _raw_verifier(verifier)
    key = _key(kind, raw)
    if isinstance(key, ed25519.Ed25519PublicKey) or member(verifier, "keyDetails") != keys.key_details(key):
        raise Refused(400, "keyDetails is not allowed, or does not fit the key")
    algorithm = keys.hash_name(key)
    digest = unb64(member(asked, "digest"), "the digest")
    content = member(asked, "signature", "content")
    keys.check_digest(key, unb64(content, "the signature"), digest, algorithm)
    logged = {"keyDetails": keys.key_details(key), kind: {"rawBytes": b64(raw)}}
    data = {"algorithm": _DIGESTS[algorithm], "digest": b64(digest)}
    spec = {"hashedRekordV002": {"data": data, "signature": {"content": content, "verifier": logged}}}
    return rfc8785.dumps({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})


def _only(value: Any, names: set[str]) -> None:
    unknown = set(value) - names if isinstance(value, dict) else {"?"}
    if unknown:
        raise Refused(400, f"unknown field {min(unknown)}")


def _raw_verifier(verifier: Any) -> tuple[str, bytes]:
    kinds = [kind for kind in ("x509Certificate", "publicKey") if verifier.get(kind)]
    if len(kinds) != 1:
        raise Refused(400, "exactly one of x509Certificate and publicKey is taken")
    return kinds[0], unb64(member(verifier, kinds[0], "rawBytes"), "the verifier")


def _key(kind: str, raw: bytes) -> keys.PublicKey:
    try:
        if kind == "publicKey":
            return keys.allowed(serialization.load_der_public_key(raw))
        return keys.allowed(x509.load_der_x509_certificate(raw).public_key())
    except ValueError:
        raise Refused(400, "the verifier is not DER") from None
