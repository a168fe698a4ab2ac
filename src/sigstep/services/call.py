"""One request to a service: which answers are errors, which are worth another try, and what the server said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sigstep.errors import FormatError, ServiceError
from sigstep.model import limits
from sigstep.ports.http import Response
from sigstep.ports.retry import retry_after
from sigstep.ports.world import World
from sigstep.wire import strict_json

_RETRYABLE: Final = frozenset({408, 425, 429, 499})


def post(
    world: World,
    url: str,
    body: bytes,
    *,
    service: str,
    headers: Mapping[str, str],
    timeout: float,
    allowed: tuple[int, ...] = (200, 201),
) -> Response:
    """POST ``body`` to ``url``; an answer whose status is not ``allowed`` is an error.

    Raises:
        ServiceError: ``service-refused`` (a status that another try does not change), ``service-failed`` (408, 425,
            429, 499 and 5xx: retryable), and those of `Http.request`.
    """
    response = world.http.request(
        "POST", url, at_most=limits.SERVICE_ANSWER_BYTES, headers=headers, body=body, timeout=timeout
    )
    return _checked(response, service, allowed, world)


def get(world: World, url: str, *, service: str, headers: Mapping[str, str], timeout: float) -> Response:
    """GET ``url``; any status but 200 is an error.

    Raises:
        ServiceError: as `post`.
    """
    response = world.http.request("GET", url, at_most=limits.SERVICE_ANSWER_BYTES, headers=headers, timeout=timeout)
    return _checked(response, service, (200,), world)


def json_object(response: Response, service: str) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        ServiceError: ``service-answer-unreadable``, retryable: a proxy's error page comes with status 200 too.
    """
    try:
        value = strict_json.loads(response.body, at_most=limits.SERVICE_ANSWER_BYTES, name=f"answer of {service}")
    except FormatError as error:
        raise unreadable(service, error.why or error.what) from error
    if not isinstance(value, dict):
        raise unreadable(service, "it is not a JSON object")
    return value


def unreadable(service: str, why: str) -> ServiceError:
    """The error for an answer that is not what the interface says."""
    return ServiceError(
        code="service-answer-unreadable",
        what=f"the answer of {service} cannot be used",
        why=why,
        fix="check the address of the service; a proxy may have answered in its place",
        retryable=True,
    )


def _checked(response: Response, service: str, allowed: tuple[int, ...], world: World) -> Response:
    status = response.status
    if status in allowed:
        return response
    said = server_message(response.body)
    if is_transient(status):
        raise failed(response, service, world, more="the status page of the service")
    raise ServiceError(
        code="service-refused",
        what=f"{service} refused the request with status {status}",
        why=said,
        fix="the request itself is not acceptable to the service; another try would not change that",
        status=status,
    )


def is_transient(status: int) -> bool:
    """Whether another try may get another status than this error."""
    return status in _RETRYABLE or status >= 500


def failed(response: Response, service: str, world: World, *, more: str) -> ServiceError:
    """The retryable error ``service-failed`` of an answer whose status `is_transient`; ``more``: who may know more."""
    return ServiceError(
        code="service-failed",
        what=f"{service} answered with status {response.status}",
        why=server_message(response.body),
        fix=f"try again later; {more} may say more",
        retryable=True,
        status=response.status,
        retry_after=retry_after(response, world),
    )


def server_message(body: bytes) -> str:
    """What a server says about its error: ``message`` of a JSON answer (grpc-gateway), else the first line of text."""
    text = body[: limits.ERROR_BODY_BYTES].decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text.splitlines()[0][:300] if text else "no text came with it"
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])[:300]
    return text[:300]
