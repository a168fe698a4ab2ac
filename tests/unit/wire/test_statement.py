"""in-toto statements: what is read, and what is refused with its code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.refusals import code_of

from sigstep.wire.statement import encode_statement, is_statement_type, parse_statement

SUBJECT = {"name": "a", "digest": {"sha256": "AB"}}
GOOD: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [SUBJECT],
    "predicateType": "https://own.example/v1",
    "predicate": {"a": 1},
}


def parsed(**changed: Any) -> Any:
    """The statement with other members; None takes one out."""
    document = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return parse_statement(json.dumps(document).encode())


def test_read() -> None:
    """Digests become lower case; unknown members are ignored; a text predicate is what cosign 2 wrote."""
    assert parsed(unknown=1).subjects[0].digests == {"sha256": "ab"}
    assert parsed(predicate=None).predicate is None
    assert parsed(predicate="text").predicate == {"Data": "text"}
    full = {**SUBJECT, "uri": "u", "annotations": {"x": "y"}}
    again = parse_statement(encode_statement(parsed(subject=[full])))
    assert (again.subjects[0].uri, again.subjects[0].annotations) == ("u", {"x": "y"})
    assert encode_statement(parsed(predicate=None, subject=[{"digest": {"sha256": "ab"}}])).endswith(
        b'own.example/v1"}'
    )


def test_an_empty_predicate_type() -> None:
    """Real provenance has it; a rule that asks for a type never takes it."""
    assert parsed(predicateType="").predicate_type == ""


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"_type": "other"}, "statement-malformed"),
        ({"predicateType": None}, "statement-malformed"),
        ({"predicate": [1]}, "statement-malformed"),
        ({"subject": None}, "statement-no-subject"),
        ({"subject": []}, "statement-no-subject"),
        ({"subject": [{"name": "a"}]}, "json-member-type"),
        ({"subject": [{"digest": {}}]}, "json-member-missing"),
        ({"subject": [{"digest": {"sha256": 1}}]}, "json-member-type"),
        ({"subject": [{**SUBJECT, "name": 1}]}, "json-member-type"),
        ({"subject": [{"digest": {str(at): "00" for at in range(33)}}]}, "statement-malformed"),
        ({"subject": [SUBJECT] * 100_001}, "statement-malformed"),
    ],
)
def test_refused(changed: dict[str, Any], code: str) -> None:
    """Issue 6, bad input."""
    assert code_of(lambda: parsed(**changed)) == code


@pytest.mark.parametrize(
    ("kind", "good"),
    [("application/vnd.in-toto+json", True), ("application/vnd.in-toto.x+json", True), ("application/json", False)],
)
def test_payload_types(kind: str, good: bool) -> None:
    """in-toto's envelope specification."""
    assert is_statement_type(kind) is good
