"""Statements for people: a story and Mermaid, escaped."""

from __future__ import annotations

import pytest

from sigstep.model.statement import STATEMENT_V1, Statement, StatementSubject
from sigstep.rendering.statement import statements_mermaid, story

GRYPE = {
    "matches": [
        {"vulnerability": {"id": "CVE-2", "severity": "Low"}, "artifact": {"name": "q", "version": "2"}},
        {"vulnerability": {"id": "CVE-1", "severity": "High"}, "artifact": {"name": "p", "version": "1"}},
    ],
    "descriptor": {"version": "1"},
}


def statement(uri: str, predicate: dict[str, object]) -> Statement:
    """A statement about a file with a hostile name."""
    subject = StatementSubject(name='a"]\x1b[31m', digests={"sha256": "00"}, annotations={})
    return Statement(type=STATEMENT_V1, subjects=(subject,), predicate_type=uri, predicate=predicate)


@pytest.mark.parametrize(
    ("uri", "predicate", "line"),
    [
        ("https://in-toto.io/attestation/release/v0.1", {"purl": "pkg:generic/a@1"}, "release of pkg:generic/a@1"),
        ("https://own.example/v1", {"a": 1}, "a type unknown to sigstep, with 1 members"),
        (
            "https://cosign.sigstore.dev/attestation/vuln/v1",
            {
                "scanner": {"uri": "s", "result": GRYPE},
                "metadata": {"scanStartedOn": "t", "scanFinishedOn": "t"},
            },
            "high      CVE-1 p 1",
        ),
        (
            "https://cosign.sigstore.dev/attestation/vuln/v1",
            {"scanner": {"uri": "s", "result": {}}, "metadata": {"scanStartedOn": "t", "scanFinishedOn": "t"}},
            "findings not readable: the scanner's report is of no known kind [predicate-malformed]",
        ),
        (
            "https://slsa.dev/provenance/v1",
            {},
            "not readable: buildDefinition.externalParameters is missing [predicate-malformed]",
        ),
    ],
)
def test_story(uri: str, predicate: dict[str, object], line: str) -> None:
    """Provenance as a story, findings as a table, what cannot be read as such."""
    assert line in story(statement(uri, predicate))


def test_mermaid() -> None:
    """A label cannot leave its quotes."""
    drawn = statements_mermaid([("signer", statement("https://own.example/v1", {"a": 1}))])
    assert drawn.startswith("flowchart LR")
    assert 'p0a0["a#34;#93;' in drawn
    assert "\x1b" not in drawn
