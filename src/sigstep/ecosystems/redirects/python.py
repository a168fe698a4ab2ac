"""Indexes of pip, uv and Poetry: the one that counts for everything is ``pypi``, others are told apart by words."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sigstep.ecosystems import redirects
from sigstep.ecosystems.redirects.common import QUOTES, line_of, lines_of, local, redirect, table, texts, toml
from sigstep.model.dependency import Redirect
from sigstep.wire.logical_lines import logical_lines

_SETTINGS: Final = {
    "index-url": "pypi",
    "pypi-url": "pypi",
    "extra-index-url": "pypi extra index",
    "find-links": "pypi find-links",
    "trusted-host": "pypi trusted-host",
}
_SHORT: Final = {"i": "index-url", "f": "find-links", "r": "requirement", "c": "constraint"}
_INCLUDES: Final = ("requirement", "constraint")
_OPTION: Final = re.compile(r"(?:^|\s)(?:--(?P<long>[a-z-]+)(?:\s+|=)|-(?P<short>[ifrc])\s*)[\"']?(?P<to>[^\s\"']+)")
_KEY: Final = re.compile(
    r"(?:--)?(?P<name>index[-_]url|pypi[-_]url|extra[-_]index[-_]url|find[-_]links|trusted[-_]host)\s*[=:](?P<to>.*)",
    re.IGNORECASE,
)


def requirements(data: bytes, path: str) -> Iterator[Redirect]:
    """``--index-url``, ``--extra-index-url``, ``--find-links`` and ``--trusted-host`` of a requirements file.

    To pip the first is ``--pypi-url``, too. It takes several in a line, each name cut short (Python's ``optparse``),
    and quotes anywhere (``shlex``). A file that it includes and that is not read for its name is one too.

    Raises:
        FormatError: ``lockfile-malformed``: pip would read it in another encoding.
    """
    for number, line in logical_lines(data.decode("utf-8-sig", "replace"), path):
        for match in _OPTION.finditer(line.translate(QUOTES)) if line.startswith("-") else ():
            name = match["long"] or _SHORT[match["short"]]
            full = next((one for one in (*_SETTINGS, *_INCLUDES) if one.startswith(name)), "")
            if full in _INCLUDES:
                yield from _included(match["to"], path, number)
            elif full:
                yield from _set(full, match["to"], path, number)


def _set(name: str, to: str, path: str, line: int) -> Iterator[Redirect]:
    yield from redirect(_SETTINGS[name], to if name == "trusted-host" else local(to), path, line)


def _included(to: str, path: str, line: int) -> Iterator[Redirect]:
    place = to if "://" in to else posixpath.normpath(posixpath.join(posixpath.dirname(path), to))
    name = place.rpartition("/")[2]
    read = (one for one, reader in redirects.REDIRECTS if reader.endswith(".python:requirements"))
    if "://" in to or not any(fnmatch.fnmatchcase(f"/{place}" if "/" in one else name, one) for one in read):
        yield from redirect("pypi requirements", to if "://" in to else f"./{place}", path, line)


def pip_conf(data: bytes, path: str) -> Iterator[Redirect]:
    """The same settings of a ``pip.conf``; a value may go on, indented, on the next lines."""
    setting = ""
    for number, line in enumerate(lines_of(data), 1):
        match = _KEY.match(line.strip()) if not setting or not line[:1].isspace() else None
        if match:
            setting = match["name"].replace("_", "-").lower()
        elif not line[:1].isspace():
            setting = ""
        for to in (match["to"] if match else line).split() if setting else ():
            yield from _set(setting, to, path, number)


def tables(data: bytes, path: str) -> Iterator[Redirect]:
    """Indexes of ``uv.toml`` and ``[tool.uv]``, sources of ``[tool.poetry]`` and ``[tool.pdm]``."""
    whole = toml(data, path)
    uv = table(whole, "tool", "uv") if path.endswith("pyproject.toml") else whole
    uv = {**uv, **table(uv, "pip")}
    listed = _list(uv.get("index"))
    for tool in ("poetry", "pdm"):
        listed += _list(table(whole, "tool", tool).get("source"))
    for one in listed:
        default = one.get("default") is True or one.get("priority") in ("primary", "default")
        for to in texts(one.get("url")):
            yield from _set("index-url" if default else "extra-index-url", to, path, line_of(data, to))
    for name in (*_SETTINGS, "allow-insecure-host"):
        for to in texts(uv.get(name)):
            yield from _set(name if name in _SETTINGS else "trusted-host", to, path, line_of(data, to))


def pdm(data: bytes, path: str) -> Iterator[Redirect]:
    """``[pypi]`` of a project's ``pdm.toml``, and the indexes below it (PDM's configuration reference)."""
    pypi = table(toml(data, path), "pypi")
    for name, one in (("index-url", pypi), *(("extra-index-url", table(pypi, each)) for each in pypi)):
        for to in texts(one.get("url")):
            yield from _set(name, to, path, line_of(data, to))


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
