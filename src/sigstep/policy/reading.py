"""Read sections of the policy file strictly: known members only, right kinds, every refusal with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from typing import Any

from sigstep.errors import FormatError
from sigstep.policy.matcher import Matcher
from sigstep.wire.strict_yaml import Node


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of the file and where it stands, for messages."""

    members: Mapping[str, Node]
    place: str
    line: int

    def only(self, *known: str) -> Section:
        """Itself, when it has no other members.

        Raises:
            FormatError: ``policy-malformed``.
        """
        for name, node in self.members.items():
            if name not in known:
                raise malformed(f"{self.place} has no member {name[:80]!r}", node.line, f"it has {', '.join(known)}")
        return self

    def text(self, name: str, default: str | None = None, among: tuple[str, ...] = ()) -> str:
        """A text that is not empty, one of ``among`` where given; ``default`` where it is missing.

        Raises:
            FormatError: ``policy-malformed``.
        """
        node = self.members.get(name)
        if node is None:
            if default is None:
                raise malformed(f"{self.place} has no {name}", self.line, f"add {name}")
            return default
        return text_of(node, f"{self.place}.{name}", among)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty where it is missing.

        Raises:
            FormatError: ``policy-malformed``.
        """
        return tuple(text_of(one, f"{self.place}.{name}") for one in self.items(name))

    def items(self, name: str) -> tuple[Node, ...]:
        """The nodes of a list; empty where it is missing.

        Raises:
            FormatError: ``policy-malformed``, also for a list that is there and empty.
        """
        node = self.members.get(name)
        if node is None:
            return ()
        if not isinstance(node.value, tuple) or not node.value:
            raise malformed(f"{self.place}.{name} is not a list with members", node.line, "write at least one member")
        return node.value

    def section(self, name: str) -> Section | None:
        """A mapping below, or None where it is missing.

        Raises:
            FormatError: ``policy-malformed``.
        """
        node = self.members.get(name)
        return None if node is None else section_of(node, f"{self.place}.{name}")

    def day(self, name: str) -> date | None:
        """A date as RFC 3339 writes it, or None where it is missing.

        Raises:
            FormatError: ``policy-malformed``.
        """
        if name not in self.members:
            return None
        text = self.text(name)
        try:
            if len(text) != len("2027-01-01"):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            line = self.members[name].line
            raise malformed(f"{self.place}.{name} is not a date", line, "write it as 2027-01-31") from None

    def moment(self, name: str, *, last: bool = False) -> datetime | None:
        """A time as RFC 3339 writes it, or a day: its first moment, or the ``last``, UTC. None where it is missing.

        Raises:
            FormatError: ``policy-malformed``.
        """
        if name not in self.members:
            return None
        text = self.text(name)
        if "T" not in text:
            day = self.day(name)
            assert day is not None
            return datetime.combine(day, time.max if last else time.min, timezone.utc)
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            if moment.tzinfo is None:
                raise ValueError
            return moment.astimezone(timezone.utc)
        except (ValueError, OverflowError):
            line = self.members[name].line
            raise malformed(f"{self.place}.{name} is not a time", line, "write it as 2027-01-31T12:00:00Z") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """true or false; ``default`` where it is missing.

        Raises:
            FormatError: ``policy-malformed``.
        """
        node = self.members.get(name)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            raise malformed(f"{self.place}.{name} is not true or false", node.line, "write true or false")
        return node.value


def section_of(node: Node, place: str) -> Section:
    """The node as a mapping.

    Raises:
        FormatError: ``policy-malformed``.
    """
    if not isinstance(node.value, Mapping):
        raise malformed(f"{place} is not a mapping", node.line, "write it as name: value")
    return Section(node.value, place, node.line)


def text_of(node: Node, place: str, among: tuple[str, ...] = ()) -> str:
    """The node as a text that is not empty and has no NUL, which no name of a file can have.

    Raises:
        FormatError: ``policy-malformed``.
    """
    value: Any = node.value
    if not isinstance(value, str) or not value or "\0" in value:
        raise malformed(f"{place} is not a text", node.line, "write a text, in quotes if needed")
    if among and value not in among:
        raise malformed(f"{place} is {value[:80]!r}", node.line, f"write one of {', '.join(among)}")
    return value


def matcher_of(section: Section, name: str) -> Matcher:
    """How a member is compared: a text is exact, ``{glob: …}`` and ``{regex: …}`` match the whole value.

    Raises:
        FormatError: ``policy-malformed``.
        UsageError: ``matcher-*``.
    """
    node = section.members.get(name)
    if node is not None and isinstance(node.value, Mapping):
        inner = section_of(node, f"{section.place}.{name}").only("glob", "regex")
        if len(inner.members) != 1:
            raise malformed(f"{inner.place} has not exactly one form", inner.line, "write glob or regex")
        if "regex" in inner.members:
            return Matcher(inner.text("regex"), "regex")
        return Matcher(inner.text("glob"), "glob")
    return Matcher(section.text(name))


def malformed(what: str, line: int, fix: str) -> FormatError:
    """The error of a policy file that does not say what it has to."""
    return FormatError(code="policy-malformed", what=what, why=f"line {line} of the policy file", fix=fix)
