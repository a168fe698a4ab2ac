"""Registries of npm, Yarn and Bun, for everything and for a scope (``npm`` and ``npm @scope``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.redirects.common import line_of, lines_of, redirect, table, toml
from sigstep.model.dependency import Redirect
from sigstep.wire import strict_yaml

_NPMRC: Final = re.compile(r"\s*[\"']?(?:(?P<scope>@[^:\s]+):)?registry[\"']?\s*=\s*[\"']?(?P<url>[^\s\"']+)")
_CLASSIC: Final = re.compile(r"\s*[\"']?(?:(?P<scope>@[^:\s]+):)?registry[\"']?\s*:?\s+[\"']?(?P<url>[^\s\"']+)")


def npmrc(data: bytes, path: str) -> Iterator[Redirect]:
    """``registry=`` and ``@scope:registry=`` of an ``.npmrc`` (npm's npmrc(5))."""
    yield from _lines(data, path, _NPMRC)


def yarn_classic(data: bytes, path: str) -> Iterator[Redirect]:
    """``registry "…"`` of the ``.yarnrc`` of Yarn 1."""
    yield from _lines(data, path, _CLASSIC)


def yarn_berry(data: bytes, path: str) -> Iterator[Redirect]:
    """``npmRegistryServer``, and that of each of ``npmScopes``, of the ``.yarnrc.yml`` of Yarn 2 and later."""
    whole = strict_yaml.loads(data, name=path)
    scopes = table(whole, "npmScopes")
    for name, one in (("npm", whole), *((f"npm @{scope}", one) for scope, one in scopes.items())):
        to = one.get("npmRegistryServer") if isinstance(one, Mapping) else None
        yield from redirect(name, to, path, line_of(data, to))


def bun(data: bytes, path: str) -> Iterator[Redirect]:
    """``install.registry`` and ``install.scopes`` of a ``bunfig.toml``."""
    install = table(toml(data, path), "install")
    scopes = table(install, "scopes")
    named = (("npm", install.get("registry")), *((f"npm @{one.lstrip('@')}", scopes[one]) for one in scopes))
    for name, value in named:
        to = value.get("url") if isinstance(value, Mapping) else value
        yield from redirect(name, to, path, line_of(data, to))


def _lines(data: bytes, path: str, pattern: re.Pattern[str]) -> Iterator[Redirect]:
    for number, line in enumerate(lines_of(data), 1):
        if match := pattern.match(line):
            name = f"npm {match['scope']}" if match["scope"] else "npm"
            yield from redirect(name, match["url"], path, number)
