"""Trying again: one budget of time for a whole run, jittered backoff, and what the service itself asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from sigstep.errors import ServiceError
from sigstep.ports.http import Response
from sigstep.ports.world import World

DEFAULT_BUDGET_SECONDS: Final = 600.0  # peers give up after 30 to 45 s; outages of the public services last longer
_FIRST_DELAY_SECONDS: Final = 1.0
_LONGEST_DELAY_SECONDS: Final = 30.0
_QUIET_TRIES: Final = 3  # a blip is nobody's concern
_SHORTEST_LAST_WAIT_SECONDS: Final = 0.5
_LONGEST_RETRY_AFTER_SECONDS: Final = 24 * 3600.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Time that a run may spend on trying again: it ends at ``deadline`` (seconds of the monotonic clock)."""

    deadline: float

    @classmethod
    def starting_now(cls, seconds: float, world: World) -> Budget:
        """A budget of so many seconds from now; 0 means one try of everything."""
        return cls(deadline=world.clock.monotonic() + seconds)

    def left(self, world: World) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self.deadline - world.clock.monotonic())

    def at_most(self, seconds: float, world: World) -> Budget:
        """This budget, or one that ends sooner: in ``seconds`` from now."""
        return Budget(deadline=min(self.deadline, world.clock.monotonic() + max(0.0, seconds)))


def retrying(action: Callable[[], Answer], *, service: str, budget: Budget, world: World) -> Answer:
    """Do ``action``, again and again while it fails retryably and the budget lasts.

    The delay doubles from one second to half a minute, and half of it is random, so that many jobs which fail together
    do not come back together. ``Retry-After`` (RFC 9110, 10.2.3) is honoured where it is longer. From the third failure
    on, people are told what is waited for (`World.tell`).

    Args:
        action: one try.
        service: the service's name and address, for the message.
        budget: when to stop trying.

    Raises:
        ServiceError: what ``action`` raised, when another try would not help; ``service-unavailable`` (still retryable)
            when the budget is spent.
    """
    began = world.clock.monotonic()
    tries = 0
    while True:
        tries += 1
        try:
            return action()
        except ServiceError as error:
            if not error.retryable:
                raise
            left = budget.left(world)
            wait = _delay(tries, world)
            if error.retry_after is not None and error.retry_after > wait:
                wait = error.retry_after
            elif left >= _SHORTEST_LAST_WAIT_SECONDS:
                wait = min(wait, left)
            if wait > left:
                raise _given_up(error, service, tries, world.clock.monotonic() - began) from error
            if tries >= _QUIET_TRIES:
                reason = f"status {error.status}" if error.status else error.code
                world.tell(f"{service}: {reason}; trying again in {wait:.0f} s, for {_time(left)} at most")
        world.clock.sleep(wait)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * 60 else f"{seconds / 60:.0f} min"


def retry_after(response: Response, world: World) -> float | None:
    """Seconds of a ``Retry-After`` header (RFC 9110, 10.2.3: seconds or a date), or None."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return min(float(value), _LONGEST_RETRY_AFTER_SECONDS)
    try:
        time = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return _bounded((time - world.clock.now()).total_seconds())


def _bounded(seconds: float) -> float:
    return max(0.0, min(seconds, _LONGEST_RETRY_AFTER_SECONDS))


def _delay(tries: int, world: World) -> float:
    longest = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(tries - 1, 10))
    share = int.from_bytes(world.entropy.token(2), "big") / 0xFFFF
    return longest * (0.5 + 0.5 * share)


def _given_up(error: ServiceError, service: str, tries: int, seconds: float) -> ServiceError:
    return ServiceError(
        code="service-unavailable",
        what=f"{service} did not do its part: {tries} {'try' if tries == 1 else 'tries'} in {seconds:.0f} s",
        why=f"{error.what}: {error.why}" if error.why else error.what,
        fix="try again later, or give it more time with --retry-for",
        retryable=True,
        status=error.status,
    )
