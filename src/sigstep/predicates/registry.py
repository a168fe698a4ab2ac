"""The kinds of predicates by type URI, and the names that cosign and gh use for them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from sigstep.errors import UsageError
from sigstep.ports.predicate import PredicateKind
from sigstep.predicates import KINDS

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+")


@cache
def kinds() -> tuple[PredicateKind, ...]:
    """Every kind, in the order of `sigstep.predicates.KINDS`."""
    return tuple(_member(entry) for entry in KINDS)


def type_uri(name: str) -> str:
    """The type URI that an option names: an alias of cosign or gh, a kind's name, or a URI as it stands.

    Raises:
        UsageError: ``predicate-type-unknown``.
    """
    for kind in kinds():
        if name in kind.aliases:
            return kind.aliases[name]
        if name == kind.name:
            return kind.uris[0]
    if _URI.fullmatch(name):
        return name
    raise UsageError(
        code="predicate-type-unknown",
        what=f"{name!r} names no type of predicate",
        why="it is neither a known name nor a URI",
        fix="use one of " + ", ".join(sorted({alias for kind in kinds() for alias in kind.aliases})) + ", or a URI",
    )


def kind_of(uri: str) -> PredicateKind | None:
    """The kind whose type URI this is (compared whole, case-sensitively), or None for a type unknown to us."""
    return next((kind for kind in kinds() if uri in kind.uris), None)


def check(uri: str, predicate: Mapping[str, Any]) -> None:
    """Refuse a predicate that is not what its type URI says; a type unknown to us is taken as it is.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    kind = kind_of(uri)
    if kind is not None:
        kind.check(uri, predicate)


def _member(entry: str) -> PredicateKind:
    module, _, name = entry.partition(":")
    kind: PredicateKind = getattr(importlib.import_module(module), name)()
    return kind
