"""What a signing config asks for: several logs and authorities in one bundle, by operator, window and version."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows.test_outages import CountingHttp

from sigstep.errors import ServiceError, SigstepError, TrustError
from sigstep.flows.sign import SignRequest, sign
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest, load_signing
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.bundle import Bundle
from sigstep.model.token import IdentityToken
from sigstep.model.trust import Thresholds, TrustMaterial
from sigstep.oidc.claims import read_token
from sigstep.oidc.given import TokenFile
from sigstep.policy.rule import any_signer_unsafe
from sigstep.ports.real import RealClock, RealEntropy, RealProcess
from sigstep.ports.retry import Budget
from sigstep.ports.world import World
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.services.selection import select
from sigstep.signing.credential import Credential, certify
from sigstep.signing.keys import ephemeral_key
from sigstep.subjects.files import FileSubjects
from sigstep.wire import signing_config
from sigstep.wire.trusted_root import trusted_root_of

EARLIER = "2020-01-01T00:00:00Z"


@dataclass(frozen=True)
class Pair:
    """Two sandboxes: certificates are of the first; each runs logs and a timestamp authority under its own name."""

    one: Sandbox
    two: Sandbox

    def service(self, box: Sandbox, path: str = "", version: int = 1, **changed: Any) -> dict[str, Any]:
        operator = "one.example" if box is self.one else "two.example"
        return {
            "url": box.url + path,
            "majorApiVersion": version,
            "validFor": {"start": EARLIER},
            "operator": operator,
        } | changed

    def config(self, **changed: Any) -> dict[str, Any]:
        """A client trust config that knows both; ``changed`` members of its signing config are replaced."""
        first, second = self.one.trusted_root(), self.two.trusted_root()
        root = first | {name: first[name] + second[name] for name in ("tlogs", "timestampAuthorities")}
        stamping = "/api/v1/timestamp"
        services = self.one.signing_config() | {
            "rekorTlogUrls": [self.service(self.one), self.service(self.two)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [self.service(self.one, stamping), self.service(self.two, stamping)],
            "tsaConfig": {"selector": "ANY"},
        }
        services |= changed
        media_type = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
        return {"mediaType": media_type, "trustedRoot": root, "signingConfig": services}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with Sandbox() as one, Sandbox() as two:
        yield Pair(one, two)


@pytest.fixture
def world(pair: Pair) -> World:
    pair.one.faults.clear()
    pair.two.faults.clear()
    return World(
        http=CountingHttp(),
        clock=RealClock(),
        entropy=RealEntropy(),
        environ=pair.one.environ(),
        process=RealProcess(),
    )


def signed(pair: Pair, world: World, folder: Path, config: dict[str, Any], seconds: float = 5) -> Bundle:
    """One file, signed with that config and accepted by the verifier."""
    token, trust, artifact = folder / "token", folder / "trust.json", folder / "app.whl"
    token.write_text(pair.one.token())
    trust.write_text(json.dumps(config))
    artifact.write_bytes(b"app")
    options = SigningOptions(
        trust=TrustRequest(trust_config=trust), sources=(TokenFile(path=token),), retry_seconds=seconds
    )
    subjects = FileSubjects(patterns=("*.whl",), base=folder)
    [made] = sign(SignRequest(subjects=subjects, options=options), world).made
    root = load_signing(options.trust, world).root
    needed = len(made.bundle.entries), len(made.bundle.timestamps)
    thresholds = Thresholds(entries=needed[0], times=1, signed_times=needed[1], scts=1)
    request = VerifyRequest(
        targets=(artifact,),
        rule=any_signer_unsafe(reason="the number of witnesses is what is tested"),
        trust=TrustMaterial(roots=(replace(root, thresholds=thresholds),)),
        bundles=(Path(made.location),),
    )
    assert verify(request, world).exit_code == 0
    return made.bundle


@pytest.mark.parametrize(
    ("logs", "stamps", "expected"),
    [
        ({"selector": "ANY"}, {"selector": "ANY"}, (1, 1)),
        ({"selector": "ALL"}, {"selector": "ANY"}, (2, 1)),
        ({"selector": "ANY"}, {"selector": "ALL"}, (1, 2)),
        ({"selector": "ALL"}, {"selector": "ALL"}, (2, 2)),
        ({"selector": "EXACT", "count": 2}, {"selector": "EXACT", "count": 2}, (2, 2)),
        ({"selector": "EXACT", "count": 1}, {"selector": "EXACT", "count": 2}, (1, 2)),
    ],
)
def test_how_many_are_used(
    pair: Pair, world: World, tmp_path: Path, logs: Any, stamps: Any, expected: tuple[int, int]
) -> None:
    """ANY one, ALL of the operators, EXACT a number: all in one bundle, each counted by the verifier."""
    bundle = signed(pair, world, tmp_path, pair.config(rekorTlogConfig=logs, tsaConfig=stamps))
    assert (len({one.log_id for one in bundle.entries}), len(bundle.timestamps)) == expected
    assert isinstance(world.http, CountingHttp)
    assert (world.http.of("log/entries"), world.http.of("timestamp")) == expected


def test_more_than_there_are_operators(pair: Pair, world: World, tmp_path: Path) -> None:
    """EXACT 2 of one operator's two logs is too many: operators are counted, not addresses."""
    same = [pair.service(pair.one), pair.service(pair.two, operator="one.example")]
    with pytest.raises(TrustError) as caught:
        signed(
            pair,
            world,
            tmp_path,
            pair.config(rekorTlogUrls=same, rekorTlogConfig={"selector": "EXACT", "count": 2}),
        )
    assert caught.value.code == "too-few-services"


