"""Conditions of Kyverno's policies: key, operator, value. Source: kyverno ``pkg/engine/variables/operator``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.kyverno.variables import Lookup, Unresolved, substitute
from sigstep.engines.kyverno.wildcards import wildcard
from sigstep.policy.engine import Unjudged

_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_QUANTITY: Final = re.compile(r"[-+]?\d+(?:\.\d+)?\s*(?:[a-zA-Z]{1,2})?", re.ASCII)
_ORDER: Final = {
    "GreaterThan": lambda one, other: one > other,
    "GreaterThanOrEquals": lambda one, other: one >= other,
    "LessThan": lambda one, other: one < other,
    "LessThanOrEquals": lambda one, other: one <= other,
}
_SETS: Final = ("AnyIn", "AllIn", "AnyNotIn", "AllNotIn", "In", "NotIn")


def block_holds(block: Mapping[str, Any], lookup: Lookup) -> bool:
    """Whether a block of ``any`` and ``all`` holds; an empty part asks for nothing.

    Raises:
        Unresolved: a variable has no value.
        Unjudged: a condition is not evaluated here.
    """
    some = [one for one in block.get("any") or () if isinstance(one, Mapping)]
    every = [one for one in block.get("all") or () if isinstance(one, Mapping)]
    return (not some or any(_holds(one, lookup) for one in some)) and all(_holds(one, lookup) for one in every)


def preconditions_hold(value: Any, lookup: Lookup) -> bool:
    """Whether preconditions hold: a block, or a list of conditions that all have to.

    Raises:
        Unjudged: a condition is not evaluated here.
    """
    if not value:
        return True
    try:
        return block_holds({"all": value} if isinstance(value, list) else value, lookup)
    except Unresolved as error:
        raise Unjudged("language", f"a precondition: {error}") from error


def _holds(condition: Mapping[str, Any], lookup: Lookup) -> bool:
    key = substitute(condition.get("key"), lookup)
    value = substitute(condition.get("value"), lookup)
    operator = str(condition.get("operator"))
    if operator in ("Equals", "Equal"):
        return _equal(key, value)
    if operator in ("NotEquals", "NotEqual"):
        return not _equal(key, value)
    if operator in _ORDER:
        return bool(_ORDER[operator](_number(key), _number(value)))
    if operator in _SETS:
        return _in_set(operator, key, value)
    raise Unjudged("language", f"the operator {operator[:40]!r}")


def _equal(key: Any, value: Any) -> bool:
    """Texts are compared by wildcards of the value; numbers by value; what may be a quantity is not guessed."""
    if isinstance(key, bool) or isinstance(value, bool):
        return isinstance(key, bool) and isinstance(value, bool) and key is value
    if isinstance(key, str) and isinstance(value, str):
        if wildcard(value, key):
            return True
        if _QUANTITY.fullmatch(key) and _QUANTITY.fullmatch(value):
            raise Unjudged("language", f"the quantities {key[:40]!r} and {value[:40]!r}")
        return False
    if isinstance(key, int | float) and isinstance(value, int | float):
        return key == value
    if isinstance(key, Mapping | list) or isinstance(value, Mapping | list):
        return type(key) is type(value) and bool(key == value)
    if isinstance(key, int | float | str) and isinstance(value, int | float | str):
        if _NUMBER.fullmatch(str(key)) and _NUMBER.fullmatch(str(value)):
            return float(key) == float(value)
        return False
    return False


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    raise Unjudged("language", f"{str(value)[:40]!r} is compared as a number, a quantity or a version")


def _in_set(operator: str, key: Any, value: Any) -> bool:
    keys = _list(key)
    values = _list(value)
    if operator in ("In", "NotIn"):
        if isinstance(key, list):
            raise Unjudged("language", f"the operator {operator} over a list")
        operator = "AnyIn" if operator == "In" else "AllNotIn"
    found = [any(wildcard(one, other) or wildcard(other, one) for other in values) for one in keys]
    if operator == "AnyIn":
        return any(found)
    if operator == "AllIn":
        return all(found)
    if operator == "AnyNotIn":
        return not all(found)
    return not any(found)


def _list(value: Any) -> list[str]:
    if isinstance(value, str):
        if value.startswith("["):
            try:
                return _list(json.loads(value))
            except ValueError:
                return [value]
        if re.fullmatch(r"!?-?\d+(?:\.\d+)?[a-zA-Z]*-\d+(?:\.\d+)?[a-zA-Z]*", value, re.ASCII):
            raise Unjudged("language", f"the range {value[:40]!r}")
        return [value]
    if isinstance(value, list):
        return [one if isinstance(one, str) else json.dumps(one) for one in value]
    return [json.dumps(value)]
