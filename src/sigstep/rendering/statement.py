"""Statements for people, as JSON and as a Mermaid diagram."""

from __future__ import annotations

import json
from typing import Any

from sigstep.model.statement import Statement
from sigstep.predicates import registry
from sigstep.rendering.text import plain

_SHOWN = 20


def statement_text(statement: Statement) -> str:
    """The statement as a short story: its type, its subjects, and what its predicate says.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    lines = [f"statement of type {plain(statement.predicate_type)}"]
    for subject in statement.subjects[:_SHOWN]:
        digests = ", ".join(f"{plain(name)}:{plain(value)}" for name, value in subject.digests.items())
        lines.append(f"  about {plain(subject.name or subject.uri or 'an unnamed subject')} ({digests})")
    if len(statement.subjects) > _SHOWN:
        lines.append(f"  and {len(statement.subjects) - _SHOWN} more")
    lines += [f"  {plain(line)}" for line in _story(statement)]
    return "\n".join(lines)


def statement_json(statement: Statement) -> str:
    """The statement and its story as one JSON object."""
    document: dict[str, Any] = {
        "predicateType": statement.predicate_type,
        "subject": [{"name": one.name, "digest": dict(one.digests)} for one in statement.subjects],
        "says": list(_story(statement)),
        "predicate": statement.predicate,
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def statement_mermaid(statement: Statement) -> str:
    """The statement as a Mermaid flow chart: what the predicate says points at each subject."""
    lines = ["flowchart LR", f'  p["{_label(statement.predicate_type)}"]']
    lines += [f'  p --- s{at}["{_label(line)}"]' for at, line in enumerate(_story(statement)[:_SHOWN])]
    for at, subject in enumerate(statement.subjects[:_SHOWN]):
        lines.append(f'  p --> a{at}["{_label(subject.name or subject.uri or "unnamed")}"]')
    return "\n".join(lines)


def _story(statement: Statement) -> tuple[str, ...]:
    kind = registry.kind_of(statement.predicate_type)
    predicate = statement.predicate or {}
    if kind is None:
        return (f"a type unknown to sigstep, with {len(predicate)} members",)
    kind.check(statement.predicate_type, predicate)
    return kind.describe(statement.predicate_type, predicate)


def _label(text: str) -> str:
    """Text inside a quoted Mermaid label: everything but letters, digits and a few marks becomes an entity code."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in " ./:@-_=+,") else f"#{ord(char)};" for char in text
    )
