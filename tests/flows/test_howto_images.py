"""Every command of docs/how-to/images.md, in its order, on an image in the sandbox's registry."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_attestations import SPDX
from tests.flows.test_image_attaching import image_with_files
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.oci.client import Client
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "images.md"
COMMANDS = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    ")]


def test_every_command(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 0 as they stand, with the sandbox's trusted root."""
    assert len(COMMANDS) > 15
    monkeypatch.chdir(tmp_path)
    sandbox.registry.referrers = False
    image, _ = image_with_files(sandbox, "acme/app")
    digest = Client(real_world()).manifest(image).digest
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\n")
    (tmp_path / "deploy.yaml").write_text(f"kind: Pod\nspec:\n  containers:\n  - image: {image}\n")
    (tmp_path / "sbom.spdx.json").write_text(json.dumps(SPDX))
    (tmp_path / "scan.json").write_text('{"matches": [], "descriptor": {"version": "1"}}')
    replaced = {
        "ghcr.io/": f"{image.host}/",
        "registry.example/": f"{image.host}/elsewhere/",
        "sha256:…": str(digest),
        "sha256-…": f"sha256-{digest.hex}",
    }
    for command in COMMANDS:
        for old, new in replaced.items():
            command = command.replace(old, new)
        words = shlex.split(command)
        if words[0] != "sigstep":
            subprocess.run(words, check=True, timeout=60)
            continue
        trust = ["--trusted-root", str(sandbox.trusted_root_file)] if words[1] == "verify" else []
        result = CliRunner(env=sandbox.environ()).invoke(
            sigstep, [*words[1:], *trust], standalone_mode=False, catch_exceptions=False
        )
        assert result.return_value == 0, (command, result.output)
