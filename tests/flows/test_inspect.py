"""`sigstep inspect` of statements of every kind, for people, as JSON and as a diagram."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.flows.main_line import refused, run
from tests.flows.test_attestations import ALL, files
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox

__all__ = ["files", "sandbox"]
SAID = [
    "built by https://github.com/acme/app/.github/workflows/release.yml",
    "from git+https://github.com/acme/app@refs/heads/main",
    "1 components, 0 with a licence",
    "0 packages, 0 with a licence",
    "0 findings",
    "tests PASSED: 1 passed, 0 skipped or warned, 0 failed",
    "VEX of a",
]


def test_every_kind(sandbox: Sandbox, files: Path) -> None:
    """Provenance as a story, SBOMs as counts, findings as a table; nothing is called verified."""
    assert run(sandbox, "attest", "app.whl", *ALL, "--bundle", "all.sigstore.jsonl").return_value == 0
    text = run(sandbox, "inspect", "all.sigstore.jsonl").output
    assert text.startswith("Claims only: nothing of this has been verified.")
    for line in SAID:
        assert line in text
    document = json.loads(run(sandbox, "inspect", "all.sigstore.jsonl", "--format", "json").output)
    assert document["verified"] is False
    assert [one["content"]["says"] != [] for one in document["bundles"]] == [True] * 6
    assert document["bundles"][0]["content"]["predicate"]["buildDefinition"]
    drawn = run(sandbox, "inspect", "all.sigstore.jsonl", "--format", "mermaid").output
    assert drawn.startswith("flowchart LR")
    assert drawn.count("claims to sign") == 6
    assert 'p5a0["app.whl"]' in drawn


def test_a_statement_without_a_signature(sandbox: Sandbox, files: Path) -> None:
    """Somebody is about to sign it."""
    subject = {"name": "a", "digest": {"sha256": "00"}}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": "https://own.example/v1",
    }
    (files / "statement.json").write_text(json.dumps({**statement, "predicate": {}}))
    assert "a type unknown to sigstep" in run(sandbox, "inspect", "statement.json").output
    assert 'i0(["nobody"])' in run(sandbox, "inspect", "statement.json", "--format", "mermaid").output


@pytest.mark.parametrize(("content", "code"), [("{}", "bundle-version"), ('{"_type": "x"}', "bundle-version")])
def test_neither(sandbox: Sandbox, files: Path, content: str, code: str) -> None:
    """The refusal is that of a bundle."""
    (files / "x.json").write_text(content)
    assert refused(run(sandbox, "inspect", "x.json"))[0] == code


def test_a_signature_has_no_diagram(sandbox: Sandbox, files: Path) -> None:
    """Nothing is drawn for a signature over a file."""
    assert run(sandbox, "sign", "app.whl").return_value == 0
    assert run(sandbox, "inspect", "app.whl.sigstore.json", "--format", "mermaid").output == "flowchart LR\n"
