"""A TUF repository in memory (python-tuf), with consistent snapshots, and switches that make it lie."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sigstep.ports.world import Clock
from sigstep.sandbox.exchange import Refused, Reply, Request

ATTACKS: Final = ("expired", "oversized", "rollback", "wrong-keys", "wrong-target")
_PREFIX: Final = "/tuf/"
_ROLES: Final = ("root", "timestamp", "snapshot", "targets")
_OVERSIZE: Final = 8 * 1024 * 1024
_DAYS: Final = {"root": 365, "targets": 90, "snapshot": 7, "timestamp": 1}


class TufRepository:
    """Serves what `publish` wrote last. ``attack`` may be set to one of `ATTACKS`; see `publish`."""

    def __init__(self, targets: Mapping[str, bytes], clock: Clock) -> None:
        from securesystemslib.signer import CryptoSigner

        self._clock = clock
        self._targets = dict(targets)
        self._signers: dict[str, Any] = {role: CryptoSigner.generate_ecdsa() for role in _ROLES}
        self._files: dict[str, bytes] = {}
        self._version = 0
        self.attack = ""
        self.root = b""
        self.publish()

    def publish(self, attack: str = "", *, targets: Mapping[str, bytes] | None = None) -> None:
        """Write the next version of timestamp, snapshot and targets; ``root.json`` stays.

        Args:
            attack: ``expired``: all three are past their expiry; ``rollback``: the version goes down;
                ``wrong-keys``: signed with other keys; ``oversized``: the timestamp is 8 MiB long;
                ``wrong-target``: the targets' bytes are not those that were signed.
            targets: new targets by name.

        Raises:
            Refused: no such attack.
        """
        if attack and attack not in ATTACKS:
            raise Refused(400, f"attacks: {', '.join(ATTACKS)}")
        self.attack = attack
        if targets is not None:
            self._targets = dict(targets)
        self._version = max(self._version - 1, 1) if attack == "rollback" else self._version + 1
        signers = self._other_signers() if attack == "wrong-keys" else self._signers
        if not self.root:
            self.root = self._root()
            self._files["1.root.json"] = self.root
        self._write(signers)
        if attack == "oversized":
            self._files["timestamp.json"] = b" " * _OVERSIZE
        if attack == "wrong-target":
            for name in [name for name in self._files if name.startswith("targets/")]:
                self._files[name] = self._files[name][:-1] + b" "

    def handle(self, request: Request) -> Reply:
        """A metadata or target file.

        Raises:
            Refused: no such file.
        """
        content = self._files.get(request.path.removeprefix(_PREFIX))
        if content is None:
            raise Refused(404, "no such file")
        return Reply(body=content, headers={"Content-Type": "application/octet-stream"})

    def _root(self) -> bytes:
        from tuf.api.metadata import Metadata, Root

        root = Root(version=1, expires=self._expiry("root"), consistent_snapshot=True)
        for role, signer in self._signers.items():
            root.add_key(signer.public_key, role)
        return self._signed(Metadata(root), self._signers["root"])

    def _write(self, signers: Mapping[str, Any]) -> None:
        from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

        targets = Targets(version=self._version, expires=self._expiry("targets"))
        for name, content in self._targets.items():
            targets.targets[name] = TargetFile.from_data(name, content, ["sha256"])
            self._files[f"targets/{hashlib.sha256(content).hexdigest()}.{name}"] = content
        snapshot = Snapshot(version=self._version, expires=self._expiry("snapshot"))
        snapshot.meta["targets.json"] = MetaFile(version=self._version)
        timestamp = Timestamp(version=self._version, expires=self._expiry("timestamp"))
        timestamp.snapshot_meta = MetaFile(version=self._version)
        v = self._version
        self._files[f"{v}.targets.json"] = self._signed(Metadata(targets), signers["targets"])
        self._files[f"{v}.snapshot.json"] = self._signed(Metadata(snapshot), signers["snapshot"])
        self._files["timestamp.json"] = self._signed(Metadata(timestamp), signers["timestamp"])

    def _expiry(self, role: str) -> Any:
        days = -1 if self.attack == "expired" and role != "root" else _DAYS[role]
        return (self._clock.now() + timedelta(days=days)).replace(microsecond=0)

    def _signed(self, metadata: Any, signer: Any) -> bytes:
        metadata.sign(signer)
        content: bytes = metadata.to_bytes()
        return content

    def _other_signers(self) -> dict[str, Any]:
        from securesystemslib.signer import CryptoSigner

        return {role: CryptoSigner.generate_ecdsa() for role in _ROLES}
