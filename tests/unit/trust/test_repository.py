"""A TUF repository over the world's network: updates, the cache, outages and attacks (TUF specification, section 5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tests import worlds
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from sigstep.errors import ServiceError, TrustError
from sigstep.ports.http import Response
from sigstep.ports.real import RealClock
from sigstep.ports.world import World
from sigstep.trust import cache, repository
from sigstep.trust.instances import Instance

URL = "https://tuf.example"
ROLES = ("root", "timestamp", "snapshot", "targets")


@dataclass
class Repository:
    """A small repository in memory; every change is signed anew."""

    signer: CryptoSigner = field(default_factory=CryptoSigner.generate_ed25519)
    files: dict[str, bytes] = field(default_factory=dict)
    version: int = 0
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def publish(self, content: bytes = b"{}", *, days: int = 10, version: int | None = None) -> None:
        """Sign a new version of everything over one target."""
        self.version = version if version is not None else self.version + 1
        expires = RealClock().now().replace(microsecond=0) + timedelta(days=days)
        root = Root(expires=RealClock().now().replace(microsecond=0) + timedelta(days=99))
        for role in ROLES:
            root.add_key(self.signer.public_key, role)
        targets = Targets(version=self.version, expires=expires)
        info = TargetFile.from_data("trusted_root.json", content)
        targets.targets["trusted_root.json"] = info
        snapshot = Snapshot(version=self.version, expires=expires, meta={"targets.json": MetaFile(self.version)})
        timestamp = Timestamp(version=self.version, expires=expires, snapshot_meta=MetaFile(self.version))
        self.files["/1.root.json"] = self.signed(root)
        self.files[f"/{self.version}.targets.json"] = self.signed(targets)
        self.files[f"/{self.version}.snapshot.json"] = self.signed(snapshot)
        self.files["/timestamp.json"] = self.signed(timestamp)
        self.files[f"/targets/{info.hashes['sha256']}.trusted_root.json"] = content

    def signed(self, what: Root | Timestamp | Snapshot | Targets) -> bytes:
        """Metadata with one signature."""
        metadata: Metadata[Any] = Metadata(what)
        metadata.sign(self.signer)
        return metadata.to_bytes()

    def __call__(self, sent: worlds.Sent) -> Response:
        self.asked.append(sent.url)
        if self.down:
            raise ServiceError(code="network-failed", what="no answer", retryable=True)
        body = self.files.get(sent.url.removeprefix(URL))
        return worlds.answer(404) if body is None else worlds.answer(200, body)


@pytest.fixture
def tuf() -> Repository:
    made = Repository()
    made.publish(b'{"one":1}')
    return made


@pytest.fixture
def world(tuf: Repository, tmp_path: Path) -> World:
    clock = worlds.SimulatedClock(RealClock().now())
    return worlds.world(tuf, environ={"SIGSTEP_CACHE_DIR": str(tmp_path)}, clock=clock)


def instance(tuf: Repository) -> Instance:
    return Instance(name=URL, tuf_url=URL, tuf_root=tuf.files["/1.root.json"])


def get(tuf: Repository, world: World, *, update: bool = True) -> bytes:
    return repository.targets(instance(tuf), ("trusted_root.json",), world, update=update)["trusted_root.json"]


def test_a_target_is_fetched_and_kept_for_a_day(tuf: Repository, world: World) -> None:
    """A run within a day asks no network; a later one asks again."""
    assert get(tuf, world) == b'{"one":1}'
    asked = len(tuf.asked)
    tuf.publish(b'{"two":2}')
    assert get(tuf, world, update=False) == b'{"one":1}'
    assert len(tuf.asked) == asked
    world.clock.sleep(2 * 86400)
    assert get(tuf, world, update=False) == b'{"two":2}'


def test_an_outage_with_a_fresh_cache_does_not_stop_a_run(tuf: Repository, world: World) -> None:
    """Issue 4."""
    get(tuf, world)
    tuf.down = True
    assert get(tuf, world) == b'{"one":1}'


def test_an_outage_without_a_cache_does(tuf: Repository, world: World) -> None:
    """Nothing is taken from nowhere."""
    tuf.down = True
    with pytest.raises(TrustError) as caught:
        get(tuf, world)
    assert caught.value.code == "tuf-unreachable"
    assert "https://tuf.example" in caught.value.what


def test_an_outage_with_an_expired_cache_does(tuf: Repository, world: World) -> None:
    """A repository that is held down must not freeze a client for ever."""
    get(tuf, world)
    tuf.down = True
    world.clock.sleep(20 * 86400)
    with pytest.raises(TrustError) as caught:
        get(tuf, world)
    assert caught.value.code == "tuf-unreachable"


def attack(tuf: Repository, kind: str) -> None:
    if kind == "rollback":
        tuf.publish(b'{"old":0}', version=1)
    elif kind == "expired":
        tuf.publish(b'{"new":1}', days=-1)
    elif kind == "wrong-keys":
        tuf.signer = CryptoSigner.generate_ed25519()
        first = tuf.files["/1.root.json"]
        tuf.publish(b'{"evil":1}')
        tuf.files["/1.root.json"] = first
    elif kind == "tampered-target":
        tuf.publish(b'{"new":1}')
        name = next(name for name, body in tuf.files.items() if body == b'{"new":1}')
        tuf.files[name] = b'{"new":2}'
    elif kind == "oversized":
        tuf.files["/timestamp.json"] = b" " * 20_000 + tuf.files["/timestamp.json"]
    elif kind == "no-target":
        tuf.publish()
        name = f"/{tuf.version}.targets.json"
        empty = Targets(version=tuf.version, expires=RealClock().now().replace(microsecond=0) + timedelta(days=9))
        tuf.files[name] = tuf.signed(empty)


@pytest.mark.parametrize("kind", ["rollback", "expired", "wrong-keys", "tampered-target", "oversized", "no-target"])
def test_attacks_are_refused(tuf: Repository, world: World, kind: str) -> None:
    """TUF specification, 1.5.2: rollback, freeze, arbitrary software, endless data."""
    tuf.publish(b'{"two":2}')
    tuf.publish(b'{"three":3}')
    get(tuf, world)
    attack(tuf, kind)
    with pytest.raises(TrustError) as caught:
        get(tuf, world)
    assert caught.value.code == "tuf-refused"


def test_a_first_root_needs_a_threshold_of_the_known_keys(tuf: Repository, world: World) -> None:
    """Issue 4: root keys in the project's own form; at least that version, a threshold of their signatures."""
    root = tuf.files["/1.root.json"]
    known = json.loads(root)["signed"]["keys"]
    other = CryptoSigner.generate_ecdsa()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def pem(signer: CryptoSigner) -> str:
        return signer._private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    keys = {next(iter(known)): pem(tuf.signer), "a" * 64: pem(other)}
    repository.check_root_keys(root, version=1, threshold=1, keys=keys)
    for version, threshold in ((2, 1), (1, 2)):
        with pytest.raises(RepositoryError):
            repository.check_root_keys(root, version=version, threshold=threshold, keys=keys)
    swapped = {next(iter(known)): pem(other)}
    with pytest.raises(RepositoryError):
        repository.check_root_keys(root, version=1, threshold=1, keys=swapped)


