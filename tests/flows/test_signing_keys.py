"""Managed keys, several witnesses, failover, and a network that gets no ambient credential."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.errors import UsageError
from sigstep.ports.requests_http import RequestsHttp
from sigstep.sandbox.local import Sandbox
from sigstep.signing.keys import ephemeral_key, managed_key
from sigstep.wire.bundle import parse_bundle

__all__ = ["sandbox"]


def write(path: Path, password: bytes | None) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path


def test_a_managed_key_signs_and_verifies(sandbox: Sandbox, tmp_path: Path) -> None:
    """PKCS#8 PEM, its password from the environment; no token is asked for."""
    key, file = write(tmp_path / "key.pem", b"secret"), tmp_path / "app"
    file.write_bytes(b"app")
    environ = {**sandbox.environ(token=False), "SIGSTEP_KEY_PASSWORD": "secret"}
    signed = CliRunner().invoke(sigstep, ["sign", "--key", str(key), str(file)], env=environ, standalone_mode=False)
    assert signed.exception is None, signed.exception
    arguments = ["verify", "--key", str(tmp_path / "key.pub"), str(file)]
    shown = CliRunner().invoke(sigstep, arguments, env=environ, standalone_mode=False)
    assert shown.return_value == 0, shown.output


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_key_that_does_not_open(tmp_path: Path, password: str | None) -> None:
    """The message does not carry the password."""
    with pytest.raises(UsageError) as caught:
        managed_key(write(tmp_path / "key.pem", b"secret"), password)
    assert caught.value.code == "key-unreadable"
    with pytest.raises(UsageError) as missing:
        managed_key(tmp_path / "none", None)
    assert missing.value.code == "key-unreadable"


def test_keys_that_are_not_accepted(tmp_path: Path) -> None:
    """Only algorithms of the registry."""
    path = tmp_path / "key.pem"
    path.write_bytes(
        ec.generate_private_key(ec.SECP256K1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    with pytest.raises(UsageError) as curve:
        managed_key(path, None)
    with pytest.raises(UsageError) as name:
        ephemeral_key("dsa-1024")
    assert (curve.value.code, name.value.code) == ("key-unreadable", "key-algorithm")


def test_ed25519_signs_messages() -> None:
    """RFC 8032; the private key does not print."""
    key = ephemeral_key("ed25519")
    assert isinstance(key.private, ed25519.Ed25519PrivateKey)
    key.private.public_key().verify(key.sign_message(b"message"), b"message")
    assert "private" not in repr(key)
    assert "PUBLIC KEY" in key.public_pem


def test_a_log_that_is_down_is_passed_over(sandbox: Sandbox, tmp_path: Path) -> None:
    """ANY: another operator's log and authority serve; ALL would need each."""
    config = sandbox.client_trust_config(1)
    services = config["signingConfig"]
    for name in ("rekorTlogUrls", "tsaUrls"):
        dead = {**services[name][0], "url": "http://127.0.0.1:9", "operator": "dead.example"}
        services[name].insert(0, dead)
    path, file = tmp_path / "trust.json", tmp_path / "app"
    path.write_text(json.dumps(config))
    file.write_bytes(b"app")
    arguments = ["sign", "--trust-config", str(path), "--retry-for", "0", str(file)]
    signed = CliRunner().invoke(sigstep, arguments, env=sandbox.environ(), standalone_mode=False)
    assert signed.exception is None, signed.exception
    bundle = parse_bundle((tmp_path / "app.sigstore.json").read_bytes())
    assert len(bundle.entries) == len(bundle.timestamps) == 1
    services["rekorTlogConfig"] = {"selector": "ALL"}
    path.write_text(json.dumps(config))
    refused = CliRunner().invoke(sigstep, arguments, env=sandbox.environ(), standalone_mode=False)
    assert getattr(refused.exception, "code", "") == "service-unavailable"


def test_netrc_is_never_sent(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: ambient credentials stay where they are."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    http = RequestsHttp()
    session = http._session()
    import requests

    prepared = session.prepare_request(requests.Request("GET", sandbox.url, auth=session.auth))
    assert "Authorization" not in prepared.headers
