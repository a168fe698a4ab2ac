"""Each service times each fault (issue 4): what comes out, what is said, and that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.flows.test_outages import CountingHttp, Outage
from tests.worlds import SimulatedClock

from sigstep.errors import SigstepError
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest
from sigstep.oidc.github import GitHubActions
from sigstep.ports.real import RealClock, RealEntropy, RealProcess
from sigstep.ports.world import World
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import _signing_key
from sigstep.subjects.files import FileSubjects

OUTAGE_SECONDS = 45 * 60
FAULTS = {
    "timeout": Fault(kind="delay", seconds=0.7),
    "reset": Fault(kind="drop"),
    "429": Fault(kind="status", status=429, retry_after="7"),
    "500": Fault(kind="status", status=500),
    "502": Fault(kind="status", status=502),
    "garbage": Fault(kind="garbage"),
    "slow drip": Fault(kind="drip", seconds=0.05),
    "wrong signature": Fault(kind="wrong-signature"),
}
PASSING = FAULTS | {"lost answer": Fault(kind="lost")}
# what a run with a budget of 2 s ends with; every other cell is "the service did not do its part"
CODES = {
    ("issuer", "garbage"): "token-request-refused",
    ("issuer", "wrong signature"): "token-unverified",
    ("rekor-v1", "wrong signature"): "self-check-failed",
    ("rekor-v2", "wrong signature"): "self-check-failed",
    ("timestamp", "wrong signature"): "self-check-failed",
    ("tuf", "garbage"): "tuf-refused",
    ("tuf", "wrong signature"): "",  # signatures of a repository are what `tests/flows/test_trust.py` attacks
}
NAMES = {
    "issuer": "OIDC token",
    "fulcio": "certificate authority",
    "rekor-v1": "transparency log",
    "rekor-v2": "transparency log",
    "timestamp": "timestamp authority",
    "tuf": "TUF repository",
}


@pytest.fixture(scope="module")
def clock() -> SimulatedClock:
    return SimulatedClock(RealClock().now())


@pytest.fixture(scope="module")
def box(clock: SimulatedClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def world(box: Sandbox, clock: SimulatedClock, tmp_path: Path) -> World:
    box.faults.clear()
    environ = box.environ() | {"SIGSTEP_CACHE_DIR": str(tmp_path / "cache")}
    return World(http=CountingHttp(), clock=clock, entropy=RealEntropy(), environ=environ, process=RealProcess())


def request(box: Sandbox, folder: Path, service: str, seconds: float) -> AttestRequest:
    """Three files and provenance, by the services that the fault is about."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    for number in range(3):
        (work / f"{number}.bin").write_bytes(str(number).encode())
    if service == "tuf":
        trust = TrustRequest(instances=(box.tuf_url,), tuf_root=box.folder / "root.json", update=True)
    else:
        config = folder / "trust.json"
        config.write_text(json.dumps(box.client_trust_config(2 if service == "rekor-v2" else 1)))
        trust = TrustRequest(trust_config=config)
    options = SigningOptions(trust=trust, sources=(GitHubActions(retry_seconds=seconds),), retry_seconds=seconds)
    return AttestRequest(subjects=FileSubjects(patterns=("*.bin",), base=work), options=options)


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "work").iterdir())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", NAMES)
def test_a_fault_that_stays(
    box: Sandbox, clock: SimulatedClock, world: World, tmp_path: Path, service: str, fault: str
) -> None:
    """Exit 4, the service named, what to do, the budget kept, no file; the run after it signs everything."""
    code = CODES.get((service, fault), "tuf-unreachable" if service == "tuf" else "service-unavailable")
    asked = request(box, tmp_path, service, 2)
    began = clock.monotonic()
    box.faults.set(service, FAULTS[fault])
    try:
        if code:
            with pytest.raises(SigstepError) as caught:
                attest(asked, world)
            error = caught.value
            assert (error.code, error.exit_code) == (code, 4)
            assert code == "self-check-failed" or NAMES[service].lower() in f"{error.what} {error.why}".lower()
            assert error.fix
            assert written(tmp_path) == ["0.bin", "1.bin", "2.bin"]
            assert clock.monotonic() - began <= (25 if service == "tuf" else 3)
    finally:
        box.faults.clear()
    assert len(attest(asked, world).made) == 3
    assert len(written(tmp_path)) == 6


@pytest.mark.parametrize("service", NAMES)
def test_502_for_45_minutes(box: Sandbox, clock: SimulatedClock, world: World, tmp_path: Path, service: str) -> None:
    """With ``--retry-for 1h`` nothing is lost; certificates and tokens that end on the way are renewed."""
    asked = request(box, tmp_path, service, 3600)
    if service == "tuf":  # a repository is not waited for: the cache stands in for it
        attest(asked, world)
    began = clock.monotonic()
    outage = Outage(box, clock, service, FAULTS["502"], OUTAGE_SECONDS)
    try:
        result = attest(asked, world)
    finally:
        outage.over()
    assert (len(result.made), result.failures) == (3, ())
    assert service == "tuf" or clock.monotonic() - began >= OUTAGE_SECONDS
    assert len(written(tmp_path)) == 6


@pytest.mark.parametrize("service", ["issuer", "fulcio", "rekor-v1", "rekor-v2", "timestamp"])
@pytest.mark.parametrize("fault", ["timeout", "reset", "lost answer", "429", "500", "502"])
def test_a_fault_that_passes(box: Sandbox, world: World, tmp_path: Path, service: str, fault: str) -> None:
    """One bad answer is outlived, also where the service did its part and only the answer was lost (409 after it)."""
    box.faults.set(service, replace(PASSING[fault], times=1))
    assert len(attest(request(box, tmp_path, service, 30), world).made) == 3


def test_an_answer_that_is_lost_for_the_same_signature(box: Sandbox, world: World, tmp_path: Path) -> None:
    """A key that signs alike each time makes no second entry in a Rekor v2 log: it is refused, and not without end."""
    asked = request(box, tmp_path, "rekor-v2", 30)
    key = _signing_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    own = replace(asked, options=replace(asked.options, key=key))
    one = replace(own, subjects=FileSubjects(patterns=("0.bin",), base=tmp_path / "work"))
    box.faults.set("rekor-v2", replace(PASSING["lost answer"], times=1))
    with pytest.raises(SigstepError) as caught:
        attest(one, world)
    assert (caught.value.code, caught.value.exit_code) == ("service-refused", 4)


def test_a_certificate_under_another_root_is_waited_for_by_name(box: Sandbox, world: World, tmp_path: Path) -> None:
    """An authority that was changed may be changed back: who waits is told what is wrong, and nothing is signed."""
    told: list[str] = []
    box.faults.set("fulcio", FAULTS["wrong signature"])
    with pytest.raises(SigstepError) as caught:
        attest(request(box, tmp_path, "fulcio", 60), replace(world, tell=told.append))
    box.faults.clear()
    assert any("certificate-wrong; trying again" in line for line in told), told
    assert "the certificate of" in caught.value.why
    assert written(tmp_path) == ["0.bin", "1.bin", "2.bin"]
