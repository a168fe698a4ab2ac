"""Images between sigstep and cosign 3, both directions, with the referrers API and with the stand-in tag."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.flows.test_images import push, run
from tests.interop.tools import TOOLS
from tests.sandboxes import sandbox

from sigstep.cli.attest import command as attest
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
TYPE = "https://acme.example/check/v1"


def cosign(sandbox: Sandbox, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Cosign with the sandbox's trust and an empty home."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_YES": "true"}  # noqa: TID251
    command = [str(TOOLS["cosign"].path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)


def verifying(sandbox: Sandbox) -> tuple[str, ...]:
    """Whom cosign expects."""
    return (
        "--trusted-root",
        str(sandbox.trusted_root_file),
        "--certificate-identity-regexp",
        ".*acme/app.*",
        "--certificate-oidc-issuer-regexp",
        ".*",
    )


def signing(sandbox: Sandbox) -> tuple[str, ...]:
    """How cosign signs here."""
    config = str(sandbox.folder / "signing_config.v0.2.json")
    return (
        "--signing-config",
        config,
        "--trusted-root",
        str(sandbox.trusted_root_file),
        "--identity-token",
        sandbox.token(),
    )


@pytest.mark.parametrize("referrers", [True, False])
def test_cosign_verifies_ours(sandbox: Sandbox, tmp_path: Path, referrers: bool) -> None:
    """Signature and attestation."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"ours-{referrers}".lower()))
    (tmp_path / "p.json").write_text('{"ok": true}')
    assert run(sandbox, sign, image)[0] == 0
    assert run(sandbox, attest, image, "--type", TYPE, "--predicate", str(tmp_path / "p.json"))[0] == 0
    done = cosign(sandbox, tmp_path, "verify", *verifying(sandbox), image)
    assert done.returncode == 0, done.stderr
    done = cosign(sandbox, tmp_path, "verify-attestation", "--type", TYPE, *verifying(sandbox), image)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("referrers", [True, False])
def test_ours_verifies_cosign(sandbox: Sandbox, tmp_path: Path, referrers: bool) -> None:
    """Signature and attestation."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"theirs-{referrers}".lower()))
    (tmp_path / "p.json").write_text('{"ok": true}')
    done = cosign(sandbox, tmp_path, "sign", *signing(sandbox), image)
    assert done.returncode == 0, done.stderr
    options = ("--type", TYPE, "--predicate", str(tmp_path / "p.json"), *signing(sandbox))
    done = cosign(sandbox, tmp_path, "attest", *options, image)
    assert done.returncode == 0, done.stderr
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    status, output = run(sandbox, verify, image, *trust)
    assert status == 0, output
    status, output = run(sandbox, verify, image, "--type", TYPE, *trust)
    assert status == 0, output


@pytest.mark.parametrize("kind", ["sign", "attest"])
def test_ours_verifies_legacy_cosign(sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    """The tags .sig and .att that cosign wrote before version 3."""
    image = str(push(sandbox, f"legacy-{kind}"))
    options: tuple[str, ...] = ()
    if kind == "attest":
        (tmp_path / "p.json").write_text('{"ok": true}')
        options = ("--type", TYPE, "--predicate", str(tmp_path / "p.json"))
    services = ("--fulcio-url", sandbox.url, "--rekor-url", sandbox.url, "--identity-token", sandbox.token())
    old = ("--new-bundle-format=false", "--use-signing-config=false", "--trusted-root", str(sandbox.trusted_root_file))
    done = cosign(sandbox, tmp_path, kind, *options, *old, *services, image)
    assert done.returncode == 0, done.stderr
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    wanted = ("--type", TYPE) if kind == "attest" else ()
    status, output = run(sandbox, verify, image, *wanted, *trust)
    assert status == 0, output


def test_ours_verifies_what_cosign_saved(sandbox: Sandbox, tmp_path: Path) -> None:
    """`cosign save` does not list bundles; they are found by their subject."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "kept"))
    assert run(sandbox, sign, image)[0] == 0
    done = cosign(sandbox, tmp_path, "save", "--dir", str(tmp_path / "theirs"), image)
    assert done.returncode == 0, done.stderr
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    status, output = run(sandbox, verify, str(tmp_path / "theirs"), *trust)
    assert status == 0, output


@dataclass(frozen=True)
class Elsewhere:
    """A registry that is not the sandbox's."""

    url: str


@pytest.fixture
def olareg() -> Iterator[Elsewhere]:
    """olareg in memory, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(TOOLS["olareg"].path), "serve", "--port", str(port), "--store-type", "mem"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)  # noqa: TID251
        yield Elsewhere(f"http://localhost:{port}")
        process.terminate()


def test_olareg(sandbox: Sandbox, olareg: Elsewhere, tmp_path: Path) -> None:
    """A registry with the referrers API that others wrote: signed, verified, and verified by cosign."""
    image = str(push(olareg, "app"))
    assert run(sandbox, sign, image, "--recursive")[0] == 0
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    status, output = run(sandbox, verify, image, *trust)
    assert status == 0, output
    done = cosign(sandbox, tmp_path, "verify", *verifying(sandbox), image)
    assert done.returncode == 0, done.stderr
