"""What the readers of redirects share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sigstep.model import limits
from sigstep.model.dependency import Redirect
from sigstep.wire import strict_toml

QUOTES: Final = str.maketrans("", "", "\"'\\")
"""To leave out what shells and their like read as quotes, wherever it stands."""


def redirect(setting: str, to: Any, path: str, line: int) -> Iterator[Redirect]:
    """One redirect; none where nothing is set, or no text is."""
    if isinstance(to, str) and to.strip():
        yield Redirect(setting=setting, to=to.strip(), path=path, line=line)


def local(to: Any) -> Any:
    """A path as redirects say it: one that is relative begins with ``./``, as its tool reads it with or without."""
    if not isinstance(to, str) or ":" in to or to.startswith(("/", "\\", "~", "$", "./", "../")) or to in {".", ".."}:
        return to
    return f"./{to}"


def toml(data: bytes, path: str) -> dict[str, Any]:
    """A TOML file.

    Raises:
        FormatError: ``toml-too-large``, ``toml-malformed``.
    """
    return strict_toml.loads(data, at_most=limits.LOCKFILE_BYTES, name=path)


def table(value: Any, *names: str) -> Mapping[str, Any]:
    """The table below these names; an empty one where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def texts(value: Any) -> list[str]:
    """A text, or a list of them, as a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def line_of(data: bytes, text: Any) -> int:
    """The first line (from 1) that has a text, in quotes where it stands so; 1 where none has it."""
    found = (data.find(one.encode()) for one in (f'"{text}"', f"'{text}'", f"{text}"))
    at = next((one for one in found if one >= 0), 0)
    return data.count(b"\n", 0, at) + 1


def lines_of(data: bytes) -> list[str]:
    """The lines of a file whose tool reads bytes that are no UTF-8 too."""
    return re.split(r"\r\n?|\n", data.decode("utf-8", "replace").removeprefix("\ufeff"))
