"""Bundles of the sandbox's forge: whole ones are verified, each with one thing wrong is refused."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.sandboxes import sandbox

from sigstep.cli.verify import command
from sigstep.ports.real import RealClock
from sigstep.sandbox.forge import Edit
from sigstep.sandbox.keys import p256
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

NOW = RealClock().now()
FORMS: dict[str, dict[str, Any]] = {
    "message-v1": {"log_version": 1},
    "message-v2": {"log_version": 2},
    "envelope-v1": {"log_version": 1, "payload_type": "application/vnd.in-toto+json"},
    "envelope-v2": {"log_version": 2, "payload_type": "application/vnd.in-toto+json"},
}
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [
        {"name": "f", "digest": {"sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}
    ],
    "predicateType": "https://predicate.example/v1",
    "predicate": {},
}


def put(*path: str, value: Any) -> Edit:
    """The edit that sets one member."""

    def edit(document: dict[str, Any]) -> dict[str, Any]:
        holder = document
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value
        return document

    return edit


WRONG: dict[str, dict[str, Any]] = {
    "expired before the entry": {"certificate": {"not_before": NOW - timedelta(days=2)}},
    "valid only later": {"certificate": {"not_before": NOW + timedelta(days=1)}},
    "server certificate": {"certificate": {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)}},
    "no usage": {"certificate": {"usages": ()}},
    "authority's certificate": {"certificate": {"ca": True}},
    "no SCT": {"certificate": {"scts": 0}},
    "bad SCT": {"certificate": {"spoiled_sct": True}},
    "foreign authority": {"certificate": {"signer": p256()}},
    "no GitHub extensions": {"certificate": {"extensions": ()}},
    "no entry": {"log_version": 0},
    "another kind": {"body": put("kind", value="rpm")},
    "another version": {"body": put("apiVersion", value="9.9.9")},
    "body of nothing": {"body": lambda document: {**document, "spec": {"none": secrets.token_hex(8)}}},
    "another root": {"entry": put("inclusionProof", "rootHash", value="A" * 43 + "=")},
    "no proof": {"entry": put("inclusionProof", value=None)},
    "another log": {"entry": put("logId", "keyId", value="A" * 43 + "=")},
    "stamp of other bytes": {"stamped": b"other"},
    "stamp outside the certificate": {"stamp_time": NOW - timedelta(hours=3)},
}


def status(sandbox: Sandbox, folder: Path, **arguments: Any) -> int:
    """The exit status of ``sigstep verify`` for a forged bundle of the bytes ``hello``."""
    content = json.dumps(STATEMENT).encode() if arguments.get("payload_type") else b"hello"
    (folder / "f").write_bytes(b"hello")
    (folder / "f.sigstore.json").write_text(json.dumps(sandbox.forge.bundle(content, **arguments)))
    line = [str(folder / "f"), "--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app"]
    result = CliRunner().invoke(command, line, standalone_mode=False, catch_exceptions=False)
    code: int = result.return_value
    return code


@pytest.mark.parametrize("form", FORMS)
def test_whole(sandbox: Sandbox, tmp_path: Path, form: str) -> None:
    """Nothing is wrong."""
    assert status(sandbox, tmp_path, **FORMS[form]) == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrong", WRONG)
def test_one_thing_wrong(sandbox: Sandbox, tmp_path: Path, form: str, wrong: str) -> None:
    """Everything else is encoded, logged and signed again."""
    assert status(sandbox, tmp_path, **{**FORMS[form], **WRONG[wrong]}) == 1
