"""Tokens, request tokens, keys and passwords: in no output, log, exception, file or process list of any run."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sigstep.errors import SigstepError
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest
from sigstep.oidc.github import GitHubActions
from sigstep.ports.real import RealClock, RealEntropy, RealProcess
from sigstep.ports.requests_http import RequestsHttp
from sigstep.ports.world import World
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.subjects.files import FileSubjects

PASSWORD = "the password of the managed key"
FAULTS = {
    "status": Fault(kind="status", status=503),
    "refused": Fault(kind="status", status=400),
    "garbage": Fault(kind="garbage"),
    "drop": Fault(kind="drop"),
    "wrong-signature": Fault(kind="wrong-signature"),
}


@dataclass
class Watched:
    """A sandbox whose tokens are all known."""

    box: Sandbox
    secrets: set[str] = field(default_factory=set)

    def found_in(self, text: str) -> list[str]:
        return [secret for secret in self.secrets if secret in text]


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with Sandbox() as box:
        one = Watched(box)
        original = box.issuer.token

        def token(*arguments: Any, **claims: Any) -> str:
            made = original(*arguments, **claims)
            one.secrets |= set(made.split(".")[1:])
            return made

        box.issuer.token = token  # type: ignore[method-assign]
        one.secrets |= {box.issuer.request_token, PASSWORD}
        yield one


def run(watched: Watched, folder: Path, *arguments: str, end_after: float = 0) -> str:
    """Everything that a run shows: both streams, and its command line and children's while it ran."""
    environ = {
        **os.environ,  # noqa: TID251
        **watched.box.environ(),
        "SIGSTEP_KEY_PASSWORD": PASSWORD,
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
        "SIGSTEP_CACHE_DIR": str(folder / "cache"),
        "PYTHONFAULTHANDLER": "1",
        "PYTHONDEVMODE": "1",
    }
    for name in ("tmp", "home"):
        (folder / name).mkdir(exist_ok=True)
    command = [sys.executable, "-m", "sigstep", *arguments]
    child = subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    shown, began = [], time.monotonic()
    while child.poll() is None and time.monotonic() - began < 30:
        shown.append(processes())
        if end_after and time.monotonic() - began > end_after:
            child.send_signal(signal.SIGTERM)
        time.sleep(0.05)  # noqa: TID251
    out, _ = child.communicate(timeout=30)
    return out + "".join(shown)


def processes() -> str:
    """The machine's process list, as ``ps`` shows it to everybody."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


def files(folder: Path) -> str:
    """Every file that a run left, whatever its name."""
    return "".join(one.read_bytes().decode(errors="replace") for one in folder.rglob("*") if one.is_file())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", ["issuer", "fulcio", "rekor-v1", "timestamp"])
def test_runs_that_fail(watched: Watched, tmp_path: Path, service: str, fault: str) -> None:
    """Each service, each way to fail."""
    (tmp_path / "app.whl").write_bytes(b"app")
    watched.box.faults.set(service, FAULTS[fault])
    try:
        shown = run(watched, tmp_path, "attest", "app.whl", "--retry-for", "1s", "--on-log-outage", "defer")
    finally:
        watched.box.faults.clear()
    assert watched.secrets
    assert watched.found_in(shown + files(tmp_path)) == []


@pytest.mark.parametrize("command", ["sign", "attest"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_runs_that_succeed(watched: Watched, tmp_path: Path, command: str, form: str) -> None:
    """What they print and write; no private key is on disk."""
    (tmp_path / "app.whl").write_bytes(b"app")
    shown = run(watched, tmp_path, command, "app.whl", "--format", form)
    assert (tmp_path / "app.whl.sigstore.json").is_file(), shown
    assert watched.found_in(shown + files(tmp_path)) == []
    assert "PRIVATE KEY" not in shown + files(tmp_path)


def test_a_run_that_is_ended(watched: Watched, tmp_path: Path) -> None:
    """SIGTERM while it waits, with Python's development mode and fault handler on."""
    (tmp_path / "app.whl").write_bytes(b"app")
    watched.box.faults.set("fulcio", Fault(kind="status"))
    try:
        shown = run(watched, tmp_path, "attest", "app.whl", end_after=2)
    finally:
        watched.box.faults.clear()
    assert "[interrupted]" in shown
    assert watched.found_in(shown + files(tmp_path)) == []


def test_a_token_that_is_handed_over(watched: Watched, tmp_path: Path) -> None:
    """By file and by variable; malformed ones are not echoed either."""
    (tmp_path / "app.whl").write_bytes(b"app")
    with_token = tmp_path / "token"
    for token in (watched.box.token(), watched.box.token("another"), "a.secret-that-is-no-token.b"):
        watched.secrets |= set(token.split(".")[1:]) - {"b"}
        with_token.write_text(token)
        shown = run(watched, tmp_path, "sign", "app.whl", "--token-file", str(with_token))
        with_token.unlink()
        assert watched.found_in(shown + files(tmp_path)) == []


def test_a_managed_key(watched: Watched, tmp_path: Path) -> None:
    """Neither its bytes nor its password, whether it opens or not."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "app.whl").write_bytes(b"app")
    place = tmp_path.parent / f"{tmp_path.name}.pem"
    for password in (PASSWORD, "another"):
        encryption = serialization.BestAvailableEncryption(password.encode())
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        place.write_bytes(pem)
        shown = run(watched, tmp_path, "sign", "app.whl", "--key", str(place))
        lines = [line for line in pem.decode().splitlines() if "KEY" not in line]
        assert [line for line in lines if line in shown + files(tmp_path)] == []
        assert watched.found_in(shown + files(tmp_path)) == []
        assert ("[key-unreadable]" in shown) == (password == "another")


@pytest.mark.parametrize("service", ["fulcio", "timestamp"])
def test_logs_and_exceptions(watched: Watched, tmp_path: Path, service: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every logger at its most talkative, and every exception of the chain."""
    caplog.set_level(logging.DEBUG)
    (tmp_path / "app.whl").write_bytes(b"app")
    world = World(
        http=RequestsHttp(),
        clock=RealClock(),
        entropy=RealEntropy(),
        environ=watched.box.environ(),
        process=RealProcess(),
    )
    options = SigningOptions(
        trust=TrustRequest(trust_config=watched.box.trust_config_file),
        sources=(GitHubActions(retry_seconds=0),),
        retry_seconds=0,
    )
    watched.box.faults.set(service, FAULTS["refused"])
    try:
        with pytest.raises(SigstepError) as caught:
            attest(AttestRequest(subjects=FileSubjects(patterns=("*",), base=tmp_path), options=options), world)
    finally:
        watched.box.faults.clear()
    said, error = [caplog.text], caught.value
    chain: BaseException | None = error
    while chain is not None:
        said.append(f"{chain!r} {chain} {vars(chain)}")
        chain = chain.__cause__ or chain.__context__
    assert watched.found_in("\n".join(said)) == []
