"""Members of parsed JSON by their dotted path, with the type they have to have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from sigstep.errors import FormatError

T = TypeVar("T")
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

_WORDS = {str: "text", dict: "an object", list: "a list", bool: "true or false", int: "a whole number"}


def required(document: Mapping[str, Any], path: str, kind: type[T]) -> T:
    """The member at ``path`` (``a.b.c``); text has to be non-empty.

    Raises:
        FormatError: ``predicate-malformed`` where it is absent, empty text, or of another type.
    """
    value = optional(document, path, kind)
    if value is None or value == "":
        raise malformed(f"{path} is missing")
    return value


def optional(document: Mapping[str, Any], path: str, kind: type[T]) -> T | None:
    """The member at ``path``, or None where it (or an object on its way) is absent or null.

    Raises:
        FormatError: ``predicate-malformed`` where it is there and of another type.
    """
    value: Any = document
    *parents, last = path.split(".")
    for name in parents:
        value = value.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise malformed(f"{name} in {path} is not an object")
    value = value.get(last)
    if value is None:
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise malformed(f"{path} is not {_WORDS.get(kind, kind.__name__)}")
    return value


def objects(document: Mapping[str, Any], path: str) -> tuple[dict[str, Any], ...]:
    """The list of objects at ``path``; empty where it is absent.

    Raises:
        FormatError: ``predicate-malformed`` where it is not a list, or a member is not an object.
    """
    values = optional(document, path, list) or []
    if not all(isinstance(value, dict) for value in values):
        raise malformed(f"{path} holds something that is not an object")
    return tuple(values)


def texts(document: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The list of texts at ``path``; empty where it is absent.

    Raises:
        FormatError: ``predicate-malformed`` where it is not a list of texts.
    """
    values = optional(document, path, list) or []
    if not all(isinstance(value, str) for value in values):
        raise malformed(f"{path} holds something that is not text")
    return tuple(values)


def moment(text: str) -> datetime | None:
    """An RFC 3339 time, aware; fractions of a second are left out. None where the text is none."""
    match = _RFC3339.fullmatch(text)
    try:
        return datetime.fromisoformat(match[1] + match[2].replace("Z", "+00:00")) if match else None
    except ValueError:
        return None


def document_in(predicate: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document itself, where cosign 1 wrapped it as ``{"Data": {...}, "Timestamp": "..."}``."""
    data = predicate.get("Data")
    return data if isinstance(data, dict) and "Timestamp" in predicate else predicate


def malformed(why: str) -> FormatError:
    """The error of a document that is not what its type says."""
    return FormatError(
        code="predicate-malformed",
        what="the predicate is not what its type asks for",
        why=why,
        fix="make it again with its own tool, or attest it under the type that it has",
    )
