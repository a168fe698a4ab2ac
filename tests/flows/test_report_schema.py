"""The JSON of `sigstep verify` is of the form that its JSON Schema and the reference describe."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.flows.desk import Desk, Json, signer
from tests.flows.signing_oracle import oracle_bundle

from sigstep.sandbox.local import Sandbox

SCHEMA: Json = json.loads((resources.files("sigstep.rendering") / "report.schema.json").read_text())
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "report.md"
POLICY = """
schema: sigstep/policy/v1
signers: {release: {issuer: "https://token.actions.githubusercontent.com", subject: {glob: "**"}}}
rules: [{name: all, blobs: ["**"], signature: {any-of: [release]}}]
"""


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Desk:
    """An artifact with a signature and an attestation."""
    desk = Desk(tmp_path, sandbox)
    for kind, statement in (("", False), (".provenance", True)):
        desk.bundle(f"{kind}.sigstore.json", oracle_bundle(sandbox, rekor=1, statement=statement))
    return desk


def report(desk: Desk, *options: object) -> Json:
    """The report, held against the schema."""
    _, output = desk.run("--format", "json", *options)
    document: Json = json.loads(output)
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    return document


def test_accepted(desk: Desk) -> None:
    """Every proof with its identity, log, times and statement."""
    found = report(desk, *signer(desk.sandbox), desk.artifact)
    assert found["exitCode"] == 0
    types = [one["verified"]["predicateType"] for one in found["verdicts"][0]["examinations"]]
    assert sorted(types, key=str) == [None, "https://slsa.dev/provenance/v1"]


def test_a_weaker_verification_says_so(desk: Desk) -> None:
    """Thresholds below the default are in the report, whoever reads it; the default, or more, is not lowered."""

    def lowered(*options: str) -> list[Json]:
        found = report(desk, *options, *signer(desk.sandbox), desk.artifact)["verdicts"][0]["examinations"]
        assert len({json.dumps(one["verified"]["lowered"]) for one in found}) == 1
        members: list[Json] = found[0]["verified"]["lowered"]
        return members

    assert lowered() == lowered("--min-entries", "1", "--min-scts", "1", "--min-times", "1") == []
    assert lowered("--min-entries", "0", "--min-scts", "0") == [
        {"evidence": "entries", "asked": 0, "default": 1},
        {"evidence": "scts", "asked": 0, "default": 1},
    ]


def test_any_signer_says_so(desk: Desk) -> None:
    """With its reason, in every form; otherwise nothing is said of it."""
    unsafe = ("--trusted-root", str(desk.sandbox.trusted_root_file), "--any-signer-unsafe", "a <b>rehearsal</b>")
    assert report(desk, *unsafe, desk.artifact)["anySignerUnsafe"] == "a <b>rehearsal</b>"
    assert "whoever signed was taken (a <b>rehearsal</b>)" in desk.run(*unsafe, desk.artifact)[1]
    html = desk.run(*unsafe, desk.artifact, "--format", "html")[1]
    assert "whoever signed was taken (a &lt;b&gt;rehearsal" in html
    assert "whoever signed was taken" in desk.run(*unsafe, desk.artifact, "--format", "markdown")[1]
    assert "anySignerUnsafe" not in report(desk, *signer(desk.sandbox), desk.artifact)


def test_refused_with_the_nearest_identity(desk: Desk) -> None:
    """A signer that was proved and not wanted is told with the demand that it would have met."""
    finding = report(desk, "--repo", "other/repo", desk.artifact)["verdicts"][0]["findings"][0]
    nearest = finding["details"]["nearest"]
    assert finding["code"] == "identity-mismatch"
    options = ["--identity", nearest["subject"], "--issuer", nearest["issuer"]]
    for name, value in nearest["extensions"].items():
        options += ["--extension", f"{name}={value}"]
    assert report(desk, *options, desk.artifact)["exitCode"] == 0


def test_every_other_outcome(desk: Desk) -> None:
    """No bundle; bytes that are no bundle; a policy file."""
    none = report(desk, "--any-signer-unsafe", "test", desk.file("none", b"x"))
    assert none["verdicts"][0]["findings"][0]["code"] == "no-bundle"
    desk.bundle(".sigstore.json", "{}")
    assert report(desk, *signer(desk.sandbox), desk.artifact)["exitCode"] == 0
    judged = report(desk, "--policy", desk.file("policy.yml", POLICY), desk.artifact)
    assert judged["policyDigest"].startswith("sha256:")


def members(schema: Any) -> set[str]:
    """Names of all members in the schema."""
    if isinstance(schema, list):
        return set().union(*(members(one) for one in schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    named = set(schema.get("properties", ())) if isinstance(schema.get("properties"), dict) else set()
    return named.union(*(members(one) for one in schema.values()))


def test_the_reference_names_every_member() -> None:
    """docs/reference/report.md."""
    words = set(re.findall(r"[A-Za-z]+", PAGE.read_text()))
    assert members(SCHEMA) <= words
