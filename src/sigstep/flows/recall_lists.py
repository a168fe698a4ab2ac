"""Keep a recall list: add to it, say what is in it, issue it anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sigstep.errors import UsageError
from sigstep.flows.policies import read_named
from sigstep.policy.exporting import manifest
from sigstep.policy.matcher import Matcher
from sigstep.policy.recalls import SCHEMA, Recall, RecallList, load_recall_list
from sigstep.policy.writing import recall_document
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRequest:
    """What to recall: exactly one ``kind`` with its ``value``; an identity has ``issuer`` and a window instead."""

    kind: str
    value: str
    reason: str
    issuer: str = ""
    start: datetime | None = None
    end: datetime | None = None


def add_recall(path: Path, request: RecallRequest, world: World) -> RecallList:
    """Add to a list, or begin one. The list has to be signed again: `issue`.

    Raises:
        FormatError: the list, or what is to be recalled, is malformed.
        UsageError: ``policy-unreadable``, ``output-unwritable``.
    """
    now = world.clock.now()
    known = load_recall_list(read_named(path)).recalls if path.exists() else ()
    made = Recall(
        kind=request.kind,
        value=request.value,
        reason=request.reason,
        day=date(now.year, now.month, now.day),
        issuer=Matcher(request.issuer) if request.kind == "identity" else None,
        subject=Matcher(request.value) if request.kind == "identity" else None,
        start=request.start,
        end=request.end,
    )
    return _write(path, (*known, made), now)


def issue(path: Path, world: World) -> RecallList:
    """Write the list again as issued now; its signature has to be made after that.

    Raises:
        FormatError: the list is malformed.
        UsageError: ``policy-unreadable``, ``output-unwritable``.
    """
    return _write(path, load_recall_list(read_named(path)).recalls, world.clock.now())


def read_recall_list(path: Path) -> RecallList:
    """A list, unverified.

    Raises:
        FormatError: it is malformed.
        UsageError: ``policy-unreadable``.
    """
    return load_recall_list(read_named(path))


def _write(path: Path, recalls: tuple[Recall, ...], now: datetime) -> RecallList:
    document = {"schema": SCHEMA, "issued": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    listed = [recall_document(one) for one in recalls]
    data = manifest([{**document, **({"recalls": listed} if listed else {})}])
    made = load_recall_list(data)  # what cannot be read is not written
    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(
            code="output-unwritable", what=f"{path} cannot be written", why=error.strerror or "", fix="check the path"
        ) from None
    return made
