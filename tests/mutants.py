"""Bundles with one thing changed: every member dropped, doubled, moved, added, spelled otherwise, or changed by a bit or a byte."""

from __future__ import annotations

import base64
import copy
import json
import random
import re
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

_BUNDLE = "application/vnd.dev.sigstore.bundle"
MEDIA_TYPES = tuple(
    form.format(version)
    for form in (f"{_BUNDLE}+json;version={{}}", f"{_BUNDLE}.v{{}}+json")
    for version in ("0.1", "0.2", "0.3", "0.4")
)
_NOTE = re.compile(r"(.+?)\n\n(\u2014 (\S+) (\S+)\n)", re.DOTALL)
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutant:
    """A changed document; ``name`` says where and how."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Change:
    """One change: the value at a path becomes another one."""

    name: str
    path: Path
    value: Any

    def of(self, document: Any) -> Mutant:
        """The document with this change."""
        return Mutant(self.name, json.dumps(_put(document, self.path, self.value)).encode())


def mutants(document: Any, other: Any, chance: random.Random, *, bits: int) -> Iterator[Mutant]:
    """Every structural change of ``document``, and ``bits`` random bits of every text.

    Args:
        document: a parsed bundle.
        other: another one, whose members are put in the place of the first one's.
        bits: how many bits and bytes of each text and each base64 value are changed.
    """
    for change in changes(document, other, chance, bits=bits):
        yield change.of(document)


def changes(document: Any, other: Any, chance: random.Random, *, bits: int) -> Iterator[Change]:
    """The changes that make `mutants`."""
    for name, changed in _respelled("", document):
        yield Change(f"bundle {name}", (), changed)
    for path, value in _walk(document):
        where = ".".join(map(str, path))
        for name, changed in _changes(value, _at(other, path), chance, bits):
            yield Change(f"{where} {name}", path, changed)
        for name, changed in _respelled(path[-1], value):
            yield Change(f"{where} {name}", path, changed)
        yield Change(f"{where} dropped", path, _DROP)
        if isinstance(path[-1], int):
            yield Change(f"{where} doubled", path, _TWICE)


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
    if isinstance(value, dict) and isinstance(other, dict):
        yield from ((f"with {name} added", {**value, name: other[name]}) for name in other if name not in value)
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


def _respelled(member: str | int, value: Any) -> Iterator[tuple[str, Any]]:
    """The same in another spelling of proto3 JSON, and what looks like one."""
    if isinstance(value, dict):
        snake = {re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name): one for name, one in value.items()}
        if snake != value:
            yield "in snake case", snake
        yield "with an unknown null", {**value, "unknown": None}
        yield "with an unknown member", {**value, "unknown": 1}
    elif member == "mediaType":
        yield from ((f"as {one}", one) for one in MEDIA_TYPES if one != value)
    elif member == "envelope":
        yield from _notes(value)
    elif member == "algorithm" and value == "SHA2_256":
        yield "as a number", 1
    elif isinstance(value, str) and value.isdigit():
        yield "as a number", int(value)
    elif isinstance(value, str) and _decoded(value):
        yield "url-safe", value.replace("+", "-").replace("/", "_")
        yield "unpadded", value.rstrip("=")
        yield "broken", f"{value[:4]}\n{value[4:]}"


def _notes(text: str) -> Iterator[tuple[str, str]]:
    """A signed note with other lines."""
    match = _NOTE.fullmatch(text)
    if match is None:
        return
    body, line, name, blob = match.groups()
    gap = "\n\n"
    hint = (_decoded(blob) or b"")[:4]
    lies, foreign = (f"\u2014 {{}} {_encoded(start + bytes(68))}\n" for start in (hint, b"\0\0\0\0"))
    yield "line renamed", f"{body}{gap}\u2014 other.example {blob}\n"
    yield "line doubled", text + line
    yield "foreign line added", text + foreign.format("other.example")
    yield "foreign line of its name added", text + foreign.format(name)
    yield "foreign line of its hint added", text + lies.format("other.example")
    yield "foreign line before", body + gap + foreign.format("other.example") + line
    yield "wrong line added", text + lies.format(name)
    yield "text added", f"{body}\nmore{gap}{line}"
    yield "empty line added", f"{text}\n{line}"


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _put(document: Any, path: Path, value: Any) -> Any:
    """The document with another value at a path; what does not change is shared."""
    if not path:
        return value
    changed = copy.copy(document)
    if len(path) > 1:
        changed[path[0]] = _put(document[path[0]], path[1:], value)
    elif value is _DROP:
        del changed[path[0]]
    elif value is _TWICE:
        changed.insert(path[0], changed[path[0]])
    else:
        changed[path[0]] = value
    return changed


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
    key id, lines of a checkpoint that are not of the log's key
    (told by name and hint), and the global index and integrated time of a log entry that no promise covers (Rekor v2 has neither).
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
    name = body.partition("\n")[0].partition(" - ")[0]
    lines = (line.rpartition(" ") for line in signatures.split("\n"))
    own = {
        blob
        for start, _, blob in lines
        if start == f"\u2014 {name}" and (_decoded(blob) or b"")[:4] == entry.log_id[:4]
    }
    return replace(entry, proof=replace(entry.proof, checkpoint=body + gap + "\n".join(own)))
