"""Images through the sandbox: signed and attested in its registry, and verified from there."""

from __future__ import annotations

import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner
from tests.sandboxes import sandbox

from sigstep.cli.attest import command as attest
from sigstep.cli.download import command as download
from sigstep.cli.images import copy_command, load_command, prune_command, save_command, tree_command
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.errors import SigstepError
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, encode, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
TYPE = "https://acme.example/check/v1"


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
    deployment = f"kind: Pod\nspec: {{containers: [{{image: {good}}}]}}\n---\nservices: {{a: {{image: {bad}}}}}\n"
    given = ("--in", "-", *trust)
    result = CliRunner(env=sandbox.environ()).invoke(verify, given, input=deployment, standalone_mode=False)
    assert result.return_value == 1
    assert "(standard input:2)" in result.output
    assert "(standard input:4)" in result.output
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


def archived(folder: Path) -> Path:
    """A saved folder as an archive, as `docker save` makes one."""
    path = folder.with_suffix(".tar")
    with tarfile.open(path, "w") as tar:
        tar.add(folder, arcname=".")
    return path


@pytest.mark.parametrize("referrers", [True, False])
def test_load(sandbox: Sandbox, tmp_path: Path, referrers: bool) -> None:
    """A saved folder or archive, pushed elsewhere, verifies as the image did, on every platform."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"whole-{referrers}".lower()))
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    assert run(sandbox, sign, image, "--recursive")[0] == 0
    assert run(sandbox, save_command, image, str(tmp_path / "saved"))[0] == 0
    path = archived(tmp_path / "saved")
    for number, place in enumerate((str(tmp_path / "saved"), f"oci-archive:{path}", f"docker-archive:{path}")):
        assert run(sandbox, verify, place, "--recursive", "--offline", *trust)[0] == 0
        there = image.replace("whole", f"loaded-{number}")
        assert run(sandbox, load_command, place, there)[0] == 0
        status, output = run(sandbox, verify, there, "--recursive", *trust)
        assert (status, output.count("linux/amd64")) == (0, 1)
        assert run(sandbox, tree_command, place)[1].count("cosign/sign") == 2


def test_a_path_is_no_image_of_a_registry(sandbox: Sandbox, tmp_path: Path) -> None:
    """What begins like a path, or is there, is told about as one, and nothing is asked."""
    asked = len(sandbox.registry.requests)
    (tmp_path / "file").write_text("{}")
    for place, code in ((f"{tmp_path}/missing", "layout-missing"), (f"{tmp_path}/file", "layout-archive")):
        for command, more in ((load_command, (f"{sandbox.url.partition('//')[2]}/acme/there:v1",)), (tree_command, ())):
            with pytest.raises(SigstepError) as caught:
                run(sandbox, command, place, *more)
            assert caught.value.code == code
    assert len(sandbox.registry.requests) == asked


def test_the_same_refusal_is_told_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Many attachments may be refused for one reason; what else is there is named."""
    image = str(push(sandbox, "repeated"))
    (tmp_path / "p.json").write_text('{"ok": true}')
    for _ in range(3):
        assert run(sandbox, attest, image, "--type", TYPE, "--predicate", str(tmp_path / "p.json"))[0] == 0
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    status, output = run(sandbox, verify, image, "--type", "https://acme.example/other/v1", *trust)
    assert (status, output.count("[predicate-type] (3 times)"), output.count("[predicate-type]")) == (1, 1, 1)
    assert f"--type {TYPE}" in output


