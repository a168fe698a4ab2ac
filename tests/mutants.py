"""Bundles with one thing changed: every member dropped, doubled, moved, or changed by a bit or a byte."""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from sigstep.errors import Refusal
from sigstep.model.bundle import Bundle, CertificateMaterial, Envelope, LogEntry
from sigstep.model.subject import Subject
from sigstep.proofs.prepared import PreparedTrust
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import parse_bundle

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutant:
    """A changed document; ``name`` says where and how."""

    name: str
    data: bytes


def mutants(document: Any, other: Any, chance: random.Random, *, bits: int) -> Iterator[Mutant]:
    """Every structural change of ``document``, and ``bits`` random bits of every text.

    Args:
        document: a parsed bundle.
        other: another one, whose members are put in the place of the first one's.
        bits: how many bits and bytes of each text and each base64 value are changed.
    """
    for path, value in _walk(document):
        for name, changed in _changes(value, _at(other, path), chance, bits):
            yield Mutant(f"{'.'.join(map(str, path))} {name}", _put(document, path, changed))
        yield Mutant(f"{'.'.join(map(str, path))} dropped", _put(document, path, _DROP))
        if isinstance(path[-1], int):
            yield Mutant(f"{'.'.join(map(str, path))} doubled", _put(document, path, _TWICE))


_DROP, _TWICE = object(), object()


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from _walk(member, (*path, name))


def _at(value: Any, path: Path) -> Any:
    for name in path:
        try:
            value = value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _changes(value: Any, other: Any, chance: random.Random, bits: int) -> Iterator[tuple[str, Any]]:
    if other is not None and other != value:
        yield "swapped", other
    if isinstance(value, str):
        yield "emptied", ""
        for change in _TEXT:
            for _ in range(bits):
                changed = change(value, chance)
                if changed is not None and changed != value:
                    yield change.__name__.strip("_"), changed
    elif isinstance(value, int) and not isinstance(value, bool):
        yield "raised", value + 1
        yield "lowered", value - 1


def _byte_of_text(text: str, chance: random.Random) -> str | None:
    at = chance.randrange(len(text)) if text else 0
    return text[:at] + chr(ord(text[at]) ^ (1 << chance.randrange(7))) + text[at + 1 :] if text else None


def _digit(text: str, chance: random.Random) -> str | None:
    return str(max(0, int(text) + chance.choice((-1, 1, 10, 2**32)))) if text.isdigit() else None


def _bit(text: str, chance: random.Random) -> str | None:
    data = _decoded(text)
    if not data:
        return None
    at = chance.randrange(len(data))
    return _encoded(data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :])


def _byte_dropped(text: str, chance: random.Random) -> str | None:
    data = _decoded(text)
    at = chance.randrange(len(data)) if data else 0
    return _encoded(data[:at] + data[at + 1 :]) if data else None


def _byte_doubled(text: str, chance: random.Random) -> str | None:
    data = _decoded(text)
    at = chance.randrange(len(data)) if data else 0
    return _encoded(data[: at + 1] + data[at:]) if data else None


_TEXT: tuple[Callable[[str, random.Random], str | None], ...] = (
    _byte_of_text,
    _digit,
    _bit,
    _byte_dropped,
    _byte_doubled,
)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _put(document: Any, path: Path, value: Any) -> bytes:
    changed = copy.deepcopy(document)
    parent = changed
    for name in path[:-1]:
        parent = parent[name]
    if value is _DROP:
        del parent[path[-1]]
    elif value is _TWICE:
        parent.insert(path[-1], copy.deepcopy(parent[path[-1]]))
    else:
        parent[path[-1]] = value
    return json.dumps(changed).encode()


def outcome(mutant: Mutant, original: Bundle, subject: Subject, trust: PreparedTrust) -> str:
    """``refused:<code>``, ``same`` where it says the same as the original, or ``accepted``.

    Only sigstep's own refusals are caught: any other exception ends the test.
    """
    try:
        bundle = parse_bundle(mutant.data)
        if without_hints(bundle) == without_hints(original):
            return "same"
        establish(bundle, subject, trust, now=NOW)
    except Refusal as error:
        return f"refused:{error.code}"
    return "accepted"


def without_hints(bundle: Bundle) -> Bundle:
    """The bundle without what carries no meaning for its verification.

    These are: the version that it says it has, further certificates of a chain (hints, never anchors), the envelope's
    key id, cosignatures of witnesses nobody asked for and names before
    signatures that hold, and the global index and integrated time of a log entry that no promise covers (Rekor v2 has neither).
    """
    material, content = bundle.material, bundle.content
    if isinstance(material, CertificateMaterial):
        material = replace(material, others=())
    if isinstance(content, Envelope):
        content = replace(content, signatures=tuple(replace(one, keyid="") for one in content.signatures))
    entries = tuple(_entry(one) for one in bundle.entries)
    return Bundle(
        version=type(bundle.version).V0_3,
        material=material,
        entries=entries,
        timestamps=bundle.timestamps,
        content=content,
        pending=bundle.pending,
    )


def _entry(entry: LogEntry) -> LogEntry:
    if not entry.promise:
        entry = replace(entry, log_index=0, integrated_time=None)
    if entry.proof is None or entry.proof.checkpoint is None:
        return entry
    body, gap, signatures = entry.proof.checkpoint.partition("\n\n")
    blobs = (line.rpartition(" ")[2] for line in signatures.split("\n"))
    own = [one for one in blobs if (_decoded(one) or b"")[:4] == entry.log_id[:4]]
    return replace(entry, proof=replace(entry.proof, checkpoint=body + gap + "\n".join(own)))
