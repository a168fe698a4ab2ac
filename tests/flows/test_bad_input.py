"""Every bad input of issue 2 by the real command: its exit status, its code, what to do, and no half-written file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

SIGN = ("sign", "app.whl", "--retry-for", "0")
ATTEST = ("attest", "app.whl", "--retry-for", "0")
VERIFY = ("verify", "app.whl", "--repo", "acme/app")


@dataclass(frozen=True)
class Row:
    """One kind of bad input: what is done first, the command, and what it ends with."""

    command: tuple[str, ...]
    status: int
    code: str
    token: bool = True
    fault: tuple[str, Fault] | None = None
    environ: dict[str, str] = field(default_factory=dict)
    prepare: str = ""


def service(name: str, code: str, fault: Fault) -> Row:
    return Row(ATTEST, 4, code, fault=(name, fault))


ROWS = {
    "no token": Row(SIGN, 4, "token-permission", token=False),
    "wrong audience": Row((*SIGN, "--token-file", "token"), 4, "token-audience", prepare="audience"),
    "expired token": Row((*SIGN, "--token-file", "token"), 4, "token-expired", prepare="expired"),
    **{
        f"{name} answers {word}": service(name, code, fault)
        for name, refused, garbage in (
            ("issuer", "token-request-refused", "token-request-refused"),
            ("fulcio", "token-refused", "service-unavailable"),
            ("rekor-v1", "service-refused", "service-unavailable"),
            ("timestamp", "service-refused", "service-unavailable"),
        )
        for word, code, fault in (
            ("4xx", refused, Fault(kind="status", status=403)),
            ("5xx", "service-unavailable", Fault(kind="status", status=503)),
            ("garbage", garbage, Fault(kind="garbage")),
            ("nothing", "service-unavailable", Fault(kind="drop")),
        )
    },
    "unwritable folder": Row((*SIGN, "--output-dir", "other.txt/x"), 2, "output-unwritable"),
    "no match": Row(("sign", "*.none"), 3, "subject-missing"),
    "not JSON": Row(VERIFY, 1, "json-malformed", prepare="not JSON"),
    "a tampered file": Row(VERIFY, 1, "entry-digest", prepare="tampered"),
}


def sigstep(folder: Path, sandbox: Sandbox, *arguments: str, token: bool = True) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    environ = {**os.environ, **sandbox.environ(token=token)}  # noqa: TID251
    command = [sys.executable, "-m", "sigstep", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def prepare(folder: Path, sandbox: Sandbox, what: str) -> None:
    """Bring about what the row needs."""
    (folder / "app.whl").write_bytes(b"app")
    (folder / "other.txt").write_bytes(b"other")
    if what == "audience":
        (folder / "token").write_text(sandbox.token("another"))
    elif what == "expired":
        (folder / "token").write_text(sandbox.token(lifetime=-5))
    elif what == "not JSON":
        (folder / "app.whl.sigstore.json").write_text("no JSON")
    elif what == "tampered":
        assert sigstep(folder, sandbox, "sign", "app.whl").returncode == 0
        (folder / "app.whl").write_bytes(b"apq")


@pytest.mark.parametrize("name", ROWS)
def test_bad_input(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """A clear error with code, what, why and fix; the exit status of the design; nothing new on disk."""
    row = ROWS[name]
    prepare(tmp_path, sandbox, row.prepare)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    if row.fault is not None:
        sandbox.faults.set(*row.fault)
    try:
        done = sigstep(tmp_path, sandbox, *row.command, token=row.token)
    finally:
        sandbox.faults.clear()
    said = done.stdout + done.stderr
    assert done.returncode == row.status, said
    assert f"[{row.code}]" in said
    assert "why: " in said or row.code == "subject-missing"
    assert "fix: " in said
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_good_input_that_tools_get_wrong(sandbox: Sandbox, tmp_path: Path) -> None:
    """The same file twice, an empty file, and a name with newlines and workflow commands: signed, and told as text."""
    hostile = "a\n::set-output name=bundle::evil\n##[error]b"
    for name in ("app.whl", "empty", hostile):
        (tmp_path / name).write_bytes(b"" if name == "empty" else name.encode())
    done = sigstep(tmp_path, sandbox, "sign", "app.whl", "./app.whl", "empty", hostile, "--format", "json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["made"]
    assert [one["subjects"][0]["name"] for one in made] == ["app.whl", "empty", hostile]
    for command in (("sign", hostile), ("attest", hostile), ("verify", hostile, "--repo", "acme/app")):
        done = sigstep(tmp_path, sandbox, *command)
        assert done.returncode == 0, done.stderr
        for line in (done.stdout + done.stderr).splitlines():
            assert not line.strip().startswith(("::", "##["))
        assert "::set-output" not in done.stdout + done.stderr


def test_three_gigabytes_in_constant_memory_read_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """A sparse file of 3 GB: what the process reads is its size, and what it holds is not."""
    size = 3 * 1024**3
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(size)
    code = (
        "import sys; sys.argv = ['sigstep', 'sign', 'big.bin']\n"
        "from sigstep.cli.main import main\n"
        "try: main()\n"
        "finally: print(open('/proc/self/io').read(), open('/proc/self/status').read(), file=sys.stderr)\n"
    )
    environ = {**os.environ, **sandbox.environ()}  # noqa: TID251
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    read = int(done.stderr.partition("rchar: ")[2].split()[0])
    assert size <= read < size + 64 * 1024**2
    peak = int(done.stderr.partition("VmHWM:")[2].split()[0])  # KiB
    assert peak < 100 * 1024


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("complete",), 3, "no-subject"),
        (("complete", "pending.json"), 2, "complete-key"),
        (("sign", "app.whl", "--trusted-root", "trusted_root.json"), 2, "signing-instance"),
        (("sign", "app.whl", "--trust-config", "large.json"), 1, "trust-file-too-large"),
        (("attest", "app.whl", "sub/app.whl", "--one-statement"), 2, "subject-names-collide"),
        (("sign", "--digest", "sha256:" + "0" * 64, "--key-algorithm", "ecdsa-p384"), 2, "digest-missing"),
        (("sign", "app.whl", "--digest", "sha256:00"), 2, "option-conflict"),
        (("sign", "app.whl", "localhost:1/acme/app:1"), 2, "option-conflict"),
        (("nothing",), 2, ""),
        (("sign", "--colour"), 2, ""),
    ],
)
def test_what_the_commands_refuse(
    sandbox: Sandbox, tmp_path: Path, arguments: tuple[str, ...], status: int, code: str
) -> None:
    """Wrong requests: 2 and 3, and nothing new on disk."""
    prepare(tmp_path, sandbox, "")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "app.whl").write_bytes(b"another")
    (tmp_path / "trusted_root.json").write_bytes(sandbox.trusted_root_file.read_bytes())
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(1 << 30)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    if "pending.json" in arguments:
        sandbox.faults.set("rekor-v1", Fault(kind="status"))
        defer = ("--on-log-outage", "defer", "--retry-for", "0", "--bundle", "pending.json")
        assert sigstep(tmp_path, sandbox, "sign", "app.whl", "--key", "key.pem", *defer).returncode == 0
        sandbox.faults.clear()
    before = sorted(tmp_path.rglob("*"))
    done = sigstep(tmp_path, sandbox, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert f"[{code}]" in done.stderr if code else "Usage" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_provenance_is_made_in_github_actions_only(sandbox: Sandbox, tmp_path: Path) -> None:
    """Elsewhere a predicate has to be given."""
    (tmp_path / "app.whl").write_bytes(b"app")
    (tmp_path / "token").write_text(sandbox.token())
    code = "import os, sys; os.environ.pop('GITHUB_ACTIONS'); from sigstep.cli.main import main; main()"
    environ = {**os.environ, **sandbox.environ()}  # noqa: TID251
    command = [sys.executable, "-c", code, "attest", "app.whl", "--token-file", "token"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "[provenance-elsewhere]" in done.stderr) == (2, True), done.stderr
