"""Images whose attachments are broken, and registries that fail in the middle: told, and nothing is written by halves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_images import push, run
from tests.sandboxes import sandbox

from sigstep.cli.attest import command as attest
from sigstep.cli.images import copy_command, save_command
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.errors import SigstepError
from sigstep.model import limits
from sigstep.oci.client import Client
from sigstep.oci.manifest import MANIFEST, Manifest, encode, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import tag_of
from sigstep.ports.real import real_world
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.stores.referrers import publish

__all__ = ["sandbox"]
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def trusted(sandbox: Sandbox) -> tuple[str, ...]:
    """Whom `verify` expects."""
    return ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")


def findings(sandbox: Sandbox, image: str, *options: str) -> tuple[int, list[str]]:
    """Exit status, and the codes of the report."""
    status, output = run(sandbox, verify, image, "--format", "json", *options, *trusted(sandbox))
    return status, [one["code"] for verdict in json.loads(output)["verdicts"] for one in verdict["findings"]]


def attached(image: Reference, subject: Manifest, data: bytes, *, layers: int = 1) -> Manifest:
    """Something that says it is a bundle about the image."""
    client = Client(real_world())
    config, layer = client.put_blob(image, b"{}"), client.put_blob(image, data)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": BUNDLE,
        "config": config.document(),
        "layers": [{**layer.document(), "mediaType": BUNDLE}] * layers,
        "subject": subject.descriptor.document(),
    }
    manifest = parse_manifest(encode(document))
    client.put_manifest(image.at(manifest.digest), manifest.data, MANIFEST)
    return manifest


def test_broken_attachments(sandbox: Sandbox) -> None:
    """Each is told by its code; beside them a good signature still counts."""
    sandbox.registry.referrers = True
    image = push(sandbox, "broken")
    subject = Client(real_world()).manifest(image)
    attached(image, subject, b"no bundle")
    attached(image, subject, b'{"mediaType": "application/vnd.acme+json"}')
    attached(image, subject, b"twice", layers=2)
    status, codes = findings(sandbox, str(image))
    assert (status, sorted(codes)) == (1, ["bundle-version", "json-malformed", "referrer-layers"])
    assert run(sandbox, sign, str(image))[0] == 0
    assert findings(sandbox, str(image))[0] == 0


def test_changed_attachments(sandbox: Sandbox) -> None:
    """A registry that changes a bundle, or lists another image's, proves nothing."""
    sandbox.registry.referrers = True
    image, other = push(sandbox, "changed"), push(sandbox, "changed-other")
    assert run(sandbox, sign, str(image), str(other), "--recursive")[0] == 0
    subject = Client(real_world()).manifest(image)
    manifest = attached(image, subject, b"{}")
    sandbox.registry.replaced = {str(manifest.digest): b"{}"}
    assert findings(sandbox, str(image), "--type", "https://acme.example/x")[1].count("registry-digest-mismatch") == 1
    sandbox.registry.replaced = {str(manifest.layers[0].digest): b"longer than it should be"}
    codes = findings(sandbox, str(image), "--type", "https://acme.example/x")[1]
    assert codes.count("answer-too-large") + codes.count("registry-size-mismatch") >= 1
    sandbox.registry.replaced = {}
    assert findings(sandbox, str(image))[0] == 0


def test_another_images_bundle(sandbox: Sandbox) -> None:
    """A bundle that is attached to an image it is not about is refused by the statement in it."""
    sandbox.registry.referrers = True
    signed, bare = push(sandbox, "signed"), push(sandbox, "signed")
    client = Client(real_world())
    assert run(sandbox, sign, str(signed), "--recursive")[0] == 0
    child = client.manifest(signed).manifests[0]
    listed = client.get(signed, f"referrers/{child.digest}", accept="*/*", allowed=(200,))
    bundle = client.manifest(signed.at(parse_manifest(listed.body).manifests[0].digest)).layers[0]
    data = client.blob(signed, bundle, at_most=1 << 20)
    moved = push(sandbox, "moved-bundle")
    changed = {**json.loads(client.manifest(moved).data), "annotations": {"other": "image"}}
    other = client.put_manifest(moved, encode(changed), "application/vnd.oci.image.index.v1+json")
    assert other.status == 201
    publish(client, moved, client.manifest(moved), data)
    status, codes = findings(sandbox, str(moved))
    assert (status, codes) == (1, ["subject-mismatch"])
    assert bare.repository == signed.repository


