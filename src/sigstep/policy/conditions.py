"""Conditions on statements, closed-world: what is missing never satisfies, but where absence itself is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from sigstep.model import limits
from sigstep.model.statement import Statement
from sigstep.policy.matcher import Matcher
from sigstep.policy.reading import Section, malformed, text_of
from sigstep.wire.strict_yaml import Node, plain

OPERATORS: Final = ("equals", "not-equals", "matches", "in", "not-in", "exists", "at-most", "at-least", "max-age")
_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MISSING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``path`` from the statement (``predicate`` first), an operator of `OPERATORS`, and what it compares with."""

    path: tuple[str, ...]
    operator: str
    value: Any

    def holds(self, statement: Statement, now: datetime) -> bool:
        """Whether the statement satisfies it at the time ``now`` (aware)."""
        found = _find({"predicateType": statement.predicate_type, "predicate": statement.predicate}, self.path)
        if self.operator == "exists":
            return (found is not _MISSING) is bool(self.value)
        return found is not _MISSING and _compare(self.operator, found, self.value, now)

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.operator} {self.value}"


def read_condition(section: Section) -> Condition:
    """A condition as the policy file writes it: ``path`` and exactly one operator.

    Raises:
        FormatError: ``policy-malformed``.
        UsageError: ``matcher-malformed``, ``matcher-empty``.
    """
    section.only("path", *OPERATORS)
    given = [name for name in OPERATORS if name in section.members]
    if len(given) != 1:
        raise malformed(f"{section.place} has {len(given)} operators", section.line, "write exactly one")
    operator = given[0]
    path = _path(section)
    value = _operand(operator, section.members[operator], f"{section.place}.{operator}")
    return Condition(path=path, operator=operator, value=value)


def _path(section: Section) -> tuple[str, ...]:
    node = section.members.get("path")
    whole = section.texts("path") if node and isinstance(node.value, tuple) else tuple(section.text("path").split("."))
    if whole[0] not in ("predicate", "predicateType") or not all(whole):
        raise malformed(f"{section.place}.path is not a path", section.line, "begin with predicate, parts between dots")
    return whole


def _operand(operator: str, node: Node, place: str) -> Any:
    value = plain(node)
    if operator == "matches":
        return Matcher(text_of(node, place), "regex")
    if operator == "exists":
        good = isinstance(value, bool)
    elif operator in ("at-most", "at-least"):
        good = _number(value)
    elif operator in ("in", "not-in"):
        good = isinstance(value, list) and bool(value) and all(_scalar(one) for one in value)
        value = tuple(value) if good else value
    elif operator == "max-age":
        return age_of(text_of(node, place), place, node.line)
    else:
        good = _scalar(value)
    return value if good else _bad(place, node)


def age_of(text: str, place: str, line: int) -> timedelta:
    """A length of time such as ``30s``, ``5m``, ``12h`` or ``7d``.

    Raises:
        FormatError: ``policy-malformed``.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise malformed(f"{place} is no length of time", line, "write it as 30s, 5m, 12h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _bad(place: str, node: Node) -> Any:
    raise malformed(f"{place} is of the wrong kind", node.line, "see the table of operators in the policy reference")


def _scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _find(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list | tuple) and part.isdecimal() and len(part) < 7 and int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return value


def _same(one: Any, other: Any) -> bool:
    """JSON equality: true is not 1; numbers compare by value."""
    if _number(one) and _number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def _compare(operator: str, found: Any, value: Any, now: datetime) -> bool:
    if operator in ("equals", "not-equals"):
        return _scalar(found) and _same(found, value) == (operator == "equals")
    if operator in ("in", "not-in"):
        return _scalar(found) and any(_same(found, one) for one in value) == (operator == "in")
    if operator == "matches":
        return isinstance(found, str) and bool(value.matches(found))
    if operator == "max-age":
        return _young(found, value, now)
    if not _number(found):
        return False
    return bool(found <= value) if operator == "at-most" else bool(found >= value)


def _young(found: Any, age: timedelta, now: datetime) -> bool:
    if not isinstance(found, str):
        return False
    try:
        time = datetime.fromisoformat(found.replace("Z", "+00:00"))
    except ValueError:
        return False
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return -timedelta(seconds=limits.FUTURE_SKEW_SECONDS) <= now - time <= age
