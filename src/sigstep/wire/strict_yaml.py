"""YAML as strangers write it: bounded after alias expansion, no repeated keys, no tags, every value with its line.

Scalars are read by the core schema of YAML 1.2 (10.3.2): only ``true`` and ``false`` are booleans, dates stay text.
Keys are always text as written, so that ``on:`` and ``1:`` are ``"on"`` and ``"1"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits

_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_CONSTANTS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS: Final = frozenset({f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq")} | {"!"})
_MERGE: Final = "<<"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value with the line (from 1) on which it begins.

    ``value`` is None, a bool, int, float or str, a tuple of nodes, or a mapping of text to nodes.
    ``size`` counts the nodes below it and itself with aliases expanded; ``height`` its levels.
    """

    value: Any
    line: int
    size: int = 1
    height: int = 1


def documents(
    data: bytes, *, at_most: int = limits.POLICY_BYTES, name: str = "document", nodes: int = limits.YAML_NODES
) -> tuple[Node, ...]:
    """Every document of a YAML stream, with lines.

    Args:
        data: the whole stream, UTF-8.
        at_most: bytes at most.
        name: what the stream is, for the message.
        nodes: values at most, aliases expanded.

    Raises:
        FormatError: ``yaml-too-large``, ``yaml-malformed``, ``yaml-duplicate-key``, ``yaml-too-deep``, ``yaml-tag``.
    """
    import yaml

    if len(data) > at_most:
        raise _error(name, code="yaml-too-large", why=f"it has {len(data)} bytes; at most {at_most} are read")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        events = iter(yaml.parse(data.decode("utf-8-sig"), Loader=loader))
        return _Composer(name, events, yaml, nodes).stream()
    except UnicodeDecodeError:
        raise _error(name, code="yaml-malformed", why="it is not UTF-8") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
        why = f"line {mark.line + 1}: {problem}" if problem and mark else " ".join(str(error).split())[:200]
        # libyaml 0.2.6 has a bound of its own, 1,000, which its look-ahead meets before `_Composer` sees an event
        deep = isinstance(error, RecursionError) or problem == "exceeded maximum nesting depth"
        code = "yaml-too-deep" if deep else "yaml-malformed"
        raise _error(name, code=code, why=why) from None


def loads_all(data: bytes, *, at_most: int = limits.POLICY_BYTES, name: str = "document") -> tuple[Any, ...]:
    """Every document of a YAML stream as plain dicts, lists and scalars.

    Raises:
        FormatError: see `documents`.
    """
    return tuple(plain(node) for node in documents(data, at_most=at_most, name=name))


def loads(data: bytes, *, at_most: int = limits.POLICY_BYTES, name: str = "document") -> Any:
    """The only document of a YAML stream as plain dicts, lists and scalars.

    Raises:
        FormatError: see `documents`; ``yaml-malformed`` when there is none, or more than one.
    """
    found = documents(data, at_most=at_most, name=name)
    if len(found) != 1:
        raise _error(name, code="yaml-malformed", why=f"it has {len(found)} documents where one is expected")
    return plain(found[0])


def plain(node: Node) -> Any:
    """A node as plain dicts, lists and scalars, without lines."""
    if isinstance(node.value, Mapping):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    return node.value


class _Composer:
    def __init__(self, name: str, events: Iterator[Any], yaml: Any, at_most: int) -> None:
        self._name = name
        self._at_most = at_most
        self._events = events
        self._yaml = yaml
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def stream(self) -> tuple[Node, ...]:
        found = []
        for event in self._events:
            if isinstance(event, self._yaml.DocumentStartEvent):
                self._anchors = {}
                found.append(self._node(next(self._events), 1))
        return tuple(found)

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event, depth)
        if depth > limits.YAML_DEPTH:
            raise self._refuse(code="yaml-too-deep", event=event, why=f"it nests deeper than {limits.YAML_DEPTH}")
        self._count(1, event)
        line = event.start_mark.line + 1
        if isinstance(event, self._yaml.ScalarEvent):
            node = Node(value=self._scalar(event), line=line)
        elif event.tag not in _PLAIN_TAGS and event.tag is not None:
            raise self._refuse(code="yaml-tag", event=event, why=f"the tag {event.tag[:80]!r} is not understood")
        elif isinstance(event, self._yaml.SequenceStartEvent):
            node = self._sequence(line, depth)
        else:
            node = self._mapping(line, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, depth: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise self._refuse(code="yaml-malformed", event=event, why="an alias names nothing that is complete")
        if depth + node.height - 1 > limits.YAML_DEPTH:
            raise self._refuse(code="yaml-too-deep", event=event, why=f"it nests deeper than {limits.YAML_DEPTH}")
        self._count(node.size, event)
        return node

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > self._at_most:
            why = f"with aliases expanded it has more than {self._at_most} values"
            raise self._refuse(code="yaml-too-large", event=event, why=why)

    def _sequence(self, line: int, depth: int) -> Node:
        children = []
        while not isinstance(event := next(self._events), self._yaml.SequenceEndEvent):
            children.append(self._node(event, depth + 1))
        return _parent(tuple(children), children, line)

    def _mapping(self, line: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), self._yaml.MappingEndEvent):
            if not isinstance(event, self._yaml.ScalarEvent):
                raise self._refuse(code="yaml-malformed", event=event, why="a key is not plain text")
            self._count(1, event)
            key = event.value
            child = self._node(next(self._events), depth + 1)
            if key == _MERGE and not event.style:
                merged += self._merged(child, event)
                continue
            if key in members:
                raise self._refuse(code="yaml-duplicate-key", event=event, why=f"the key {key[:80]!r} is there twice")
            members[key] = child
        for one in merged:
            for key, child in one.value.items():
                members.setdefault(key, child)
        return _parent(MappingProxyType(members), list(members.values()), line, keys=len(members))

    def _merged(self, node: Node, event: Any) -> list[Node]:
        found = list(node.value) if isinstance(node.value, tuple) else [node]
        if not all(isinstance(one.value, Mapping) for one in found):
            raise self._refuse(code="yaml-malformed", event=event, why="only mappings can be merged with <<")
        return found

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag is not None:
            if event.tag in _PLAIN_TAGS:
                return text
            raise self._refuse(code="yaml-tag", event=event, why=f"the tag {event.tag[:80]!r} is not understood")
        if event.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        return _number(text)

    def _refuse(self, *, code: str, event: Any, why: str) -> FormatError:
        return _error(self._name, code=code, why=f"line {event.start_mark.line + 1}: {why}")


def _parent(value: Any, children: list[Node], line: int, keys: int = 0) -> Node:
    size = 1 + keys + sum(child.size for child in children)
    height = 1 + max((child.height for child in children), default=0)
    return Node(value=value, line=line, size=size, height=height)


def _number(text: str) -> Any:
    if len(text) > 400:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _error(name: str, *, code: str, why: str) -> FormatError:
    return FormatError(code=code, what=f"{name} is not acceptable YAML", why=why, fix="correct it, and try again")
