"""Types, comparisons and the functions of CUE's packages that policies use; all others are named as not evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from sigstep.engines.cluster_image_policy.cue_parser import Unsupported
from sigstep.errors import UsageError
from sigstep.policy.matcher import search

TYPES: Final[Mapping[str, frozenset[str] | None]] = {
    "_": None,
    "string": frozenset({"string"}),
    "int": frozenset({"int"}),
    "float": frozenset({"float"}),
    "number": frozenset({"int", "float"}),
    "bool": frozenset({"bool"}),
}
_NUMBERS: Final = frozenset({"int", "float"})
_RFC3339: Final = "2006-01-02T15:04:05Z07:00"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Conflict(Exception):
    """A contradiction, or an error that CUE does not take for missing knowledge."""


class Incomplete(Exception):
    """Not enough is known; CUE's validation lets that pass."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something a concrete value has to satisfy. ``operator`` and ``limit`` for bounds."""

    words: str
    test: Callable[[Any], bool]
    operator: str = ""
    limit: Any = None

    def hold(self, value: Any) -> None:
        """Nothing, where the value satisfies it.

        Raises:
            Conflict: it does not.
        """
        if not self.test(value):
            raise Conflict(f"{str(value)[:60]!r} does not satisfy {self.words}")


def kind_of(value: Any) -> str:
    """CUE's type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Mapping):
        return "struct"
    if isinstance(value, list | tuple):
        return "list"
    return {int: "int", float: "float", str: "string"}[type(value)]


def compare(operator: str, left: Any, right: Any) -> bool:
    """A comparison of two concrete values.

    Raises:
        Conflict: they cannot be compared.
    """
    kinds = {kind_of(left), kind_of(right)}
    if operator in ("=~", "!~"):
        if kinds != {"string"}:
            raise Conflict(f"{operator} needs texts")
        return _search(right, left) is (operator == "=~")
    if kinds & {"struct", "list"}:
        raise Unsupported("comparisons of structs and lists")
    comparable = len(kinds) == 1 or kinds <= _NUMBERS
    if operator in ("==", "!="):
        if not comparable and "null" not in kinds:
            raise Conflict("a comparison of different types")
        return (comparable and left == right) is (operator == "==")
    if not comparable or not kinds <= _NUMBERS | {"string"}:
        raise Conflict(f"{operator} of {' and '.join(sorted(kinds))}")
    if kinds == {"string"}:
        left, right = left.encode(), right.encode()
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


def _search(pattern: str, text: str) -> bool:
    try:
        return search(pattern, text)
    except UsageError:
        raise Conflict("a regular expression is malformed") from None


def bound(operator: str, limit: Any) -> Check:
    """``<limit`` and its like as a demand."""
    return Check(f"{operator}{limit!r}", lambda value: compare(operator, value, limit), operator, limit)


def bound_kinds(operator: str, limit: Any) -> frozenset[str] | None:
    """The types that a bound admits."""
    kind = kind_of(limit)
    if operator == "!=":
        return None
    return _NUMBERS if kind in _NUMBERS else frozenset({kind})


def check_together(checks: Sequence[Check]) -> None:
    """Bounds that no value can satisfy contradict one another.

    Raises:
        Conflict: they do.
    """
    for low in (one for one in checks if one.operator in (">", ">=")):
        for high in (one for one in checks if one.operator in ("<", "<=")):
            strict = "<" if low.operator == ">" or high.operator == "<" else "<="
            if kind_of(low.limit) in _NUMBERS and not compare(strict, low.limit, high.limit):
                raise Conflict(f"incompatible bounds {low.words} and {high.words}")


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """``+ - * /`` of numbers, and ``+`` of texts.

    Raises:
        Conflict: of something else.
    """
    kinds = {kind_of(left), kind_of(right)}
    if operator == "+" and kinds == {"string"}:
        return left + right
    if not kinds <= _NUMBERS:
        raise Conflict(f"{operator} of {' and '.join(sorted(kinds))}")
    if operator == "/":
        raise Unsupported("division")
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def constant(package: str, name: str) -> Any:
    """A constant or a bare validator of a package.

    Raises:
        Unsupported: it is not known.
    """
    if (package, name) in (("time", "RFC3339"), ("time", "RFC3339Nano")):
        return _RFC3339
    if (package, name) == ("time", "Time"):
        return Check("time.Time", lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)))
    raise Unsupported(f"{package}.{name}")


def call(package: str, name: str, arguments: list[Any]) -> Any:
    """A function's value, or the demand that a validator makes.

    Raises:
        Unsupported: it is not known here.
        Conflict: it cannot take these arguments.
    """
    whole = f"{package}.{name}" if package else name
    if whole not in _FUNCTIONS:
        raise Unsupported(whole)
    kinds, function = _FUNCTIONS[whole]
    if [kind_of(one) for one in arguments] != list(kinds):
        if whole == "len" and len(arguments) == 1 and kind_of(arguments[0]) in ("list", "struct"):
            return len(arguments[0])
        raise Conflict(f"{whole} cannot take these arguments")
    return function(*arguments)


def _parse_time(layout: str, text: str) -> str:
    match = _TIME.fullmatch(text)
    if layout != _RFC3339:
        raise Unsupported("layouts of time other than RFC 3339")
    if match is None:
        raise Conflict(f"{text[:60]!r} is no time")
    try:
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise Conflict(f"{text[:60]!r} is no time") from None
    digits = (match[1] or "")[:9].rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{digits}" if digits else "") + "Z"


def _count(words: str, kind: str, test: Callable[[int], bool]) -> Check:
    return Check(words, lambda value: kind_of(value) == kind and test(len(value)))


_TEXT: Final = ("string",)
_TEXTS: Final = ("string", "string")
_FUNCTIONS: Final[Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]] = {
    "len": (_TEXT, lambda text: len(text.encode())),
    "time.Parse": (_TEXTS, _parse_time),
    "strings.HasPrefix": (_TEXTS, lambda text, part: text.startswith(part)),
    "strings.HasSuffix": (_TEXTS, lambda text, part: text.endswith(part)),
    "strings.Contains": (_TEXTS, lambda text, part: part in text),
    "strings.ToLower": (_TEXT, lambda text: text.lower()),
    "strings.ToUpper": (_TEXT, lambda text: text.upper()),
    "strings.TrimSpace": (_TEXT, lambda text: text.strip()),
    "strings.MinRunes": (("int",), lambda number: _count(f"MinRunes({number})", "string", lambda n: n >= number)),
    "strings.MaxRunes": (("int",), lambda number: _count(f"MaxRunes({number})", "string", lambda n: n <= number)),
    "list.MinItems": (("int",), lambda number: _count(f"MinItems({number})", "list", lambda n: n >= number)),
    "list.MaxItems": (("int",), lambda number: _count(f"MaxItems({number})", "list", lambda n: n <= number)),
    "struct.MinFields": (("int",), lambda number: _count(f"MinFields({number})", "struct", lambda n: n >= number)),
    "struct.MaxFields": (("int",), lambda number: _count(f"MaxFields({number})", "struct", lambda n: n <= number)),
    "regexp.Match": (_TEXTS, _search),
}
