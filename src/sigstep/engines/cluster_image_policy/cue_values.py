"""Values of CUE while they are unified: places, what has to hold there, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sigstep.engines.cluster_image_policy.cue_functions import Check, Conflict, Incomplete
from sigstep.engines.cluster_image_policy.cue_parser import Binary, Items, Struct, Unary


@dataclass(frozen=True, slots=True)
class Data:
    """A value of the document."""

    value: Any


Scope = tuple[tuple[Struct, "Vertex"], ...]


@dataclass(slots=True, eq=False)
class Vertex:
    """A place in the unified value: what has to hold there, and what came of it.

    ``forming`` while its fields are gathered: conditions may already look at them, and ``missed`` is what they did not
    find.
    """

    conjuncts: list[tuple[Any, Scope]]
    value: Any = None
    busy: bool = False
    forming: bool = False
    arcs: dict[str, Vertex] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Open:
    """A value that is not concrete: what it has to satisfy once it is. ``kind`` is a type, or empty."""

    kinds: frozenset[str] | None
    checks: list[Check]


@dataclass(slots=True)
class Record:
    """A struct; its fields are the arcs of the vertex."""

    arcs: dict[str, Vertex]
    missed: set[str]


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Vertex]


@dataclass(slots=True)
class Gathered:
    """All that has to hold at one place, by kind."""

    scalars: list[Any] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    kinds: frozenset[str] | None = None
    structs: list[tuple[Struct, Scope]] = field(default_factory=list)
    records: list[Mapping[str, Any]] = field(default_factory=list)
    lists: list[tuple[Items | list[Any], Scope]] = field(default_factory=list)
    choices: list[tuple[Binary, Scope]] = field(default_factory=list)

    def narrow(self, kinds: frozenset[str]) -> None:
        """Only these types are left.

        Raises:
            Conflict: none is.
        """
        self.kinds = kinds if self.kinds is None else self.kinds & kinds
        if not self.kinds:
            raise Conflict("two types exclude one another")


class Nothing:
    """null as a value that is there."""


NULL: Final = Nothing()


def options_of(choice: Any, default: bool = False) -> Iterator[tuple[Any, bool]]:
    """The alternatives of a disjunction, each with whether it is marked as default."""
    if isinstance(choice, Binary) and choice.operator == "|":
        yield from options_of(choice.left)
        yield from options_of(choice.right)
    elif isinstance(choice, Unary) and choice.operator == "*":
        yield choice.operand, True
    else:
        yield choice, default


def flat(conjuncts: list[tuple[Any, Scope]]) -> Iterator[tuple[Any, Scope]]:
    """Conjuncts with the parts of every ``&``."""
    for expression, scope in conjuncts:
        if isinstance(expression, Binary) and expression.operator == "&":
            yield from flat([(expression.left, scope), (expression.right, scope)])
        else:
            yield expression, scope


def plain(value: Any) -> Any:
    """What functions and checks see: Python's own scalars, dicts and lists (of vertices, for their number)."""
    if isinstance(value, Record):
        return {name: arc for name, arc in value.arcs.items() if not name.startswith("_")}
    if isinstance(value, Sequence):
        return value.items
    return None if value is NULL else value


def concrete(value: Any) -> Any:
    """The plain value.

    Raises:
        Incomplete: it is not concrete.
    """
    if isinstance(value, Open):
        raise Incomplete
    return plain(value)
