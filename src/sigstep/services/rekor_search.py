"""Look entries up in Rekor v1: by what was logged, by digest, by index (rekor openapi.yaml). What comes is a claim."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import LogEntry
from sigstep.model.digest import Digest
from sigstep.ports.http import Response
from sigstep.ports.world import World
from sigstep.services import call
from sigstep.services.rekor_v1 import entry_of, proposal
from sigstep.services.submission import Submission
from sigstep.wire import strict_json

_TIMEOUT_SECONDS: Final = 30.0
_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}
_RETRIEVE_AT_MOST: Final = 10  # entries that the log gives at once
_UUID: Final = re.compile(r"[0-9a-f]{64}(?:[0-9a-f]{16})?")


def find(url: str, submission: Submission, world: World) -> tuple[LogEntry, ...]:
    """Entries equal to what would be submitted; empty where the log has none.

    Raises:
        ServiceError: those of `services.call`.
    """
    return _retrieve(url, {"entries": [proposal(submission)]}, world)


def search(url: str, digest: Digest, world: World) -> tuple[LogEntry, ...]:
    """Entries that the log's index names for a digest (of an artifact, payload or envelope), oldest first.

    At most `limits.LOOKUP_ENTRIES` are fetched: anybody can add entries about any digest.

    Raises:
        ServiceError: those of `services.call`.
    """
    name = f"the transparency log {url}"
    body = json.dumps({"hash": str(digest)}).encode()
    response = call.post(
        world, f"{url}/api/v1/index/retrieve", body, service=name, headers=_HEADERS, timeout=_TIMEOUT_SECONDS
    )
    found = _list(response, name)
    if not all(isinstance(one, str) and _UUID.fullmatch(one) for one in found):
        raise call.unreadable(name, "it is not a list of entry ids")
    uuids = list(dict.fromkeys(found))[: limits.LOOKUP_ENTRIES]
    entries: list[LogEntry] = []
    for at in range(0, len(uuids), _RETRIEVE_AT_MOST):
        entries += _retrieve(url, {"entryUUIDs": uuids[at : at + _RETRIEVE_AT_MOST]}, world)
    return tuple(sorted(entries, key=lambda one: one.integrated_time or 0))


def by_index(url: str, index: int, world: World) -> LogEntry:
    """The entry with that index in the whole log.

    Raises:
        ServiceError: those of `services.call`.
    """
    name = f"the transparency log {url}"
    address = f"{url}/api/v1/log/entries?logIndex={index}"
    response = call.get(world, address, service=name, headers=_HEADERS, timeout=_TIMEOUT_SECONDS)
    return entry_of(call.json_object(response, name), name)


def _retrieve(url: str, asked: dict[str, Any], world: World) -> tuple[LogEntry, ...]:
    name = f"the transparency log {url}"
    response = call.post(
        world,
        f"{url}/api/v1/log/entries/retrieve",
        json.dumps(asked).encode(),
        service=name,
        headers=_HEADERS,
        timeout=_TIMEOUT_SECONDS,
    )
    found = _list(response, name)
    if len(found) > limits.LOOKUP_ENTRIES or not all(isinstance(one, dict) for one in found):
        raise call.unreadable(name, "it is not a short list of entries")
    return tuple(entry_of(one, name) for one in found)


def _list(response: Response, name: str) -> list[Any]:
    try:
        found = strict_json.loads(response.body, at_most=limits.SERVICE_ANSWER_BYTES, name="answer")
    except FormatError as error:
        raise call.unreadable(name, error.why or error.what) from None
    if not isinstance(found, list):
        raise call.unreadable(name, "it is not a list")
    return found
