"""Registries of npm, pnpm, Yarn and Bun, for everything and for a scope (``npm`` and ``npm @scope``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.redirects.common import line_of, lines_of, redirect, table, texts, toml
from sigstep.model.dependency import Redirect
from sigstep.wire import strict_yaml

_VALUE: Final = re.compile(r"\s*[\"']?(?P<url>[^\s\"']+)")
_CLASSIC: Final = re.compile(r"\s*[\"']?(?:(?P<name>@[^:\s]+):)?registry[\"']?\s*:?\s+[\"']?(?P<url>[^\s\"']+)")
_ESCAPED: Final = re.compile(r"\s*\"(?P<name>[^\"\s\\]*\\[^\"\s]*)\"\s*:?\s+[\"']?(?P<url>[^\s\"']+)")


def npmrc(data: bytes, path: str) -> Iterator[Redirect]:
    """``registry=`` and ``@scope:registry=`` of an ``.npmrc`` (npm's npmrc(5)).

    A key can have variables, and in quotes escapes: what it is then cannot be told here, so it counts as one.
    """
    for number, line in enumerate(lines_of(data), 1):
        key, _, value = line.partition("=")
        key = key.strip().strip("\"'").removesuffix("[]")
        match = _VALUE.match(value)
        if match is None or key.startswith(("#", ";", "//")):  # comments, and what is about one host
            continue
        if "${" in key or "\\" in key:
            yield from redirect(f"npm {key[:80]}", match["url"], path, number)
        elif key == "registry" or (key.startswith("@") and key.endswith(":registry")):
            yield from redirect(f"npm {key.removesuffix('registry').rstrip(':')}".rstrip(), match["url"], path, number)


def yarn_classic(data: bytes, path: str) -> Iterator[Redirect]:
    """``registry "…"`` of the ``.yarnrc`` of Yarn 1."""
    for number, line in enumerate(lines_of(data), 1):
        match = _CLASSIC.match(line) or _ESCAPED.match(line)
        if match:
            yield from redirect(f"npm {match['name'] or ''}".rstrip(), match["url"], path, number)


def yarn_berry(data: bytes, path: str) -> Iterator[Redirect]:
    """``npmRegistryServer``, and that of each of ``npmScopes``, of the ``.yarnrc.yml`` of Yarn 2 and later."""
    whole = strict_yaml.loads(data, name=path)
    scopes = table(whole, "npmScopes")
    for name, one in (("npm", whole), *((f"npm @{scope}", one) for scope, one in scopes.items())):
        to = one.get("npmRegistryServer") if isinstance(one, Mapping) else None
        yield from redirect(name, to, path, line_of(data, to))


def pnpm_workspace(data: bytes, path: str) -> Iterator[Redirect]:
    """``registry``, ``registries`` and ``namedRegistries`` of a ``pnpm-workspace.yaml`` (pnpm's settings).

    An entry of ``registries`` is a scope with its address, or an address with its ``scopes`` and ``prefix``.
    """
    whole = strict_yaml.loads(data, name=path)
    named = [("", table(whole).get("registry")), *table(whole, "namedRegistries").items()]
    for key, value in table(whole, "registries").items():
        if isinstance(value, Mapping):
            scopes = [*texts(value.get("scopes")), *texts(value.get("prefix"))]
            named += [(scope, key) for scope in scopes or [""]]
        else:
            named.append(("" if key == "default" else key, value))
    for name, to in named:
        yield from redirect(f"npm {name}".rstrip(), to, path, line_of(data, to))


def bun(data: bytes, path: str) -> Iterator[Redirect]:
    """``install.registry`` and ``install.scopes`` of a ``bunfig.toml``."""
    install = table(toml(data, path), "install")
    scopes = table(install, "scopes")
    named = (("npm", install.get("registry")), *((f"npm @{one.lstrip('@')}", scopes[one]) for one in scopes))
    for name, value in named:
        to = value.get("url") if isinstance(value, Mapping) else value
        yield from redirect(name, to, path, line_of(data, to))
