"""Members of a JSON object, taken strictly: the right type, within bounds, and nothing left over."""

from __future__ import annotations

import base64
import binascii
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from sigstep.errors import FormatError

_INT64_MAX: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SNAKE: Final = re.compile(r"_([a-z0-9])")
_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_ALPHABET: Final = re.compile(r"[A-Za-z0-9+/_-]*={0,2}", re.ASCII)


class Members:
    """One JSON object in protobuf's JSON mapping (proto3 JSON): null counts as absent, snake_case names are read.

    Each ``take`` removes the member; `done` refuses what is left, because an unknown member may change the meaning.

    Args:
        value: the parsed JSON value.
        path: where it stands in the document, for messages.

    Raises:
        FormatError: ``json-member-type`` when ``value`` is no object.
    """

    __slots__ = ("_left", "path")

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object")
        self.path = path
        if "_" not in "".join(value):
            self._left: dict[str, Any] = value.copy()
            return
        self._left = {}
        for name, member in value.items():
            camel = _SNAKE.sub(_upper, name)
            if camel in self._left:
                raise FormatError(
                    code="json-duplicate-key",
                    what=f"{path}.{camel[:80]} is there twice",
                    why="two readers could see two documents",
                    fix="make it again with its own tool",
                )
            self._left[camel] = member

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:
        """The member as it is; None where absent."""
        return self._left.pop(name, None)

    def object(self, name: str) -> Members | None:
        """A nested object; None where absent."""
        value = self._left.pop(name, None)
        return None if value is None else Members(value, f"{self.path}.{name}")

    def need(self, name: str) -> Members:
        """A nested object that has to be there."""
        found = self.object(name)
        if found is None:
            raise missing(f"{self.path}.{name}")
        return found

    def array(self, name: str, *, at_most: int) -> list[Any]:
        """An array; empty where absent.

        Raises:
            FormatError: ``json-member-type``, ``json-too-many``.
        """
        value = self.take(name)
        if value is None:
            return []
        path = f"{self.path}.{name}"
        if not isinstance(value, list):
            raise wrong_type(path, "an array")
        if len(value) > at_most:
            raise FormatError(
                code="json-too-many",
                what=f"{path} has {len(value)} elements",
                why=f"at most {at_most} are read",
                fix="make the document with fewer of them",
            )
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A string; ``default`` where absent, an error where there is no default."""
        value = self._left.pop(name, None)
        if isinstance(value, str):
            return value
        path = f"{self.path}.{name}"
        if value is not None:
            raise wrong_type(path, "a string")
        if default is None:
            raise missing(path)
        return default

    def bytes(self, name: str, *, at_most: int, default: bytes | None = None) -> bytes:
        """Base64 bytes (see `decode_base64`); ``default`` where absent, an error where there is no default."""
        value = self._left.pop(name, None)
        path = f"{self.path}.{name}"
        if value is None:
            if default is None:
                raise missing(path)
            return default
        return decode_base64(value, path, at_most=at_most)

    def integer(self, name: str, default: int | None = None) -> int:
        """A non-negative int64, as a decimal string or an integral number (proto3 JSON); else ``default``."""
        value = self.take(name)
        if value is None:
            if default is None:
                raise missing(f"{self.path}.{name}")
            return default
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _INT64_MAX:
            raise FormatError(
                code="json-integer",
                what=f"{self.path}.{name} is not a count",
                why=f"{str(value)[:40]!r} is no integer from 0 to 2**63-1",
                fix="make the document again with its own tool",
            )
        return value

    def time(self, name: str) -> datetime | None:
        """An RFC 3339 time, aware, UTC; None where absent."""
        value = self.take(name)
        return None if value is None else parse_time(value, f"{self.path}.{name}")

    def done(self) -> None:
        """Refuse members nobody took.

        Raises:
            FormatError: ``json-unknown-member``.
        """
        if not self._left:
            return
        unknown = [name for name, value in self._left.items() if value is not None]
        if unknown:
            raise FormatError(
                code="json-unknown-member",
                what=f"{self.path} has an unknown member {unknown[0][:80]!r}",
                why="a member that is not understood may change the meaning",
                fix="update sigstep, or make the document with a released tool",
            )


def decode_base64(value: Any, path: str, *, at_most: int) -> bytes:
    """Base64 as protojson reads it: standard or URL-safe, padded or not, line breaks skipped; nothing else.

    Raises:
        FormatError: ``base64-malformed``, ``json-member-type``, ``json-too-large``.
    """
    if not isinstance(value, str):
        raise wrong_type(path, "a base64 string")
    if len(value) > at_most * 4 // 3 + 4:
        raise FormatError(
            code="json-too-large",
            what=f"{path} is too long",
            why=f"at most {at_most} bytes are read",
            fix="make the document again with its own tool",
        )
    try:  # what nearly every writer writes: standard, padded, canonical
        decoded = a2b_base64(value)
        last = decoded[-(len(decoded) % 3 or 3) :]
        if len(value) == (len(decoded) + 2) // 3 * 4 and value.endswith(b2a_base64(last, newline=False).decode()):
            return decoded
    except ValueError:
        pass
    value = value.replace("\r", "").replace("\n", "")
    bare = value.rstrip("=")
    padded = bare + "=" * (-len(bare) % 4)
    if not _ALPHABET.fullmatch(value) or (len(value) != len(bare) and value[len(bare) :] != padded[len(bare) :]):
        raise _bad_base64(path)
    try:
        decoded = base64.b64decode(_standard(padded), validate=True)
    except (binascii.Error, ValueError):
        raise _bad_base64(path) from None
    if base64.b64encode(decoded).decode().rstrip("=") != _standard(bare):
        raise _bad_base64(path)
    return decoded


def _upper(match: re.Match[str]) -> str:
    return match[1].upper()


def _standard(text: str) -> str:
    return text.replace("-", "+").replace("_", "/")


def parse_time(value: Any, path: str) -> datetime:
    """An RFC 3339 time, aware, UTC; fractions below a microsecond are cut.

    Raises:
        FormatError: ``time-malformed``.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        fraction = (match[3] or "")[:7]
        zone = "+00:00" if match[4] == "Z" else match[4]
        text = f"{match[1]}T{match[2]}{fraction.ljust(7, '0') if fraction else ''}{zone}"
        try:
            return datetime.fromisoformat(text).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            pass
    raise FormatError(
        code="time-malformed",
        what=f"{path} is not a time",
        why=f"{str(value)[:40]!r} is not in the form of RFC 3339",
        fix="write it as 2026-01-31T12:00:00Z",
    )


def time_or_none(value: Any, path: str) -> datetime | None:
    """As `parse_time`; None where there is no text.

    Raises:
        FormatError: ``time-malformed``.
    """
    return parse_time(value, path) if isinstance(value, str) else None


def missing(path: str) -> FormatError:
    """The error of a member that has to be there."""
    return FormatError(
        code="json-member-missing",
        what=f"{path} is missing",
        why="the format requires it",
        fix="make the document again with its own tool",
    )


def wrong_type(path: str, wanted: str) -> FormatError:
    """The error of a member of another type."""
    return FormatError(
        code="json-member-type",
        what=f"{path} is not {wanted}",
        why="the format requires it",
        fix="make the document again with its own tool",
    )


def as_mapping(value: Any, path: str) -> Mapping[str, Any]:
    """A JSON object whose members are free."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object")
    return value


def _bad_base64(path: str) -> FormatError:
    return FormatError(
        code="base64-malformed",
        what=f"{path} is not base64",
        why="it has characters or end bits that base64 does not have",
        fix="make the document again with its own tool",
    )
