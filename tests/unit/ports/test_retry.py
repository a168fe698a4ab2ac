"""Trying again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests import worlds

from sigstep.errors import ServiceError
from sigstep.ports.real import Teller
from sigstep.ports.retry import Budget, retry_after, retrying


def failing(times: int, error: ServiceError) -> tuple[list[int], object]:
    calls: list[int] = []

    def action() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return calls, action


def busy(retry_after: float | None = None) -> ServiceError:
    return ServiceError(code="service-failed", what="it answered 503", retryable=True, retry_after=retry_after)


def test_a_failure_that_passes_is_tried_again() -> None:
    """Issue 4: a retry budget with jittered backoff."""
    world = worlds.world()
    calls, action = failing(4, busy())
    assert retrying(action, service="the log", budget=Budget.starting_now(60, world), world=world) == "done"  # type: ignore[arg-type]
    assert len(calls) == 5


def test_the_budget_ends_the_tries_and_the_message_names_them() -> None:
    """Design, rules: the message names the service, the tries and the time spent."""
    world = worlds.world()
    _, action = failing(10_000, busy())
    with pytest.raises(ServiceError) as caught:
        retrying(action, service="the log https://log.example", budget=Budget.starting_now(2700, world), world=world)  # type: ignore[arg-type]
    assert caught.value.code == "service-unavailable"
    assert caught.value.retryable
    assert "the log https://log.example" in caught.value.what
    assert "tries in 2700 s" in caught.value.what
    assert world.clock.monotonic() == pytest.approx(2700, abs=1)


def test_a_refusal_is_not_tried_again() -> None:
    """A status that another try does not change ends it."""
    world = worlds.world()
    calls, action = failing(9, ServiceError(code="service-refused", what="400"))
    with pytest.raises(ServiceError) as caught:
        retrying(action, service="s", budget=Budget.starting_now(60, world), world=world)  # type: ignore[arg-type]
    assert (caught.value.code, len(calls)) == ("service-refused", 1)


def test_retry_after_is_honoured() -> None:
    """RFC 9110, 10.2.3."""
    world = worlds.world()
    _, action = failing(1, busy(40))
    retrying(action, service="s", budget=Budget.starting_now(60, world), world=world)  # type: ignore[arg-type]
    assert world.clock.monotonic() == 40


def test_a_retry_after_beyond_the_budget_gives_up_at_once() -> None:
    """Every wait is bounded."""
    world = worlds.world()
    _, action = failing(1, busy(3600))
    with pytest.raises(ServiceError, match="1 try"):
        retrying(action, service="s", budget=Budget.starting_now(60, world), world=world)  # type: ignore[arg-type]
    assert world.clock.monotonic() == 0


def test_a_budget_can_be_shortened_only() -> None:
    """A step's own bound does not outlive the run's."""
    world = worlds.world()
    budget = Budget.starting_now(60, world)
    assert budget.at_most(10, world).left(world) == 10
    assert budget.at_most(600, world).left(world) == 60


def test_people_are_told_what_a_long_wait_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """From the third failure on; hostile text stays text, and many threads do not flood the log."""
    told: list[str] = []
    world = replace(worlds.world(), tell=told.append)
    _, action = failing(4, ServiceError(code="service-failed", what="it failed", retryable=True, status=502))
    retrying(action, service="the log https://log.example", budget=Budget.starting_now(600, world), world=world)  # type: ignore[arg-type]
    assert len(told) == 2
    assert told[0].startswith("the log https://log.example: status 502; trying again in ")
    teller = Teller(seconds=60)
    for _ in range(3):
        teller("a\x1b[31m::set-output name=a::b\n")
    assert capsys.readouterr().err == "a?[31m:?:set-output name=a:?:b?\n"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 24 * 3600.0),
        ("Mon, 01 Jun 2026 12:00:30 GMT", 30.0),
        ("Mon, 01 Jun 2026 12:00:30 -0000", 30.0),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", 24 * 3600.0),
        ("soon", None),
        ("", None),
    ],
)
def test_what_a_service_asks_for(header: str, seconds: float | None) -> None:
    """RFC 9110, 10.2.3: seconds or a date, bounded by a day; anything else is nothing."""
    assert retry_after(worlds.answer(503, headers={"retry-after": header}), worlds.world()) == seconds
