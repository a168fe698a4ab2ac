"""A parser for the part of CUE that policies use. Source: the CUE language specification.

What is left out (definitions, patterns, loops, interpolation, aliases, attributes) is named when it is met: such a
policy is not judged. Nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

CHARACTERS: Final = 64 * 1024
_DEPTH: Final = 60
_TOKEN: Final = re.compile(
    r"""(?P<skip>[ \t\r]+|//[^\n]*)
    |(?P<newline>\n)
    |(?P<long>\"\"\"\n.*?\n[ \t]*\"\"\")
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<number>0x[0-9a-fA-F_]+|(?:\d[\d_]*)?\.\d+(?:[eE][+-]?\d+)?|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<mark>\.\.\.|&&|\|\||==|!=|<=|>=|=~|!~|[-+*/<>!&|(){}\[\]:,.?])""",
    re.VERBOSE | re.DOTALL,
)
_ENDS: Final = frozenset(")]}")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/"}
_BINARY: Final = (
    ("|",),
    ("&",),
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "=~", "!~"),
    ("+", "-"),
    ("*", "/"),
)
_BOUNDS: Final = frozenset({"<", "<=", ">", ">=", "!=", "=~", "!~"})
_UNREAD: Final = frozenset({"for", "let", "package"})


class Unsupported(Exception):
    """The policy uses what is not evaluated here."""


class Malformed(Exception):
    """CUE itself would refuse the text."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, true, false or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A name that stands for a field, a type, a function or a package."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """``of.name`` and ``of[name]``; ``part`` is a text or an expression."""

    of: Any
    part: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A call."""

    function: Any
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """An operator before an expression; a comparison there is a bound."""

    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions."""

    operator: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Items:
    """A list; ``rest`` is the expression for further items, None where there may be none."""

    items: tuple[Any, ...]
    rest: Any = None


@dataclass(frozen=True, slots=True)
class Field:
    """A field; ``optional`` where it may be missing (``?``, ``!``)."""

    label: str
    value: Any
    optional: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """``if`` with the fields that it adds."""

    condition: Any
    body: Struct


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """A struct literal: fields, conditions, and embedded expressions."""

    fields: tuple[Field, ...]
    conditions: tuple[Condition, ...] = ()
    embedded: tuple[Any, ...] = ()

    def declares(self, name: str) -> bool:
        """Whether a reference inside finds the name here."""
        return any(one.label == name for one in self.fields)


def parse(text: str) -> tuple[Struct, frozenset[str]]:
    """The file as a struct, and the packages that it imports.

    Raises:
        Malformed, Unsupported: see there.
    """
    if len(text) > CHARACTERS:
        raise Unsupported(f"it has {len(text)} characters; at most {CHARACTERS} are read")
    parser = _Parser(_tokens(text))
    imports = parser.head()
    return parser.fields(""), imports


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] in "'#@=~":
                raise Unsupported(f"{text[at]!r} (bytes, definitions, raw strings, attributes and aliases)")
            raise Malformed(f"illegal character {text[at]!r}")
        at = match.end()
        kind = str(match.lastgroup)
        if kind == "newline":
            if found and (found[-1][0] in ("string", "long", "number", "name") or found[-1][1] in _ENDS | {"..."}):
                found.append(("mark", ","))
        elif kind != "skip":
            found.append((kind, match[0]))
    return [*found, ("end", "")]


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def head(self) -> frozenset[str]:
        """The package clause and imports."""
        if self._is("package"):
            self._at += 2
            self._commas()
        found: list[str] = []
        while self._is("import"):
            self._at += 1
            if self._take("("):
                self._commas()
                while not self._take(")"):
                    found.append(self._string())
                    self._commas()
            else:
                found.append(self._string())
            self._commas()
        return frozenset(found)

    def fields(self, end: str) -> Struct:
        """Declarations up to ``}`` or the end of the text."""
        fields: list[Field] = []
        conditions: list[Condition] = []
        embedded: list[Any] = []
        self._commas()
        while not self._ends(end):
            if self._is("if") and self._tokens[self._at + 1][1] != ":":
                conditions.append(self._condition())
            elif self._take("..."):
                pass
            elif (label := self._label()) is not None:
                fields.append(self._field(*label))
            elif self._tokens[self._at][1] in _UNREAD or self._is("["):
                raise Unsupported(f"{self._tokens[self._at][1]!r} in a struct")
            else:
                embedded.append(self._expression(0))
            if not self._ends(end) and not self._take(","):
                self._fail()
            self._commas()
        self._at += 1
        return Struct(tuple(fields), tuple(conditions), tuple(embedded))

    def _ends(self, end: str) -> bool:
        kind, token = self._tokens[self._at]
        return (kind == "end" and not end) or (bool(end) and token == end)

    def _label(self) -> tuple[str, bool] | None:
        kind, token = self._tokens[self._at]
        if kind not in ("name", "string"):
            return None
        ahead = [one[1] for one in self._tokens[self._at + 1 : self._at + 3]]
        optional = ahead[0] in ("?", "!") and ahead[1:] == [":"]
        if not optional and ahead[0] != ":":
            return None
        self._at += 3 if optional else 2
        return (token if kind == "name" else _unquoted(token)), optional

    def _field(self, label: str, optional: bool) -> Field:
        inner = self._label()
        if inner is None:
            return Field(label, self._expression(0), optional)
        with_inner = self._nested(lambda: self._field(*inner))
        return Field(label, Struct((with_inner,)), optional)

    def _condition(self) -> Condition:
        self._at += 1
        condition = self._expression(1)
        if not self._take("{"):
            self._fail()
        return Condition(condition, self._nested(lambda: self.fields("}")))

    def _expression(self, level: int) -> Any:
        if level == len(_BINARY):
            return self._unary()
        left = self._nested(lambda: self._expression(level + 1))
        while self._tokens[self._at][0] == "mark" and self._tokens[self._at][1] in _BINARY[level]:
            operator = self._tokens[self._at][1]
            self._at += 1
            left = Binary(operator, left, self._expression(level + 1))
        return left

    def _unary(self) -> Any:
        kind, token = self._tokens[self._at]
        if kind == "mark" and (token in _BOUNDS or token in ("!", "-", "+", "*")):
            self._at += 1
            operand = self._nested(lambda: self._expression(5) if token in _BOUNDS else self._unary())
            return Unary(token, operand)
        return self._suffixes(self._primary())

    def _suffixes(self, value: Any) -> Any:
        while True:
            if self._take("."):
                kind, token = self._next()
                if kind not in ("name", "string"):
                    self._fail()
                value = Select(value, token if kind == "name" else _unquoted(token))
            elif self._take("["):
                value = Select(value, self._expression(0))
                if not self._take("]"):
                    raise Unsupported("slices")
            elif self._take("("):
                value = Call(value, tuple(self._list(")")))
            else:
                return value

    def _primary(self) -> Any:
        kind, token = self._next()
        if kind == "number":
            return Literal(_number(token))
        if kind in ("string", "long"):
            return Literal(_unquoted(token))
        if kind == "name":
            if token in ("true", "false", "null"):
                return Literal({"true": True, "false": False, "null": None}[token])
            return Name(token)
        if token == "(":
            value = self._nested(lambda: self._expression(0))
            if not self._take(")"):
                self._fail()
            return value
        if token == "{":
            return self._nested(lambda: self.fields("}"))
        if token == "[":
            return self._nested(self._items)
        self._at -= 1
        return self._fail()

    def _items(self) -> Items:
        found: list[Any] = []
        rest: Any = None
        self._commas()
        while not self._take("]"):
            if self._is("for") or self._is("if"):
                raise Unsupported("loops in lists")
            if self._take("..."):
                rest = Name("_") if self._is("]") or self._is(",") else self._expression(0)
            else:
                found.append(self._expression(0))
            if not self._is("]") and not self._take(","):
                self._fail()
            self._commas()
        return Items(tuple(found), rest)

    def _list(self, end: str) -> list[Any]:
        found = []
        self._commas()
        while not self._take(end):
            found.append(self._nested(lambda: self._expression(0)))
            if not self._is(end) and not self._take(","):
                self._fail()
            self._commas()
        return found

    def _nested(self, read: Any) -> Any:
        self._depth += 1
        if self._depth > _DEPTH * len(_BINARY):
            raise Unsupported("it nests too deep")
        value = read()
        self._depth -= 1
        return value

    def _string(self) -> str:
        kind, token = self._next()
        if kind != "string":
            self._at -= 1
            self._fail()
        return _unquoted(token)

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        if token[0] == "end":
            raise Malformed("it ends too early")
        self._at += 1
        return token

    def _is(self, token: str) -> bool:
        kind, found = self._tokens[self._at]
        return found == token and kind in ("mark", "name")

    def _take(self, token: str) -> bool:
        if self._is(token):
            self._at += 1
            return True
        return False

    def _commas(self) -> None:
        while self._take(","):
            pass

    def _fail(self) -> NoReturn:
        raise Malformed(f"unexpected {self._tokens[self._at][1][:40]!r}")


def _unquoted(token: str) -> str:
    body = token[1:-1]
    if token.startswith('"""'):
        lines = token.split("\n")
        indent = lines[-1][:-3]
        if any(line and not line.startswith(indent) for line in lines[1:-1]):
            raise Malformed("a line of a text is not indented as its end is")
        body = "\n".join(line[len(indent) :] for line in lines[1:-1])
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _escape, body, flags=re.DOTALL)


def _escape(match: re.Match[str]) -> str:
    if match[1][0] == "(":
        raise Unsupported("interpolation")
    if match[1][0] == "u" and len(match[1]) == 5:
        return chr(int(match[1][1:], 16))
    if match[1] not in _ESCAPES:
        raise Unsupported(f"the escape {match[0]!r}")
    return _ESCAPES[match[1]]


def _number(token: str) -> int | float:
    plain = token.replace("_", "")
    if plain.lower().startswith("0x"):
        return int(plain, 16)
    if plain.isdigit():
        if len(plain) > 1 and plain.startswith("0"):
            raise Malformed("a number begins with 0")
        return int(plain[:400])
    return float(plain)
