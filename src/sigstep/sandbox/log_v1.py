"""Rekor v1 (rekor, openapi.yaml): a log with SETs, checkpoints and inclusion proofs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

import rfc8785
from cryptography.hazmat.primitives import serialization

from sigstep.ports.world import Clock
from sigstep.sandbox import checkpoint, entries_v1, keys
from sigstep.sandbox.exchange import Refused, Reply, Request, b64, json_reply
from sigstep.sandbox.merkle import Tree, leaf_hash

ENTRIES: Final = "/api/v1/log/entries"
INDEX: Final = "/api/v1/index/retrieve"
EARLIER_SHARDS: Final = 4_163_431  # entries of shards before this one: the global index is not the tree's
_TREE_ID: Final = 1193050959916656506
_RETRIEVE_AT_MOST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Logged:
    body: bytes
    integrated: int


class LogV1:
    """The log and its handler. A throw-away entry is put in first: clients differ on a tree of one leaf."""

    def __init__(self, clock: Clock, *, host: str = "localhost") -> None:
        self.key = keys.p256()
        self.wrong = keys.p256()
        self.host = host
        self._clock = clock
        self._tree = Tree()
        self._entries: list[_Logged] = []
        self._by_hash: dict[str, int] = {}
        self._index: dict[str, list[int]] = {}
        self._lock = threading.RLock()
        self.append(b'{"apiVersion":"0.0.0","kind":"sandbox","spec":{}}')

    @property
    def log_id(self) -> bytes:
        """SHA-256 of the public key."""
        return keys.key_id(self.key.public_key())

    @property
    def origin(self) -> str:
        """The first line of its checkpoints."""
        return f"{self.host} - {_TREE_ID}"

    def append(self, body: bytes, *, spoiled: bool = False, integrated: int | None = None) -> dict[str, Any]:
        """Log a canonical body; the entry as the API writes it, without its UUID.

        Raises:
            Refused: 409, an equal entry is there.
        """
        with self._lock:
            found = leaf_hash(body).hex()
            if found in self._by_hash:
                uuid = self._uuid(body)
                raise Refused(
                    409,
                    f"an equivalent entry already exists in the transparency log with UUID {uuid}",
                    {"Location": f"{ENTRIES}/{uuid}"},
                )
            time = int(self._clock.now().timestamp()) if integrated is None else integrated
            index = self._tree.append(body)
            self._entries.append(_Logged(body=body, integrated=time))
            self._by_hash[found] = index
            return self._entry(index, spoiled=spoiled)

    def handle(self, request: Request) -> Reply:
        """Submit, get, retrieve and search entries, and tell the log's key and size.

        Raises:
            Refused: the request does not hold.
        """
        path = request.path.rstrip("/")
        if path == ENTRIES and request.method == "POST":
            return self._submit(request)
        if path == f"{ENTRIES}/retrieve":
            return self._retrieve(request.json())
        if path == ENTRIES:
            return json_reply(self._with_uuid(self._global(request.query.get("logIndex", ""))))
        if path == INDEX:
            return json_reply(self._search(str(request.json().get("hash", "")).lower()))
        if path == "/api/v1/log/publicKey":
            pem = self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return Reply(body=pem, headers={"Content-Type": "application/x-pem-file"})
        if path == "/api/v1/log":
            with self._lock:
                return json_reply(
                    {
                        "rootHash": self._tree.root().hex(),
                        "treeSize": len(self._tree),
                        "treeID": str(_TREE_ID),
                        "signedTreeHead": self._checkpoint(self.key),
                    }
                )
        return json_reply(self._with_uuid(self._of_uuid(path.removeprefix(f"{ENTRIES}/"))))

    def _submit(self, request: Request) -> Reply:
        body = entries_v1.canonical(request.json())
        entry = self.append(body, spoiled=request.spoiled)
        for digest in entries_v1.indexed(request.json()):
            self._index.setdefault(digest, []).append(entry["logIndex"] - EARLIER_SHARDS)
        uuid = self._uuid(body)
        headers = {"ETag": uuid, "Location": f"{ENTRIES}/{uuid}"}
        return json_reply({uuid: entry}, status=201, headers=headers)

    def _search(self, digest: str) -> list[str]:
        with self._lock:
            return [self._uuid(self._entries[index].body) for index in self._index.get(digest, ())]

    def _retrieve(self, asked: dict[str, Any]) -> Reply:
        uuids = [self._of_uuid(str(one)) for one in asked.get("entryUUIDs", ())]
        indexes = [self._global(str(one)) for one in asked.get("logIndexes", ())]
        proposed = [leaf_hash(entries_v1.canonical(one)).hex() for one in asked.get("entries", ())]
        found = [*uuids, *indexes, *(self._by_hash[one] for one in proposed if one in self._by_hash)]
        if len(found) > _RETRIEVE_AT_MOST:
            raise Refused(422, f"at most {_RETRIEVE_AT_MOST} entries at once")
        return json_reply([self._with_uuid(index) for index in found])

    def _global(self, text: str) -> int:
        index = int(text) - EARLIER_SHARDS if text.isdecimal() else -1
        if not 0 <= index < len(self._entries):
            raise Refused(404, "no such entry")
        return index

    def _of_uuid(self, uuid: str) -> int:
        index = self._by_hash.get(uuid[-64:])
        if index is None or uuid not in (uuid[-64:], self._uuid(self._entries[index].body)):
            raise Refused(404, "no such entry")
        return index

    def _with_uuid(self, index: int) -> dict[str, Any]:
        with self._lock:
            return {self._uuid(self._entries[index].body): self._entry(index)}

    def _uuid(self, body: bytes) -> str:
        return f"{_TREE_ID:016x}{leaf_hash(body).hex()}"

    def _entry(self, index: int, *, spoiled: bool = False) -> dict[str, Any]:
        logged = self._entries[index]
        key = self.wrong if spoiled else self.key
        promised: dict[str, Any] = {
            "body": b64(logged.body),
            "integratedTime": logged.integrated,
            "logID": self.log_id.hex(),
            "logIndex": index + EARLIER_SHARDS,
        }
        proof = {
            "checkpoint": self._checkpoint(key),
            "hashes": [one.hex() for one in self._tree.path(index)],
            "logIndex": index,
            "rootHash": self._tree.root().hex(),
            "treeSize": len(self._tree),
        }
        promise = b64(keys.sign(key, rfc8785.dumps(promised)))
        return {**promised, "verification": {"inclusionProof": proof, "signedEntryTimestamp": promise}}

    def _checkpoint(self, key: keys.PrivateKey) -> str:
        signed = checkpoint.text(self.origin, len(self._tree), self._tree.root())
        signer = checkpoint.Signer(name=self.host, key=key, hint=self.log_id)
        return checkpoint.note(signed, signer.line(signed))
