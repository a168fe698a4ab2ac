"""Every command of docs/how-to/check-manifests.md, on an image that the sandbox signed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.attached import ISSUER, WORKFLOW, Maker, push_legacy
from tests.flows.test_admission import KEYLESS, KYVERNO_KEYLESS, WHO, cip, connaisseur, cpol, pod
from tests.flows.test_images import push
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.oci.client import Client
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "check-manifests.md"
COMMANDS = [line[2:] for line in PAGE.read_text().splitlines() if line.startswith("$ sigstep ")]
OWN = f"""schema: sigstep/policy/v1
name: acme
signers:
  release: {{issuer: "{ISSUER}", subject: "{WORKFLOW}"}}
rules:
- name: all
  images: ["HOST/howto/*"]
  formats: [bundle, legacy]
  signature: {{any-of: [release]}}
"""


@pytest.fixture(scope="module")
def image(sandbox: Sandbox) -> str:
    """A signed image."""
    client = Client(real_world())
    reference = push(sandbox, "howto/app")
    digest = client.manifest(reference).digest
    push_legacy(client, reference, digest, "sig", [Maker(sandbox).signature(digest)])
    return str(reference)


def run(sandbox: Sandbox, command: str, image: str) -> int:
    """Exit status, with the sandbox's trusted root."""
    words = shlex.split(command.replace("IMAGE", image))[1:]
    result = CliRunner(env=sandbox.environ(token=False)).invoke(
        sigstep,
        [*words, "--trusted-root", str(sandbox.trusted_root_file)] if words[0] == "policy" else words,
        standalone_mode=False,
        catch_exceptions=False,
    )
    status: int = result.return_value
    return status


def test_the_page_has_commands() -> None:
    """Nothing passes because there was nothing."""
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("command", COMMANDS)
def test_command(sandbox: Sandbox, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Exit status 0 as it stands."""
    monkeypatch.chdir(tmp_path)
    files = {
        "cluster-image-policy.yaml": cip(**KEYLESS),
        "kyverno.yaml": cpol(attestors=KYVERNO_KEYLESS),
        "connaisseur.yaml": connaisseur({"keyless": WHO}),
        "manifests/pod.yaml": pod(image),
        ".github/sigstep.yml": OWN.replace("HOST", image.partition("/")[0]),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    if "--saved" in command:
        assert run(sandbox, "sigstep save IMAGE saved", image) in (0, None)
    if "--responses" in command and "--record" not in command:
        assert run(sandbox, f"{command} --record", image) == 0
    assert run(sandbox, command, image) == 0
