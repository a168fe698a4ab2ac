"""sigstep verifies what sigstore-python signs through the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_oracle_sigstore_python import signed
from tests.sandboxes import sandbox

from sigstep.cli.verify import command
from sigstep.sandbox.claims import EMAIL_ISSUER
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]


def verified(
    sandbox: Sandbox, folder: Path, *options: str, content: bytes = b"hello", token: str = "", log: int = 1
) -> tuple[int, str]:
    """Exit status and output of ``sigstep verify`` on a file that sigstore-python signed."""
    (folder / "hello").write_bytes(content)
    (folder / "hello.sigstore.json").write_text(signed(sandbox, log, token or sandbox.token()).to_json())
    arguments = [str(folder / "hello"), "--trusted-root", str(sandbox.trusted_root_file), *options]
    result = CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False)
    return result.return_value, result.output


@pytest.mark.parametrize("log", [1, 2])
def test_message_signature(sandbox: Sandbox, tmp_path: Path, log: int) -> None:
    """Both logs."""
    status, output = verified(sandbox, tmp_path, "--repo", "acme/app", log=log)
    assert (status, "verified" in output) == (0, True)


def test_tampered_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """Other bytes are refused."""
    status, _ = verified(sandbox, tmp_path, "--repo", "acme/app", content=b"hullo")
    assert status == 1


def test_another_repository(sandbox: Sandbox, tmp_path: Path) -> None:
    """The certificate says who signed."""
    status, _ = verified(sandbox, tmp_path, "--repo", "acme/app", token=sandbox.token(repository="evil/app"))
    assert status == 1


def test_person(sandbox: Sandbox, tmp_path: Path) -> None:
    """An e-mail address is exact."""
    token = sandbox.token(email="dev@acme.example")
    options = ("--identity", "dev@acme.example", "--issuer", EMAIL_ISSUER)
    assert verified(sandbox, tmp_path, *options, token=token)[0] == 0
    assert verified(sandbox, tmp_path, *options, token=sandbox.token(email="de@acme.example"))[0] == 1


@pytest.mark.parametrize(("log", "service"), [(1, "rekor-v1"), (2, "rekor-v2"), (1, "timestamp"), (1, "fulcio")])
def test_wrong_signatures_are_refused(sandbox: Sandbox, tmp_path: Path, log: int, service: str) -> None:
    """An entry, stamp or certificate under a key that the trusted root does not have proves nothing."""
    from sigstep.sandbox.faults import Fault

    sandbox.faults.set(service, Fault(kind="wrong-signature", times=1))
    assert verified(sandbox, tmp_path, "--repo", "acme/app", log=log)[0] == 1
    assert sandbox.faults.listed() == {}
