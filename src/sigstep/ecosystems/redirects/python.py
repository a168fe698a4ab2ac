"""Indexes of pip, uv and Poetry: the one that counts for everything is ``pypi``, others are told apart by words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sigstep.ecosystems.redirects.common import line_of, lines_of, redirect, table, texts, toml
from sigstep.model.dependency import Redirect
from sigstep.wire.logical_lines import logical_lines

_SETTINGS: Final = {
    "index-url": "pypi",
    "extra-index-url": "pypi extra index",
    "find-links": "pypi find-links",
    "trusted-host": "pypi trusted-host",
}
_SHORT: Final = {"i": "index-url", "f": "find-links"}
_OPTION: Final = re.compile(r"(?:^|\s)(?:--(?P<long>[a-z-]+)(?:\s+|=)|-(?P<short>[if])\s*)[\"']?(?P<to>[^\s\"']+)")
_KEY: Final = re.compile(r"(?P<name>index[-_]url|extra[-_]index[-_]url|find[-_]links|trusted[-_]host)\s*[=:](?P<to>.*)")


def requirements(data: bytes, path: str) -> Iterator[Redirect]:
    """``--index-url``, ``--extra-index-url``, ``--find-links`` and ``--trusted-host`` of a requirements file.

    pip takes several in a line, and each name cut short (Python's ``optparse``).
    """
    for number, line in logical_lines(data.decode("utf-8", "replace")):
        for match in _OPTION.finditer(line) if line.startswith("-") else ():
            name = match["long"] or _SHORT[match["short"]]
            full = next((one for one in _SETTINGS if one.startswith(name)), "")
            if full:
                yield from redirect(_SETTINGS[full], match["to"], path, number)


def pip_conf(data: bytes, path: str) -> Iterator[Redirect]:
    """The same settings of a ``pip.conf``; a value may go on, indented, on the next lines."""
    setting = ""
    for number, line in enumerate(lines_of(data), 1):
        match = _KEY.match(line.strip()) if not setting or not line[:1].isspace() else None
        if match:
            setting = _SETTINGS[match["name"].replace("_", "-")]
        elif not line[:1].isspace():
            setting = ""
        for to in (match["to"] if match else line).split() if setting else ():
            yield from redirect(setting, to, path, number)


def tables(data: bytes, path: str) -> Iterator[Redirect]:
    """Indexes of ``uv.toml`` and ``[tool.uv]``, sources of ``[tool.poetry]`` and ``[tool.pdm]``."""
    whole = toml(data, path)
    uv = table(whole, "tool", "uv") if path.endswith("pyproject.toml") else whole
    uv = {**uv, **table(uv, "pip")}
    listed = _list(uv.get("index"))
    for tool in ("poetry", "pdm"):
        listed += _list(table(whole, "tool", tool).get("source"))
    for one in listed:
        default = one.get("default") is True or one.get("priority") in {"primary", "default"}
        yield from redirect(
            _SETTINGS["index-url" if default else "extra-index-url"],
            one.get("url"),
            path,
            line_of(data, one.get("url")),
        )
    for name, setting in _SETTINGS.items():
        for to in texts(uv.get(name)):
            yield from redirect(setting, to, path, line_of(data, to))
    for to in texts(uv.get("allow-insecure-host")):
        yield from redirect(_SETTINGS["trusted-host"], to, path, line_of(data, to))


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
