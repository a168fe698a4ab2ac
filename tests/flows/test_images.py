"""Images through the sandbox: signed and attested in its registry, and verified from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner
from tests.sandboxes import sandbox

from sigstep.cli.attest import command as attest
from sigstep.cli.images import copy_command, save_command, tree_command
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.errors import SigstepError
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, encode, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]


class Served(Protocol):
    """Whatever serves a registry."""

    @property
    def url(self) -> str:
        """Its address."""
        ...


def push(sandbox: Served, name: str) -> Reference:
    """An index of one small image."""
    image = parse_reference(f"{sandbox.url.partition('//')[2]}/{name}:v1")
    client = Client(real_world())
    config = client.put_blob(image, b"{}")
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": []}
    child = parse_manifest(encode(document))
    client.put_manifest(image.at(child.digest), child.data, MANIFEST)
    listed = {**child.descriptor.document(), "platform": {"os": "linux", "architecture": "amd64"}}
    index = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]})
    client.put_manifest(image, index, INDEX)
    return image


def run(sandbox: Sandbox, command: object, *arguments: str) -> tuple[int, str]:
    """Exit status and output."""
    result = CliRunner(env=sandbox.environ()).invoke(
        command,  # type: ignore[arg-type]
        arguments,
        standalone_mode=False,
        catch_exceptions=False,
    )
    return result.return_value, result.output


@pytest.mark.parametrize("referrers", [True, False])
def test_sign_and_verify(sandbox: Sandbox, referrers: bool) -> None:
    """With the referrers API and with the stand-in tag."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"app-{referrers}".lower()))
    trust = ("--trusted-root", str(sandbox.trusted_root_file))
    assert run(sandbox, verify, image, "--repo", "acme/app", *trust)[0] == 1
    assert run(sandbox, sign, image, "--recursive")[0] == 0
    status, output = run(sandbox, verify, image, "--repo", "acme/app", *trust)
    assert (status, "verified" in output) == (0, True)
    assert run(sandbox, verify, image, "--repo", "acme/app", "--platform", "linux/amd64", *trust)[0] == 0
    assert run(sandbox, verify, image, "--repo", "evil/app", *trust)[0] == 1


def test_attest_and_verify(sandbox: Sandbox, tmp_path: Path) -> None:
    """An attestation is found by its type, and is no signature."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "attested"))
    (tmp_path / "p.json").write_text(json.dumps({"ok": True}))
    kind = "https://acme.example/check/v1"
    assert run(sandbox, attest, image, "--type", kind, "--predicate", str(tmp_path / "p.json"))[0] == 0
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    assert run(sandbox, verify, image, "--type", kind, *trust)[0] == 0
    status, output = run(sandbox, verify, image, *trust)
    assert (status, "attestation-no-signature" in output) == (1, True)


def test_images_in_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each is verified, and the report has its line."""
    good, bad = push(sandbox, "good"), push(sandbox, "bad")
    assert run(sandbox, sign, str(good))[0] == 0
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    path = tmp_path / "Dockerfile"
    path.write_text(f"FROM {good}\n")
    assert run(sandbox, verify, "--in", str(path), *trust)[0] == 0
    path.write_text(f"FROM {good} AS one\nCOPY --from={bad} /a /a\n")
    status, output = run(sandbox, verify, "--in", str(path), *trust)
    assert (status, "Dockerfile:2" in output) == (1, True)
    path.write_text("FROM scratch\n")
    with pytest.raises(SigstepError) as caught:
        run(sandbox, verify, "--in", str(path), *trust)
    assert caught.value.code == ("no-subject")


@pytest.mark.parametrize("referrers", [True, False])
def test_tree_copy_and_save(sandbox: Sandbox, tmp_path: Path, referrers: bool) -> None:
    """A copy and a saved folder verify as the image does."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"moved-{referrers}".lower()))
    assert run(sandbox, sign, image, "--recursive")[0] == 0
    assert run(sandbox, tree_command, image)[1].count("https://sigstore.dev/cosign/sign/v1") == 2
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    other = image.replace("moved", "copied")
    assert run(sandbox, copy_command, image, other)[0] == 0
    assert run(sandbox, verify, other, *trust)[0] == 0
    assert run(sandbox, verify, other, "--platform", "linux/amd64", *trust)[0] == 0
    folder = tmp_path / "saved"
    assert run(sandbox, save_command, image, str(folder))[0] == 0
    assert run(sandbox, verify, str(folder), "--offline", *trust)[0] == 0
    assert run(sandbox, verify, str(folder), "--platform", "linux/amd64", *trust)[0] == 0
    with pytest.raises(SigstepError) as caught:
        run(sandbox, save_command, image, str(folder))
    assert caught.value.code == ("output-exists")