def test_every_platform(sandbox: Sandbox) -> None:
    """One that nothing is attached to is refused; without an index there is none."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "platforms"))
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    assert run(sandbox, sign, image)[0] == 0
    assert run(sandbox, verify, image, *trust)[0] == 0
    assert run(sandbox, verify, image, "--platform", "all", *trust)[0] == 1
    assert run(sandbox, verify, image, "--recursive", *trust)[0] == 1
    with pytest.raises(SigstepError) as caught:
        run(sandbox, verify, image, "--platform", "linux/s390x", *trust)
    assert caught.value.code == "platform-missing"


def test_what_is_listed_wrongly_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    """Annotations of a listing are hints: an attestation that is listed as another kind is found all the same."""
    sandbox.registry.referrers = True
    image = push(sandbox, "mislabelled")
    (tmp_path / "p.json").write_text("{}")
    kind = "https://acme.example/check/v1"
    assert run(sandbox, attest, str(image), "--type", kind, "--predicate", str(tmp_path / "p.json"))[0] == 0
    sandbox.registry.relabelled = {"dev.sigstore.bundle.predicateType": "https://acme.example/\x1b[31mother"}
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    assert run(sandbox, verify, str(image), "--type", kind, *trust)[0] == 0
    assert "\x1b" not in run(sandbox, tree_command, str(image))[1]
    sandbox.registry.relabelled = {}


@pytest.mark.parametrize("referrers", [True, False])
def test_prune(sandbox: Sandbox, referrers: bool) -> None:
    """The newest of each type stays; nothing is removed without --yes."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"pruned-{referrers}".lower()))
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    for _ in range(3):
        assert run(sandbox, sign, image)[0] == 0
    assert run(sandbox, prune_command, image)[1].count("would remove") == 2
    assert run(sandbox, tree_command, image)[1].count("cosign/sign") == 3
    assert run(sandbox, prune_command, image, "--yes")[1].count("removed") == 2
    assert run(sandbox, tree_command, image)[1].count("cosign/sign") == 1
    assert run(sandbox, verify, image, *trust)[0] == 0
    assert "nothing to remove" in run(sandbox, prune_command, image, "--yes", "--type", "spdx", "--keep", "0")[1]
    assert run(sandbox, prune_command, image, "--yes", "--keep", "0")[0] == 0
    assert run(sandbox, verify, image, *trust)[0] == 1


def test_mirrors(sandbox: Sandbox) -> None:
    """Reads go to the mirror first, and to the registry for what the mirror lacks or has wrong."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "mirrored"))
    assert run(sandbox, sign, image)[0] == 0
    host = image.partition("/")[0]
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    for mirror in (host.replace("localhost", "127.0.0.1"), "127.0.0.1:1"):
        assert run(sandbox, verify, image, "--mirror", f"{host}={mirror}", *trust)[0] == 0
    with pytest.raises(SigstepError) as caught:
        run(sandbox, verify, image, "--mirror", "nonsense", *trust)
    assert caught.value.code == "option-malformed"


def test_download(sandbox: Sandbox, tmp_path: Path) -> None:
    """What the registry holds, one file a digest; the digest verifies offline by it. What is broken is passed over."""
    sandbox.registry.referrers = True
    image = push(sandbox, "downloaded")
    assert run(sandbox, sign, str(image), "--recursive")[0] == 0
    index = Client(real_world()).manifest(image)
    broken = {**MANIFEST_OF_NOTHING, "subject": index.descriptor.document()}
    Client(real_world()).put_manifest(image.tagged("broken"), encode(broken), MANIFEST)
    options = ("--recursive", "--output-dir", str(tmp_path))
    status, output = run(sandbox, download, str(image), str(image), *options)
    assert (status, output.count(": 1")) == (0, 2)
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app", "--offline")
    for digest in (index.digest, index.manifests[0].digest):
        bundle = tmp_path / f"sha256-{digest.hex}.sigstore.jsonl"
        assert run(sandbox, verify, str(digest), "--bundle", str(bundle), *trust)[0] == 0
    with pytest.raises(SigstepError) as caught:
        run(sandbox, download, str(push(sandbox, "bare")), "--output-dir", str(tmp_path))
    assert caught.value.code == "nothing-known"


MANIFEST_OF_NOTHING = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "layers": [
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "digest": f"sha256:{sha256(b'{}').hexdigest()}",
            "size": 20,
        }
    ],
}


def test_a_tag_is_warned_of(sandbox: Sandbox) -> None:
    """It is resolved once; the run names the digest, and says that the name alone does not."""
    image = push(sandbox, "warned")
    pinned = str(image.at(Client(real_world()).manifest(image).digest))
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")
    for name, warned in ((str(image), True), (pinned, False)):
        assert ("warning: " in run(sandbox, sign, name)[1]) == warned
        assert ("warning: " in run(sandbox, verify, name, *trust)[1]) == warned
        assert "warning: " not in run(sandbox, verify, name, "--format", "json", *trust)[1]
