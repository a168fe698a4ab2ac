"""Witnesses of a signature: timestamp authorities and transparency logs, with failover between those that serve."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from sigstep.errors import ServiceError
from sigstep.model.bundle import LogEntry
from sigstep.model.services import Service
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.world import World
from sigstep.services import rekor_v1, rekor_v2
from sigstep.services.selection import Group, Selected
from sigstep.services.submission import Submission
from sigstep.services.timestamp import request_timestamp

Testimony = TypeVar("Testimony")


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What the witnesses gave; ``outage`` is why there is no log entry, where the caller allowed that."""

    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]
    outage: ServiceError | None = None


def witness(submission: Submission, selected: Selected, *, defer: bool, budget: Budget, world: World) -> Witnessed:
    """Time stamps and log entries for one signature; both kinds are asked at the same time.

    Args:
        submission: the signature.
        selected: whom to ask, and how many have to answer.
        defer: a log that is out is allowed, where there is a time stamp.

    Raises:
        ServiceError: too few answered within the budget; ``service-unavailable`` when another run may succeed.
    """
    with ThreadPoolExecutor(2) as pool:
        stamping = pool.submit(time_stamps, submission, selected, budget=budget, world=world)
        logging = pool.submit(log_entries, submission, selected, budget=budget, world=world)
        timestamps = stamping.result()
        try:
            return Witnessed(entries=logging.result(), timestamps=timestamps)
        except ServiceError as error:
            if not (defer and error.retryable and timestamps):
                raise
            return Witnessed(entries=(), timestamps=timestamps, outage=error)


def time_stamps(submission: Submission, selected: Selected, *, budget: Budget, world: World) -> tuple[bytes, ...]:
    """The time stamps that the signing config asks for (RFC 3161).

    Raises:
        ServiceError: see `witness`.
    """

    def ask(service: Service) -> bytes:
        return request_timestamp(service, submission.signature, world)

    return _gather(selected.timestamp_authorities, ask, "timestamp authority", budget, world)


def log_entries(submission: Submission, selected: Selected, *, budget: Budget, world: World) -> tuple[LogEntry, ...]:
    """The log entries that the signing config asks for.

    Raises:
        ServiceError: see `witness`.
    """

    def ask(service: Service) -> LogEntry:
        if service.major_api_version == 1:
            return rekor_v1.submit(service, submission, world)
        return rekor_v2.submit(service, submission, world)

    return _gather(selected.logs, ask, "transparency log", budget, world)


def _gather(
    group: Group, ask: Callable[[Service], Testimony], kind: str, budget: Budget, world: World
) -> tuple[Testimony, ...]:
    """Ask until enough have answered: each in turn, those that failed again after the others."""
    given: dict[str, Testimony] = {}

    def one_round() -> None:
        failure: ServiceError | None = None
        for service in group.candidates:
            if len(given) < group.needed and service.url not in given:
                try:
                    given[service.url] = ask(service)
                except ServiceError as error:
                    failure = failure if failure is not None and failure.retryable else error
        if len(given) < group.needed and failure is not None:
            raise failure

    if group.needed:
        names = ", ".join(service.url for service in group.candidates)
        retrying(one_round, service=f"the {kind} {names}", budget=budget, world=world)
    return tuple(given.values())