def test_one_of_each_operator(pair: Pair, world: World, tmp_path: Path) -> None:
    """ALL uses one log of each operator, the newest."""
    old = pair.service(pair.two, operator="one.example", validFor={"start": "2019-01-01T00:00:00Z"})
    bundle = signed(
        pair,
        world,
        tmp_path,
        pair.config(rekorTlogUrls=[old, pair.service(pair.one)], rekorTlogConfig={"selector": "ALL"}),
    )
    assert [one.log_id for one in bundle.entries] == [pair.one.log_v1.log_id]


def test_windows(pair: Pair, world: World, tmp_path: Path) -> None:
    """A service whose window has ended, or has not begun, is not asked."""
    ended = pair.service(pair.one, validFor={"start": EARLIER, "end": "2021-01-01T00:00:00Z"})
    later = pair.service(pair.one, validFor={"start": "2090-01-01T00:00:00Z"})
    bundle = signed(pair, world, tmp_path, pair.config(rekorTlogUrls=[ended, later, pair.service(pair.two)]))
    assert [one.log_id for one in bundle.entries] == [pair.two.log_v1.log_id]
    with pytest.raises(TrustError) as caught:
        signed(pair, world, tmp_path, pair.config(rekorTlogUrls=[ended, later]))
    assert caught.value.code == "no-service"


def test_versions(pair: Pair, world: World, tmp_path: Path) -> None:
    """The highest version that has a service is used, never two; one that nobody speaks is left."""
    logs = [pair.service(pair.one), pair.service(pair.two, version=2), pair.service(pair.one, version=3)]
    bundle = signed(pair, world, tmp_path, pair.config(rekorTlogUrls=logs, rekorTlogConfig={"selector": "ALL"}))
    assert [one.log_id for one in bundle.entries] == [pair.two.log_v2.log_id]
    with pytest.raises(TrustError) as caught:
        signed(pair, world, tmp_path, pair.config(rekorTlogUrls=logs, tsaUrls=[]))
    assert caught.value.code == "no-timestamp-authority"


@pytest.mark.parametrize("service", ["rekor-v1", "timestamp"])
def test_failover(pair: Pair, world: World, tmp_path: Path, service: str) -> None:
    """ANY: while the first is out, the second serves, without waiting for the budget to end."""
    for box in (pair.one, pair.two):
        box.faults.set(service, Fault(kind="status"))
        began = world.clock.monotonic()
        bundle = signed(pair, world, tmp_path, pair.config(), seconds=60)
        box.faults.clear()
        assert world.clock.monotonic() - began < 10
        assert len(bundle.entries) == len(bundle.timestamps) == 1


@pytest.mark.parametrize("service", ["rekor-v1", "timestamp"])
def test_all_needs_all(pair: Pair, world: World, tmp_path: Path, service: str) -> None:
    """ALL with one that is out fails, and writes nothing."""
    pair.two.faults.set(service, Fault(kind="status"))
    config = pair.config(rekorTlogConfig={"selector": "ALL"}, tsaConfig={"selector": "ALL"})
    with pytest.raises(ServiceError) as caught:
        signed(pair, world, tmp_path, config, seconds=0)
    assert caught.value.code == "service-unavailable"
    assert not list(tmp_path.glob("*.sigstore.json"))


def certified(
    pair: Pair, world: World, *, scts: int = 0, csr: bool = False, algorithm: str = "ecdsa-p256"
) -> Credential:
    """A certificate, checked against a root that asks for so many SCTs."""
    root = trusted_root_of(pair.one.trusted_root(), name="sandbox", thresholds=Thresholds(entries=0, scts=scts))
    services = select(signing_config.from_json(pair.one.signing_config()), world.clock.now())

    def token() -> IdentityToken:
        return read_token(pair.one.token(), audience="sigstore", world=world)

    return certify(
        services.certificate_authority,
        token,
        prepare(TrustMaterial(roots=(root,))),
        algorithm=algorithm,
        csr=csr,
        budget=Budget.starting_now(0, world),
        world=world,
    )


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"])
@pytest.mark.parametrize("csr", [False, True])
def test_both_forms_of_a_request(pair: Pair, world: World, csr: bool, algorithm: str) -> None:
    """The public key with a proof, and the certificate signing request."""
    assert certified(pair, world, scts=1, csr=csr, algorithm=algorithm).leaf is not None


