"""Cargo's source replacement, the addresses of registries, and patches of single crates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigstep.ecosystems.redirects.common import line_of, local, redirect, table, toml
from sigstep.model.dependency import Redirect

_PLACES = ("registry", "git", "local-registry", "directory")  # in the order in which a source has one of them
_LINKS = 20  # of sources that replace one another; where there are more, the last that was reached is told


def config(data: bytes, path: str) -> Iterator[Redirect]:
    """``[source]``, ``[registries]`` and ``[patch]`` of ``.cargo/config.toml`` (The Cargo Book, source replacement)."""
    whole = toml(data, path)
    sources = table(whole, "source")
    for name in sources:
        by = table(sources, name).get("replace-with")
        seen, place = {name}, by
        while isinstance(place, str) and place in sources and place not in seen and len(seen) < _LINKS:
            seen.add(place)
            place = table(sources, place).get("replace-with") or _place(table(sources, place)) or place
        yield from redirect(f"cargo source {name}", place, path, line_of(data, f"source.{name}]"))
    for name in table(whole, "registries"):
        to = table(whole, "registries", name).get("index")
        yield from redirect(f"cargo registry {name}", to, path, line_of(data, to))
    yield from _patches(data, path, whole)


def manifest(data: bytes, path: str) -> Iterator[Redirect]:
    """``[patch]`` and ``[replace]`` of a ``Cargo.toml`` (The Cargo Book, overriding dependencies)."""
    yield from _patches(data, path, toml(data, path))


def _patches(data: bytes, path: str, whole: Mapping[str, Any]) -> Iterator[Redirect]:
    tables = [table(whole, "replace"), *(table(whole, "patch", one) for one in table(whole, "patch"))]
    for crates in tables:
        for name in crates:
            crate = table(crates, name)
            written = crate.get("git") or crate.get("path") or crate.get("registry")
            to = written if crate.get("git") or not crate.get("path") else local(written)
            yield from redirect(f"cargo patch {name.partition(':')[0]}", to, path, line_of(data, written))


def _place(source: Mapping[str, Any]) -> Any:
    name = next((one for one in _PLACES if isinstance(source.get(one), str)), "")
    to = source.get(name)
    return local(to) if name in {"local-registry", "directory"} else to
