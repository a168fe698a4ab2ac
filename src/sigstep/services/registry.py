"""Asking package registries and forges: few at a time, within one budget, credentials to their own host only."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from sigstep.errors import ServiceError
from sigstep.model.trust import TrustedKey
from sigstep.ports.http import DEFAULT_TIMEOUT_SECONDS, Http, Response, Stream
from sigstep.ports.retry import Budget, retry_after, retrying
from sigstep.ports.world import World
from sigstep.proofs.prepared import PreparedTrust
from sigstep.wire import strict_json

TIMEOUT_SECONDS: Final = 10.0
CONNECTIONS: Final = 8  # at once to one host
OUTAGES: Final = 3  # in a row, after which a host is left alone for the rest of the run
_ANSWERS: Final = frozenset({200, 404, 410, 422})  # yes, and the ways to say that there is nothing
_RETRY_SECONDS: Final = 15.0  # for one request; an outage is told, not waited out
_NO_CREDENTIALS: Final[Mapping[str, str]] = MappingProxyType({})


class RegistryClient:
    """GET at many hosts: at most `CONNECTIONS` at once to each, and nothing after the budget is spent.

    Args:
        world: network and clock.
        seconds: the budget of the whole run.
        credentials: origin (``https://host[:port]``) to the value of its ``Authorization`` header.
    """

    def __init__(
        self, world: World, *, seconds: float = 120.0, credentials: Mapping[str, str] = _NO_CREDENTIALS
    ) -> None:
        self._world = world
        self._budget = Budget.starting_now(seconds, world)
        self._credentials = dict(credentials)
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._outages: dict[str, int] = {}
        self._lock = threading.Lock()

    def submit(self, url: str, *, accept: str, at_most: int) -> Future[Response]:
        """Begin to ask; the result is the answer where it is 200 or says no, and otherwise raises `ServiceError`."""
        origin = origin_of(url)
        with self._lock:
            pool = self._pools.get(origin)
            if pool is None:
                pool = self._pools[origin] = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="sigstep-registry")
        return pool.submit(self._ask, url, origin, accept, at_most)

    def close(self) -> None:
        """End the threads; nothing can be asked after it."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, url: str, origin: str, accept: str, at_most: int) -> Response:
        headers = {"Accept": accept}
        if origin in self._credentials:
            headers["Authorization"] = self._credentials[origin]
        if self._budget.left(self._world) <= 0:
            raise ServiceError(
                code="registry-time",
                what="the time for asking registries is spent",
                why="what was not asked is not checked",
                fix="give it more with --seconds",
            )

        if self._outages.get(origin, 0) >= OUTAGES:
            raise ServiceError(
                code="registry-down",
                what=f"{origin} is not asked any more",
                why=f"it did not answer {OUTAGES} times in a row, and the time is for others",
                fix="try again later",
            )

        def once() -> Response:
            answer = self._world.http.request("GET", url, at_most=at_most, headers=headers, timeout=TIMEOUT_SECONDS)
            if answer.status in _ANSWERS:
                return answer
            raise ServiceError(
                code="registry-answer",
                what=f"the registry answered with status {answer.status}",
                why=f"to a request for {url[:200]}",
                fix="try again later",
                retryable=answer.status == 429 or answer.status >= 500,
                status=answer.status,
                retry_after=retry_after(answer, self._world),
            )

        budget = self._budget.at_most(_RETRY_SECONDS, self._world)
        try:
            answer = retrying(once, service=f"the registry at {origin}", budget=budget, world=self._world)
        except ServiceError as error:
            if error.retryable:
                self._outages[origin] = self._outages.get(origin, 0) + 1
            raise
        self._outages[origin] = 0
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What an ecosystem needs to look for evidence about one version.

    Attributes:
        registry: base address of the registry, without a slash at the end.
        client: how it is asked.
        world: network and clock.
        trust: roots of the certificates.
        keys: the same with the keys by which the registry itself signs.
        forge: base address of GitHub's API; empty where it is not known.
        notary: verifier key of a checksum database (C2SP signed-note), empty where it is not known.
        image_keys: keys that may sign images, besides certificates.
        option: the address that the user or a configuration gave for this ecosystem, where the lockfile has another.
        answers: what was asked already for this package, by address and form.
        shared: the same for what serves many packages.
    """

    registry: str
    client: RegistryClient
    world: World
    trust: PreparedTrust
    keys: PreparedTrust
    forge: str = ""
    notary: str = ""
    image_keys: tuple[TrustedKey, ...] = ()
    option: str = ""
    answers: dict[tuple[str, str], Future[Response]] = field(default_factory=dict)
    shared: dict[tuple[str, str], Future[Response]] = field(default_factory=dict)

    def begin(
        self, url: str, *, accept: str = "application/json", at_most: int, shared: bool = False
    ) -> Future[Response]:
        """Begin to ask, once for each address; ``shared`` keeps the answer for other packages too."""
        key, kept = (url, accept), self.shared if shared else self.answers
        if key not in kept:
            kept[key] = self.client.submit(url, accept=accept, at_most=at_most)
        return kept[key]

    def get(self, url: str, *, accept: str = "application/json", at_most: int, shared: bool = False) -> Response:
        """The answer where its status is 200, 404, 410 or 422.

        Raises:
            ServiceError: ``registry-answer``, ``registry-time``, ``service-unavailable``, ``network-failed``,
                ``answer-too-large``.
        """
        return self.begin(url, accept=accept, at_most=at_most, shared=shared).result()

    def json(self, url: str, *, at_most: int) -> Any:
        """The JSON value of an answer; None where the status is 404, 410 or 422.

        Raises:
            ServiceError: as `get`.
            FormatError: a code of strict JSON.
        """
        answer = self.get(url, at_most=at_most)
        if answer.status != 200:
            return None
        return strict_json.loads(answer.body, at_most=at_most, name="registry's answer")

    def at(self, registry: str, option: str = "") -> Ask:
        """The same for another registry."""
        return replace(self, registry=registry, option=option)


class BoundedHttp:
    """A door to the network that lets at most `CONNECTIONS` requests to each host through at once."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._hosts: dict[str, threading.Semaphore] = {}
        self._lock = threading.Lock()

    def _host(self, url: str) -> threading.Semaphore:
        with self._lock:
            return self._hosts.setdefault(origin_of(url), threading.Semaphore(CONNECTIONS))

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
        with self._host(url):
            return self._http.request(
                method, url, at_most=at_most, headers=headers, body=body, timeout=timeout, redirects=redirects
            )

    def stream(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> AbstractContextManager[Stream]:
        """See `Http.stream`."""
        return self._http.stream(method, url, at_most=at_most, headers=headers, timeout=timeout, redirects=redirects)


def origin_of(url: str) -> str:
    """Scheme, host and port of an address (RFC 6454), without credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have scheme, host and port in common (RFC 6454)."""
    return origin_of(one) == origin_of(other)


def object_of(value: Any) -> Mapping[str, Any]:
    """A JSON object, empty for anything else: a registry's answer is a claim, and what it lacks proves nothing."""
    return value if isinstance(value, Mapping) else {}
