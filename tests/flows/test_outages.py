"""Outages in simulated time, and the number of calls: the sandbox and sigstep share one clock that only sleeping moves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds import SimulatedClock

from sigstep.errors import ServiceError, UsageError
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.complete import complete
from sigstep.flows.sign import SignRequest, sign
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest
from sigstep.oidc.github import GitHubActions
from sigstep.oidc.given import TokenFile
from sigstep.ports.http import DEFAULT_TIMEOUT_SECONDS, Response
from sigstep.ports.real import RealClock, RealEntropy, RealProcess
from sigstep.ports.requests_http import RequestsHttp
from sigstep.ports.world import World
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.subjects.files import FileSubjects
from sigstep.wire.bundle import parse_bundle


class CountingHttp(RequestsHttp):
    """The real network, counted by path."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def request(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> Response:
        """See `Http.request`."""
        self.calls["/" + url.split("/", 3)[3].split("?")[0]] += 1
        return super().request(
            method, url, at_most=at_most, headers=headers, body=body, timeout=min(timeout, 0.5), redirects=redirects
        )

    def of(self, word: str) -> int:
        """How many calls went to paths with that word."""
        return sum(count for path, count in self.calls.items() if word in path)


@pytest.fixture(scope="module")
def clock() -> SimulatedClock:
    return SimulatedClock(RealClock().now())


@pytest.fixture(scope="module")
def box(clock: SimulatedClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def world(box: Sandbox, clock: SimulatedClock) -> World:
    box.faults.clear()
    return World(http=CountingHttp(), clock=clock, entropy=RealEntropy(), environ=box.environ(), process=RealProcess())


def options(box: Sandbox, seconds: float = 0, *, defer: bool = False) -> SigningOptions:
    return SigningOptions(
        trust=TrustRequest(trust_config=box.trust_config_file),
        sources=(GitHubActions(retry_seconds=seconds),),
        retry_seconds=seconds,
        defer_logging=defer,
    )


def files(folder: Path, count: int) -> FileSubjects:
    for number in range(count):
        (folder / f"{number}.bin").write_bytes(str(number).encode())
    return FileSubjects(patterns=("*.bin",), base=folder)


class Outage:
    """A fault that is over when the clock has moved so far."""

    def __init__(self, box: Sandbox, clock: SimulatedClock, service: str, fault: Fault, seconds: float) -> None:
        self._ends = clock.monotonic() + seconds
        self._box, self._clock, self._service = box, clock, service
        box.faults.set(service, fault)
        self._sleep = clock.sleep
        clock.sleep = self.sleep  # type: ignore[method-assign]

    def sleep(self, seconds: float) -> None:
        """Sleep, and end the outage when it is over."""
        self._sleep(seconds)
        if self._clock.monotonic() >= self._ends:
            self.over()

    def over(self) -> None:
        """End it."""
        self._box.faults.clear(self._service)
        self._clock.sleep = self._sleep  # type: ignore[method-assign]


def test_an_outage_beyond_the_budget_names_service_tries_and_time(box: Sandbox, world: World, tmp_path: Path) -> None:
    """Design, rules: every wait is bounded; the message names the service."""
    box.faults.set("rekor-v1", Fault(kind="status", status=502))
    with pytest.raises(ServiceError) as caught:
        sign(SignRequest(subjects=files(tmp_path, 1), options=options(box, 120)), world)
    assert caught.value.code == "service-unavailable"
    assert "transparency log" in caught.value.what
    assert "tries in" in caught.value.what


def test_a_late_entry_of_rekor_v1_keeps_its_proof_without_the_promise(
    box: Sandbox, clock: SimulatedClock, world: World, tmp_path: Path
) -> None:
    """Issue 4: the integrated time would lie outside the certificate; the signed time stands."""
    box.faults.set("rekor-v1", Fault(kind="status"))
    request = SignRequest(subjects=files(tmp_path, 1), options=options(box, 0, defer=True))
    [made] = sign(request, world).made
    assert made.pending
    box.faults.clear()
    clock.advance(3 * 3600)
    [done] = complete([Path(made.location)], request.options.trust, 0, world).made
    assert done.bundle.entries[0].promise is None
    assert done.bundle.entries[0].proof is not None
    assert parse_bundle(Path(made.location).read_bytes()) == done.bundle


def test_calls_for_500_artifacts_in_one_statement(box: Sandbox, world: World, tmp_path: Path) -> None:
    """Issue 4, figures: 1 Fulcio, 1 log, 1 TSA."""
    request = AttestRequest(subjects=files(tmp_path, 500), options=options(box), one_statement=True)
    store = replace(request.store, folder=tmp_path / "out")
    [made] = attest(replace(request, store=store), world).made
    http = world.http
    assert isinstance(http, CountingHttp)
    assert (http.of("signingCert"), http.of("log/entries"), http.of("timestamp")) == (1, 1, 1)
    assert len(made.subjects) == 500
    statement = json.loads(made.bundle.content.payload)  # type: ignore[union-attr]
    assert len(statement["subject"]) == 500


def test_calls_for_500_bundles(box: Sandbox, world: World, tmp_path: Path) -> None:
    """Issue 4, figures: 500 bundles by 1 certificate, 500 log and 500 TSA calls."""
    result = sign(SignRequest(subjects=files(tmp_path, 500), options=options(box)), world)
    http = world.http
    assert isinstance(http, CountingHttp)
    assert (http.of("signingCert"), http.of("log/entries"), http.of("timestamp")) == (1, 500, 500)
    assert len(result.made) == 500


def test_a_private_repository_is_kept_out_of_public_logs(box: Sandbox, world: World, tmp_path: Path) -> None:
    """The guard stands before anything is sent."""
    token = tmp_path / "token"
    token.write_text(box.token(repository_visibility="private"))
    wanted = replace(
        options(box), trust=TrustRequest(instances=("public-good",), offline=True), sources=(TokenFile(path=token),)
    )
    with pytest.raises(UsageError) as caught:
        sign(SignRequest(subjects=files(tmp_path, 1), options=wanted), world)
    assert caught.value.code == "private-repository"
    http = world.http
    assert isinstance(http, CountingHttp)
    assert not http.calls
