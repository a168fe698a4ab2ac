"""JSON as strangers write it: bounded, UTF-8, no repeated keys, no NaN (RFC 8259; I-JSON, RFC 7493)."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from sigstep.errors import FormatError
from sigstep.model import limits

_STRINGS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_STARTS: Final = re.compile(rf"{_STRINGS.pattern}|[\[{{,]", re.DOTALL)
_BRACKETS: Final = re.compile(r"[][{}]")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(data: bytes, *, at_most: int, name: str = "document") -> Any:
    """Parse one JSON value.

    Args:
        data: the whole document.
        at_most: bytes at most.
        name: what the document is, for the message.

    Raises:
        FormatError: ``json-too-large``, ``json-not-utf8``, ``json-malformed``, ``json-duplicate-key``,
            ``json-too-deep``, ``json-too-many``.
    """
    if len(data) > at_most:
        raise _error(name, code="json-too-large", why=f"it has {len(data)} bytes; at most {at_most} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _error(name, code="json-not-utf8", why=f"byte {error.start} is not UTF-8") from None
    if len(data) >= limits.JSON_VALUES:
        _bound_values(data, text, name)
    if not _few_brackets(data):
        _bound_depth(text, name)
    try:
        value = _DECODER.decode(text)
        if b"\\" in data and _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates
    except _RefusedError as error:
        raise _error(name, code=error.code, why=error.why) from None
    except UnicodeEncodeError:
        raise _error(name, code="json-not-utf8", why="it escapes a lone surrogate") from None
    except ValueError as error:
        raise _error(name, code="json-malformed", why=str(error)[:200]) from None
    except RecursionError:
        raise _error(name, code="json-too-deep", why="the caller left no room on the stack") from None
    return value


def _bound_values(data: bytes, text: str, name: str) -> None:
    """A value is the first of its array or object, or stands behind a comma."""
    if sum(map(data.count, (b"[", b"{", b","))) < limits.JSON_VALUES:
        return
    values = 0
    for match in _STARTS.finditer(text):
        values += text[match.start()] != '"'
        if values >= limits.JSON_VALUES:
            raise _error(name, code="json-too-many", why=f"it has more than {limits.JSON_VALUES} values")


def _few_brackets(data: bytes) -> bool:
    """Whether too few arrays and objects begin for the document to be too deep; strings may have brackets, too."""
    left = limits.JSON_DEPTH
    for bracket in (b"[", b"{"):
        at = data.find(bracket)
        while at >= 0:
            left -= 1
            if left < 0:
                return False
            at = data.find(bracket, at + 1)
    return True


def _bound_depth(text: str, name: str) -> None:
    bare = _STRINGS.sub("", text)
    depth = 0
    for bracket in _BRACKETS.findall(bare):
        if bracket in "[{":
            depth += 1
            if depth > limits.JSON_DEPTH:
                raise _error(name, code="json-too-deep", why=f"it nests deeper than {limits.JSON_DEPTH}")
        else:
            depth -= 1


class _RefusedError(Exception):
    """What the decoder meets and JSON allows, or Python's reader does, but we do not."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code)
        self.code, self.why = code, why


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedError("json-duplicate-key", f"the member {key[:80]!r} is there twice")
            seen.add(key)
    return members


def _no_constant(constant: str) -> NoReturn:
    raise _RefusedError("json-malformed", f"{constant} is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) > limits.JSON_DIGITS:
        raise _RefusedError("json-malformed", "a number has too many digits")
    return int(digits)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_bounded_int)


def _error(name: str, *, code: str, why: str) -> FormatError:
    return FormatError(
        code=code,
        what=f"{name} is not acceptable JSON",
        why=why,
        fix="check that it is the file you meant; if it is, make it again with its own tool",
    )
