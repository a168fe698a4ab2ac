"""TOML as strangers write it: bounded, and with the lines of the tables of an array (TOML 1.0.0)."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from typing import Any

from sigstep.errors import FormatError


def loads(data: bytes, *, at_most: int, name: str = "document") -> dict[str, Any]:
    """Parse one TOML document.

    Args:
        data: the whole document, UTF-8.
        at_most: bytes at most.
        name: what the document is, for the message.

    Raises:
        FormatError: ``toml-too-large``, ``toml-malformed``.
    """
    if len(data) > at_most:
        raise _error(name, code="toml-too-large", why=f"it has {len(data)} bytes; at most {at_most} are read")
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        found: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
        return found
    except UnicodeDecodeError as error:
        raise _error(name, code="toml-malformed", why=f"byte {error.start} is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise _error(name, code="toml-malformed", why=" ".join(str(error).split())[:200]) from None


def array_lines(text: str, array: str, elements: list[Any]) -> tuple[int, ...]:
    """The line (from 1) of ``version`` in each ``[[array]]`` table, in order; the header's where it has none.

    A header inside a multi-line string makes the count differ: the line of each element's ``name`` stands then.
    """
    if not elements:
        return ()
    header = re.compile(rf"\[\[\s*{re.escape(array)}\s*\]\]\s*(#.*)?")
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines, 1) if header.fullmatch(line.strip())]
    if len(starts) != len(elements):
        return tuple(_name_line(lines, element) for element in elements)
    ends = [*starts[1:], len(lines) + 1]
    return tuple(_version_line(lines, start, end) for start, end in zip(starts, ends, strict=True))


def _version_line(lines: list[str], start: int, end: int) -> int:
    for number in range(start + 1, end):
        line = lines[number - 1].strip()
        if line.startswith("["):
            break
        if re.match(r"version\s*=", line):
            return number
    return start


def _name_line(lines: list[str], element: Any) -> int:
    name = element.get("name") if isinstance(element, Mapping) else None
    wanted = f'name = "{name}"'
    return next((number for number, line in enumerate(lines, 1) if line.strip() == wanted), 1)


def _error(name: str, *, code: str, why: str) -> FormatError:
    return FormatError(code=code, what=f"{name} is not acceptable TOML", why=why, fix="make it again with its own tool")