@pytest.fixture
def detached(pair: Pair) -> Iterator[Pair]:
    pair.one.fulcio.detached = True
    yield pair
    pair.one.fulcio.detached = False


def test_a_detached_sct_is_checked(detached: Pair, world: World) -> None:
    """It holds: the certificate is used where no SCT has to be inside."""
    assert certified(detached, world).leaf is not None


def test_a_detached_sct_does_not_stand_for_one_inside(detached: Pair, world: World) -> None:
    """A bundle has no place for it, so no verifier would count it."""
    with pytest.raises(ServiceError) as caught:
        certified(detached, world, scts=1)
    assert caught.value.code == "service-unavailable"
    assert "detached" in caught.value.why


@pytest.mark.parametrize("change", ["signature", "timestamp", "garbage", "length", "version", "id"])
def test_a_detached_sct_that_does_not_hold(
    detached: Pair, world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Changed in one place; only the SCT of a log that nobody knows is looked over."""
    log = detached.one.ct_log
    original = log.detached_sct

    def forged(certificate: bytes) -> bytes:
        sct = json.loads(original(certificate))
        if change == "garbage":
            return b"[]"
        if change == "timestamp":
            sct["timestamp"] += 1
        if change == "version":
            sct["sct_version"] = 1
        if change == "id":
            sct["id"] = base64.b64encode(bytes(32)).decode()
        raw = bytearray(base64.b64decode(sct["signature"]))
        if change == "signature":
            raw[-1] ^= 1
        sct["signature"] = base64.b64encode(raw[:-1] if change == "length" else raw).decode()
        return json.dumps(sct).encode()

    monkeypatch.setattr(log, "detached_sct", forged)
    if change == "id":
        assert certified(detached, world).leaf is not None
        return
    with pytest.raises(SigstepError) as caught:
        certified(detached, world)
    assert "is not used" in f"{caught.value.what} {caught.value.why}"


def test_a_detached_sct_of_a_key_out_of_its_window(detached: Pair, world: World) -> None:
    """The log's key has to count when the SCT was made."""
    root = trusted_root_of(detached.one.trusted_root(), name="sandbox", thresholds=Thresholds(entries=0, scts=0))
    [log] = root.ct_logs
    late = replace(log, validity=replace(log.validity, start=world.clock.now() + timedelta(days=1)))
    services = select(signing_config.from_json(detached.one.signing_config()), world.clock.now())
    with pytest.raises(SigstepError) as caught:
        certify(
            services.certificate_authority,
            lambda: read_token(detached.one.token(), audience="sigstore", world=world),
            prepare(TrustMaterial(roots=(replace(root, ct_logs=(late,)),))),
            algorithm="ecdsa-p256",
            budget=Budget.starting_now(0, world),
            world=world,
        )
    assert "was not valid at" in caught.value.why


def _code_beneath(error: ServiceError) -> str:
    """Of the last try, which the service's own error tells about."""
    assert isinstance(error.__cause__, ServiceError)
    return error.__cause__.code


def test_a_certificate_that_is_not_ours(pair: Pair, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """About another key, or in no CT log of the trusted root: not used."""
    with monkeypatch.context() as patched:
        other = ephemeral_key().private.public_key()
        patched.setattr("sigstep.sandbox.fulcio._proven_key", lambda body, principal: other)
        with pytest.raises(ServiceError) as caught:
            certified(pair, world)
    assert _code_beneath(caught.value) == "certificate-wrong"
    assert "it is about another key" in caught.value.why
    monkeypatch.setattr(pair.one.fulcio, "ct_logs", ())
    with pytest.raises(ServiceError) as caught:
        certified(pair, world, scts=1)
    assert _code_beneath(caught.value) == "certificate-wrong"
    assert "no CT log of the trusted root vouches for it" in caught.value.why


def test_a_config_without_authorities(pair: Pair, world: World) -> None:
    """No Fulcio, or neither log nor timestamp authority: nothing to sign with."""
    cases: tuple[dict[str, Any], ...] = ({"caUrls": []}, {"rekorTlogUrls": [], "tsaUrls": []})
    for changed in cases:
        config = signing_config.from_json(pair.one.signing_config() | changed)
        with pytest.raises(TrustError) as caught:
            select(config, world.clock.now())
        assert caught.value.code == "no-service"
