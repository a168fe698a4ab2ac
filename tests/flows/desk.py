"""A folder with an artifact, and `sigstep verify` run beside it as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tests.flows.signing_oracle import ARTIFACT

from sigstep.cli.verify import command
from sigstep.errors import SigstepError
from sigstep.sandbox.local import Sandbox

Json = dict[str, Any]


class Desk:
    """A folder with the artifact and its bundle, and the command run beside them."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.artifact = folder / "artifact.bin"
        self.artifact.write_bytes(ARTIFACT)

    def bundle(self, name: str, document: Any) -> Path:
        """Write a bundle beside the artifact."""
        path = self.folder / f"artifact.bin{name}"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def file(self, name: str, data: bytes | str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def run(self, *options: object, root: bool = True) -> tuple[int, str]:
        """Exit status and output; an error of sigstep's own counts with its code."""
        trust = ["--trusted-root", str(self.sandbox.trusted_root_file)] if root else []
        try:
            result = CliRunner().invoke(
                command, [*trust, *(str(one) for one in options)], catch_exceptions=False, standalone_mode=False
            )
        except SigstepError as error:
            return error.exit_code, f"[{error.code}]"
        assert result.exception is None, result.output
        return int(result.return_value), result.output


def signer(sandbox: Sandbox) -> list[str]:
    """The identity of the sandbox's run."""
    claims = sandbox.environ()
    return ["--repo", claims["GITHUB_REPOSITORY"]]


def x509_pem(raw: str) -> str:
    """PEM around base64 DER."""
    return f"-----BEGIN CERTIFICATE-----\n{raw}\n-----END CERTIFICATE-----\n"