@pytest.mark.parametrize("fault", [Fault(kind="status", status=503), Fault(kind="status", status=429)])
def test_a_registry_that_fails(sandbox: Sandbox, fault: Fault) -> None:
    """It cannot be decided: exit status 4, never 0 and never 1."""
    image = str(push(sandbox, "failing"))
    sandbox.faults.set("registry", fault)
    try:
        with pytest.raises(SigstepError) as caught:
            run(sandbox, verify, image, "--retry-for", "0", *trusted(sandbox))
        assert (caught.value.code, caught.value.exit_code) == ("service-unavailable", 4)
    finally:
        sandbox.faults.clear()


def test_copies_are_whole_or_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """A layer that does not match its digest: no folder, and no tag at the other place."""
    sandbox.registry.referrers = True
    image = push(sandbox, "half")
    client = Client(real_world())
    root = client.manifest(image)
    assert run(sandbox, sign, str(image))[0] == 0
    config = client.manifest(image.at(root.manifests[0].digest)).config
    assert config is not None
    sandbox.registry.replaced = {str(config.digest): b"[]"}
    target = str(image).replace("half", "half-copy")
    try:
        for command, place in ((save_command, str(tmp_path / "saved")), (copy_command, target)):
            with pytest.raises(SigstepError) as caught:
                run(sandbox, command, str(image), place)
            assert caught.value.code == "registry-digest-mismatch"
    finally:
        sandbox.registry.replaced = {}
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SigstepError) as caught:
        run(sandbox, verify, target, *trusted(sandbox))
    assert caught.value.code == "registry-not-found"


def test_a_folder_that_cannot_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is told; a name that is taken is too."""
    image = str(push(sandbox, "unwritable"))
    (tmp_path / "file").write_text("")
    for place, code in ((tmp_path / "file", "output-exists"), (tmp_path / "file" / "folder", "output-unwritable")):
        with pytest.raises(SigstepError) as caught:
            run(sandbox, save_command, image, str(place))
        assert caught.value.code == code


def test_hostile_annotations(sandbox: Sandbox, tmp_path: Path) -> None:
    """What is signed with the image is shown without its control characters."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "annotated"))
    (tmp_path / "p.json").write_text("{}")
    kind = "https://acme.example/x"
    options = ("--type", kind, "--predicate", str(tmp_path / "p.json"), "--annotation", "a\x1b[31m=b\x1b[0m")
    assert run(sandbox, attest, image, *options)[0] == 0
    result = CliRunner(env=sandbox.environ()).invoke(
        verify, [image, "--type", kind, "--explain", *trusted(sandbox)], standalone_mode=False, catch_exceptions=False
    )
    assert result.return_value == 0
    assert "\x1b" not in result.output


def test_nothing_named(sandbox: Sandbox) -> None:
    """No image is a refusal of its own, in the library too."""
    from sigstep.flows.image_signing import ImageSigningRequest, sign_images
    from sigstep.flows.images import ImageRequest, verify_images
    from sigstep.flows.signing_run import SigningOptions
    from sigstep.model.trust import TrustMaterial
    from sigstep.policy.rule import AllOf

    world = real_world()
    with pytest.raises(SigstepError) as caught:
        verify_images(ImageRequest(images=(), rule=AllOf(()), trust=TrustMaterial(roots=())), world)
    assert caught.value.code == "no-subject"
    with pytest.raises(SigstepError) as caught:
        sign_images(ImageSigningRequest(images=(), options=SigningOptions()), world)
    assert caught.value.code == "no-subject"


def test_lists_that_are_not_to_be_read(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many referrers, and a tag of older cosign that is no manifest of signatures: told, and what is good still counts."""
    sandbox.registry.referrers = True
    image = push(sandbox, "unreadable")
    assert run(sandbox, sign, str(image), "--attach-as", "both")[0] == 0
    monkeypatch.setattr(limits, "REFERRERS", 0)
    status, _ = findings(sandbox, str(image))
    assert status == 0
    client = Client(real_world())
    tag = image.tagged(f"{tag_of(client.manifest(image).digest)}.sig")
    client.put_manifest(tag, b'{"schemaVersion": 1}', MANIFEST)
    status, codes = findings(sandbox, str(image))
    assert (status, sorted(codes)) == (1, ["image-manifest", "referrers-too-many"])
