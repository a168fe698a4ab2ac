"""Read objects of other programs strictly: every member that is unknown or of the wrong kind is told, with its path."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.wire import strict_yaml

_TOLD: Final = 20
_KINDS: Final = {bool: "boolean", str: "string", int: "integer", dict: "object", list: "array"}


@dataclass(frozen=True, slots=True)
class Form:
    """One mapping, its path (``spec.authorities[0]``), and the list into which problems go."""

    members: Mapping[str, Any]
    path: str
    problems: list[str]

    def place(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def say(self, problem: str) -> None:
        """Note a problem."""
        self.problems.append(problem)

    def only(self, *known: str) -> Form:
        """Itself; a member of another name is a problem."""
        for name in self.members:
            if name not in known:
                self.say(f'unknown field "{self.place(name)[:200]}"')
        return self

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self.members.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A text; ``default`` where it is missing."""
        return str(self._of(name, str, default))

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false; ``default`` where it is missing."""
        return bool(self._of(name, bool, default))

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number; ``default`` where it is missing."""
        found = self._of(name, int, default)
        return None if found is None else int(found)

    def items(self, name: str) -> list[Any]:
        """A list; empty where it is missing."""
        return list(self._of(name, list, []))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty where it is missing."""
        found = self.items(name)
        for index, one in enumerate(found):
            if not isinstance(one, str):
                self.say(f"{self.place(name)}[{index}]: Invalid value: must be of type string")
        return tuple(one for one in found if isinstance(one, str))

    def form(self, name: str) -> Form | None:
        """A mapping below; None where it is missing."""
        if not self.has(name):
            return None
        return Form(self._of(name, dict, {}), self.place(name), self.problems)

    def forms(self, name: str) -> Iterator[Form]:
        """The mappings of a list."""
        for index, one in enumerate(self.items(name)):
            place = f"{self.place(name)}[{index}]"
            if isinstance(one, dict):
                yield Form(one, place, self.problems)
            else:
                self.say(f"{place}: Invalid value: must be of type object")

    def _of(self, name: str, kind: type, default: Any) -> Any:
        value = self.members.get(name)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.say(f"{self.place(name)}: Invalid value: must be of type {_KINDS[kind]}")
            return default
        return value


def objects(documents: Sequence[bytes], problems: list[str]) -> list[Form]:
    """Every object of some YAML streams; what is no object is a problem.

    Raises:
        FormatError: of the YAML (see `strict_yaml.documents`).
    """
    found = [one for data in documents for one in strict_yaml.loads_all(data, name="policy") if one is not None]
    if not all(isinstance(one, dict) for one in found):
        problems.append("a document is no object")
    return [Form(one, "", problems) for one in found if isinstance(one, dict)]


def name_of(form: Form) -> str:
    """The name of a Kubernetes object."""
    metadata = form.form("metadata")
    return metadata.text("name") if metadata else ""


def texts_of(form: Form, name: str) -> dict[str, str]:
    """A mapping of texts; empty where it is missing."""
    below = form.form(name)
    return {} if below is None else {one: below.text(one) for one in below.members}


def secret_texts(form: Form) -> dict[str, str]:
    """What a Secret holds, decoded."""
    found = {}
    for name, value in texts_of(form, "data").items():
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            form.say(f"data.{name}: Invalid value: must be base64")
    return {**found, **texts_of(form, "stringData")}


def check_selector(form: Form, name: str) -> None:
    """A label selector of Kubernetes, its members of the right kinds."""
    selector = form.form(name)
    if selector is not None:
        texts_of(selector, "matchLabels")
        for expression in selector.forms("matchExpressions"):
            expression.text("key")
            expression.text("operator")
            expression.texts("values")


def refuse(problems: list[str], what: str, fix: str) -> None:
    """Raise where there is a problem.

    Raises:
        FormatError: ``engine-policy``.
    """
    if problems:
        told = "; ".join(problem[:300] for problem in dict.fromkeys(problems[:_TOLD]))
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        raise FormatError(code="engine-policy", what=what[:200], why=told + more, fix=fix)
