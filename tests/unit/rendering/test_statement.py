"""Statements for people: text, JSON and Mermaid, all escaped."""

from __future__ import annotations

import json

import pytest

from sigstep.errors import FormatError
from sigstep.model.statement import STATEMENT_V1, Statement, StatementSubject
from sigstep.rendering.statement import statement_json, statement_mermaid, statement_text


def statement(uri: str, predicate: dict[str, object], subjects: int = 1) -> Statement:
    """A statement about files with hostile names."""
    return Statement(
        type=STATEMENT_V1,
        subjects=tuple(
            StatementSubject(name=f'a"]\x1b[31m{at}', digests={"sha256": "00"}, annotations={})
            for at in range(subjects)
        ),
        predicate_type=uri,
        predicate=predicate,
    )


def test_story() -> None:
    """A release is told, and control characters of a name do not reach the terminal."""
    shown = statement_text(statement("https://in-toto.io/attestation/release/v0.1", {"purl": "pkg:generic/a@1"}, 22))
    assert "release of pkg:generic/a@1" in shown
    assert "and 2 more" in shown
    assert "\x1b" not in shown


def test_json_and_mermaid() -> None:
    """A type unknown to sigstep is told by its size; a label cannot leave its quotes."""
    own = statement("https://own.example/v1", {"a": 1})
    assert json.loads(statement_json(own))["says"] == ["a type unknown to sigstep, with 1 members"]
    drawn = statement_mermaid(own)
    assert drawn.startswith("flowchart LR")
    assert 'a0["a#34;#93;' in drawn
    assert "\x1b" not in drawn


def test_a_predicate_of_another_type_is_refused() -> None:
    """What the URI says and what the predicate is have to agree before anything is told."""
    with pytest.raises(FormatError) as refused:
        statement_text(statement("https://slsa.dev/provenance/v1", {}))
    assert refused.value.code == "predicate-malformed"
