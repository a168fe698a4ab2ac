"""Statements for people: what a predicate says as a short story, and as a Mermaid diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sigstep.errors import SigstepError
from sigstep.model.statement import Statement
from sigstep.policy.results import scan_of
from sigstep.predicates import registry, vulnerability

SHOWN: Final = 20


def story(statement: Statement) -> tuple[str, ...]:
    """What the predicate says, in lines (unescaped); a predicate that is not what its type says is told as such."""
    uri, predicate = statement.predicate_type, statement.predicate or {}
    kind = registry.kind_of(uri)
    if kind is None:
        return (f"a type unknown to sigstep, with {len(predicate)} members",)
    try:
        kind.check(uri, predicate)
        lines = kind.describe(uri, predicate)
    except SigstepError as error:
        return (f"not readable: {error.why or error.what} [{error.code}]",)
    return (*lines, *_reported(dict(predicate))) if uri == vulnerability.COSIGN else lines


def _reported(predicate: dict[str, Any]) -> tuple[str, ...]:
    """The findings in a scanner's own report."""
    try:
        return vulnerability.findings(scan_of(vulnerability.COSIGN, predicate))
    except SigstepError as error:
        return (f"findings not readable: {error.why or error.what} [{error.code}]",)


def statements_mermaid(statements: Sequence[tuple[str, Statement]]) -> str:
    """A Mermaid flow chart: each signer points at its predicate with what it says, and that at each subject.

    Args:
        statements: each with its signer, as claimed.
    """
    lines = ["flowchart LR"]
    for number, (signer, statement) in enumerate(statements):
        name = f"p{number}"
        lines += [f'  i{number}(["{_label(signer)}"]) -->|claims to sign| {name}["{_label(statement.predicate_type)}"]']
        lines += [f'  {name} --- {name}s{at}["{_label(line)}"]' for at, line in enumerate(story(statement)[:SHOWN])]
        for at, subject in enumerate(statement.subjects[:SHOWN]):
            lines.append(f'  {name} -->|about| {name}a{at}["{_label(subject.name or subject.uri or "unnamed")}"]')
    return "\n".join(lines)


def _label(text: str) -> str:
    """Text inside a quoted Mermaid label: everything but letters, digits and a few marks becomes an entity code."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in " ./:@-_=+,") else f"#{ord(char)};" for char in text
    )