@pytest.mark.parametrize("known", [True, False])
def test_a_repository_that_begins_with_known_keys(
    tuf: Repository, world: World, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """GitHub's form of anchor: the root of that version is fetched, and taken if a threshold of known keys signed it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    root = json.loads(tuf.files["/1.root.json"])
    signer = tuf.signer if known else CryptoSigner.generate_ed25519()
    pem = signer._private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    anchor = {"version": 1, "threshold": 1, "keys": {next(iter(root["signed"]["keys"])): pem}}
    carried = {"root-keys.json": json.dumps(anchor).encode()}
    monkeypatch.setattr(Instance, "file", lambda _, name: carried.get(name))
    begun = Instance(name="github", tuf_url=URL, embedded="github")
    if known:
        assert repository.targets(begun, ("trusted_root.json",), world)["trusted_root.json"] == b'{"one":1}'
        return
    with pytest.raises(TrustError) as caught:
        repository.targets(begun, ("trusted_root.json",), world)
    assert caught.value.code == "tuf-refused"
    carried.clear()
    with pytest.raises(TrustError, match="not taken"):
        repository.targets(begun, ("trusted_root.json",), world)


def test_an_unwritable_cache_says_which_folder(tuf: Repository, tmp_path: Path) -> None:
    """The fix names the setting."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    world = worlds.world(tuf, environ={"SIGSTEP_CACHE_DIR": str(blocked)})
    with pytest.raises(TrustError) as caught:
        get(tuf, world)
    assert caught.value.code == "trust-cache-unwritable"


def test_a_broken_cache_is_no_cache(tmp_path: Path) -> None:
    """Half-written or foreign files are looked over."""
    world = worlds.world()
    assert not cache.checked_lately(tmp_path, world, timedelta(days=1))
    (tmp_path / "checked").write_text("gestern")
    assert not cache.checked_lately(tmp_path, world, timedelta(days=1))
    (tmp_path / "checked").write_text("2026-06-01T12:00:00")
    assert not cache.checked_lately(tmp_path, world, timedelta(days=1))
    assert cache.read(tmp_path / "checked", 3) is None
