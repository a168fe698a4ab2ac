"""Statements that are signed well and say nothing usable: each refused with its code, by the command line."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.flows.main_line import run
from tests.sandboxes import sandbox

from sigstep.errors import Undecided
from sigstep.model.digest import Digest
from sigstep.model.statement import PAYLOAD_TYPE
from sigstep.sandbox.local import Sandbox
from sigstep.services.rego import Rego
from sigstep.wire.dsse import pae

__all__ = ["sandbox"]
KEY = ec.generate_private_key(ec.SECP256R1())
DIGEST = Digest.of(b"app").hex
SUBJECT = {"name": "app", "digest": {"sha256": DIGEST}}
POLICY = """schema: sigstep/policy/v1
signers: {ops: {key: ./key.pub}}
rules:
- {name: r, blobs: ["**"], attestations: [{any-of: [ops], ROW}]}
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The artifact, and the key that signs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").write_bytes(b"app")
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(KEY.public_key().public_bytes(*form))
    return tmp_path


def signed(folder: Path, kind: str, predicate: Any, subjects: list[Any]) -> str:
    """An envelope that the key signed."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": kind,
        "predicate": predicate,
    }
    payload = json.dumps(statement).encode()
    signature = KEY.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(hashes.SHA256()))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    (folder / "app.intoto.json").write_text(json.dumps(envelope))
    return str(folder / "app.intoto.json")


@pytest.mark.parametrize(
    ("subjects", "code"),
    [
        ([], "statement-no-subject"),
        ([{"name": "app", "digest": {"gce_image_id": "8970095005306000053"}}], "subject-mismatch"),
        ([{"name": "app", "digest": {"sha1": "00", "md5": "00"}}], "subject-mismatch"),
        ([{"name": "app", "digest": {}}], "json-member-missing"),
        ([SUBJECT], ""),
    ],
)
def test_subjects(sandbox: Sandbox, desk: Path, subjects: list[Any], code: str) -> None:
    """No subject, and digests that identify no artifact."""
    bundle = signed(desk, "https://own.example/v1", {}, subjects)
    result = run(sandbox, "verify", "app", "--offline", "--key", "key.pub", "--bundle", bundle)
    assert (result.exception, result.return_value) == (None, 1 if code else 0), result.output
    assert code in result.output


@pytest.mark.parametrize(
    ("kind", "predicate", "row", "code"),
    [
        ("https://slsa.dev/provenance/v1", {}, "type: provenance, provenance: {}", "predicate-malformed"),
        ("https://cyclonedx.org/bom", {"bomFormat": "SPDX"}, "type: sbom, sbom: {}", "predicate-malformed"),
        ("https://cyclonedx.org/bom", None, "type: sbom, sbom: {}", "predicate-malformed"),
        (
            "https://cyclonedx.org/bom",
            {
                "bomFormat": "CycloneDX",
                "specVersion": "1.6",
                "metadata": {"component": {"version": "sha256:" + "0" * 64}},
            },
            "type: sbom, sbom: {of-subject: true}",
            "sbom-subject-mismatch",
        ),
        ("https://own.example/v1", {"a": 1}, "type: 'https://own.example/v1', cel: predicate.a", "expression-failed"),
        ("https://own.example/v1", {"a": 1}, "type: 'https://own.example/v1', cel: predicate.a == 1", ""),
    ],
)
def test_contents(sandbox: Sandbox, desk: Path, kind: str, predicate: Any, row: str, code: str) -> None:
    """A predicate that is not what its type says, an SBOM about something else, CEL that gives no bool."""
    bundle = signed(desk, kind, predicate, [SUBJECT])
    (desk / "policy.yml").write_text(POLICY.replace("ROW", row))
    result = run(sandbox, "verify", "app", "--policy", "policy.yml", "--bundle", bundle)
    assert (result.exception, result.return_value) == (None, 1 if code else 0), result.output
    assert code in result.output


def test_without_an_evaluator_nothing_is_decided(sandbox: Sandbox, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rego where there is none: exit status 4."""

    def none(*_: Any, **__: Any) -> Any:
        raise Undecided(code="rego-unavailable", what="no usable evaluator of Rego is installed")

    monkeypatch.setattr(Rego, "evaluate", none)
    bundle = signed(desk, "https://own.example/v1", {}, [SUBJECT])
    (desk / "policy.yml").write_text(POLICY.replace("ROW", "type: 'https://own.example/v1', rego: 'package sigstep'"))
    result = run(sandbox, "verify", "app", "--policy", "policy.yml", "--bundle", bundle)
    assert (result.exception, result.return_value) == (None, 4), result.output
    assert "rego-unavailable" in result.output
