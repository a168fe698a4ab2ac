"""npm's keys: a target of the public repository's delegation, whose path ends in ``/keys.json``."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tests.market import Market
from tests.sandboxes import sandbox
from tests.unit.trust.test_repository import URL, Repository
from tests.worlds import world
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Snapshot, TargetFile, Targets

from sigstep.errors import ServiceError, TrustError
from sigstep.flows import trust
from sigstep.ports.http import Response
from sigstep.ports.real import RealClock
from sigstep.ports.world import World
from sigstep.sandbox.local import Sandbox
from sigstep.trust import repository
from sigstep.trust.instances import Instance

__all__ = ["sandbox"]

PATH = "registry.npm.example/keys.json"


def delegate(served: Repository, content: bytes, *, signer: CryptoSigner | None = None) -> None:
    """Delegate one path to a role of its own, as the public repository does for npm."""
    served.publish()
    role = signer or CryptoSigner.generate_ed25519()
    expires = RealClock().now().replace(microsecond=0) + timedelta(days=10)
    targets = Metadata[Targets].from_bytes(served.files["/1.targets.json"])
    delegated = DelegatedRole("registry.npm.example", [role.public_key.keyid], 1, True, paths=[PATH])
    targets.signed.delegations = Delegations({role.public_key.keyid: role.public_key}, {delegated.name: delegated})
    served.files["/1.targets.json"] = served.signed(targets.signed)
    below = Targets(version=1, expires=expires)
    info = TargetFile.from_data(PATH, content)
    below.targets[PATH] = info
    metadata = Metadata(below)
    metadata.sign(role)
    served.files[f"/1.{delegated.name}.json"] = metadata.to_bytes()
    served.files[f"/targets/registry.npm.example/{info.hashes['sha256']}.keys.json"] = content
    snapshot = Metadata[Snapshot].from_bytes(served.files["/1.snapshot.json"]).signed
    snapshot.meta[f"{delegated.name}.json"] = MetaFile(1)
    served.files["/1.snapshot.json"] = served.signed(snapshot)


def answering(served: Repository, folder: Path) -> World:
    """A world whose network is that repository."""

    def answer(sent: object) -> Response:
        url = str(getattr(sent, "url", ""))
        if served.down:
            raise ServiceError(code="network-failed", what="down", retryable=True)
        body = served.files.get(url.removeprefix(URL))
        return Response(status=200 if body is not None else 404, headers={}, body=body or b"", url=url)

    made = world(answer, environ={"SIGSTEP_CACHE_DIR": str(folder)})
    return replace(made, clock=RealClock())


def test_the_delegated_target(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the end of its path, verified through its own role, and cached."""
    served = Repository()
    with Market(sandbox) as market:
        keys = market.npm_keys()
    delegate(served, keys)
    instance = Instance(name="x", tuf_url=URL, tuf_root=served.files["/1.root.json"])
    outside = answering(served, tmp_path)
    assert repository.delegated(instance, "/keys.json", outside) == {}  # nothing was read yet
    repository.targets(instance, ("trusted_root.json",), outside)
    assert repository.delegated(instance, "/keys.json", outside) == {PATH: keys}
    served.down = True
    assert repository.delegated(instance, "/keys.json", outside, offline=True) == {PATH: keys}
    monkeypatch.setattr(trust, "PUBLIC_GOOD", instance)
    found = trust.load_registry_keys(trust.TrustRequest(offline=True), outside)
    assert [one.usage for one in found] == ["npm:signatures", "npm:attestations"]
    assert trust.load_registry_keys(trust.TrustRequest(trusted_roots=(tmp_path,)), outside) == ()
    assert trust.load_registry_keys(trust.TrustRequest(instances=("github",)), outside) == ()


def test_a_delegation_that_its_role_did_not_sign(tmp_path: Path) -> None:
    """Nothing of it is used."""
    served = Repository()
    delegate(served, b"{}")
    other = Metadata[Targets].from_bytes(served.files["/1.registry.npm.example.json"])
    other.sign(CryptoSigner.generate_ed25519())
    served.files["/1.registry.npm.example.json"] = other.to_bytes()
    instance = Instance(name="x", tuf_url=URL, tuf_root=served.files["/1.root.json"])
    outside = answering(served, tmp_path)
    repository.targets(instance, ("trusted_root.json",), outside)
    with pytest.raises(TrustError) as refused:
        repository.delegated(instance, "/keys.json", outside)
    assert refused.value.code == "tuf-refused"


def test_no_delegation_and_garbage(tmp_path: Path) -> None:
    """A repository without delegations has no such keys; a spoiled cache has none either."""
    served = Repository()
    served.publish()
    instance = Instance(name="x", tuf_url=URL, tuf_root=served.files["/1.root.json"])
    outside = answering(served, tmp_path)
    repository.targets(instance, ("trusted_root.json",), outside)
    assert repository.delegated(instance, "/keys.json", outside) == {}
    for path in tmp_path.rglob("targets.json"):
        path.write_text(json.dumps({"signed": 1}))
    assert repository.delegated(instance, "/keys.json", outside, offline=True) == {}
