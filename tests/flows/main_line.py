"""Running commands for the tests of signing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.stacks import Stack

from sigstep.cli.main import sigstep
from sigstep.errors import SigstepError

REPOSITORY = "acme/app"
REQUEST = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one.whl", "two.tar.gz", "empty"):
        (tmp_path / name).write_bytes(name.encode() if name != "empty" else b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(box: Stack, *arguments: str, token: bool = True, environ: dict[str, str] | None = None) -> Result:
    """``sigstep`` in this process, as a step of a workflow."""
    variables: dict[str, str | None] = {"SIGSTORE_ID_TOKEN": None, "GITHUB_ACTOR": None, **box.environ()}
    variables |= {} if token else dict.fromkeys(REQUEST)
    variables |= environ or {}
    return CliRunner().invoke(sigstep, [*arguments], env=variables, standalone_mode=False)


def refused(result: Result) -> tuple[str, int]:
    assert isinstance(result.exception, SigstepError), result.output
    return result.exception.code, result.exception.exit_code


def accepted(box: Stack, *arguments: str) -> None:
    result = run(box, "verify", *arguments, "--repo", REPOSITORY)
    assert result.exception is None, result.exception
    assert result.return_value == 0, result.output
