"""How signatures and attestations are attached to images: as bundles, in cosign's tags, replaced, with an SBOM of the image."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from tests.flows.test_images import Served, push, run
from tests.sandboxes import sandbox

from sigstep.cli.attest import command as attest
from sigstep.cli.download import command as download
from sigstep.cli.images import tree_command
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.errors import SigstepError
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, Descriptor, Manifest, encode, index_document, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.referrers import tag_of
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
TYPE = "https://acme.example/check/v1"
CYCLONEDX = "https://cyclonedx.org/bom"


def trusted(sandbox: Sandbox) -> tuple[str, ...]:
    """Whom `verify` expects."""
    return ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")


def predicate(folder: Path) -> tuple[str, ...]:
    """What `attest` says."""
    (folder / "p.json").write_text('{"ok": true}')
    return ("--type", TYPE, "--predicate", str(folder / "p.json"))


def tags(image: str) -> list[str]:
    """The suffixes of tags beside those of images and lists."""
    found = Client(real_world()).tags(parse_reference(image))
    return sorted(one.rpartition(".")[2] for one in found if one.startswith("sha256-") and "." in one)


@pytest.mark.parametrize(
    ("attach_as", "suffixes"), [("legacy", ["att", "sig"]), ("both", ["att", "sig"]), ("bundle", [])]
)
def test_where_it_goes(sandbox: Sandbox, tmp_path: Path, attach_as: str, suffixes: list[str]) -> None:
    """Each storage alone is enough to verify by; a second signature does not drop the first."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, f"as-{attach_as}"))
    options = ("--attach-as", attach_as)
    for _ in range(2):
        assert run(sandbox, sign, image, *options, "--annotation", "stage=prod")[0] == 0
    assert run(sandbox, attest, image, *predicate(tmp_path), *options)[0] == 0
    assert tags(image) == suffixes
    listed = run(sandbox, tree_command, image)[1]
    assert listed.count("cosign/sign") == (0 if attach_as == "legacy" else 2)
    assert ("2 in the tag .sig" in listed) == (attach_as != "bundle")
    status, output = run(sandbox, verify, image, *trusted(sandbox))
    assert status == 0, output
    assert run(sandbox, verify, image, "--type", TYPE, *trusted(sandbox))[0] == 0
    assert run(sandbox, verify, image, "--repo", "evil/app", "--trusted-root", str(sandbox.trusted_root_file))[0] == 1


def test_no_promise_no_legacy(sandbox: Sandbox, tmp_path: Path) -> None:
    """Rekor v2 gives no signed entry timestamp, and older cosign takes nothing else."""
    image = str(push(sandbox, "no-promise"))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(sandbox.client_trust_config(2)))
    with pytest.raises(SigstepError) as caught:
        run(sandbox, sign, image, "--attach-as", "legacy", "--trust-config", str(config))
    assert caught.value.code == "legacy-promise"
    assert tags(image) == []


@pytest.mark.parametrize("referrers", [True, False])
def test_replace(sandbox: Sandbox, tmp_path: Path, referrers: bool) -> None:
    """Older ones of the same signer and type go; other types, other signers and what is no bundle stay."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"replaced-{referrers}".lower()))
    other = {**sandbox.issuer.claims, "sub": "repo:other/app:ref:refs/heads/main"}
    assert run(sandbox, sign, image)[0] == 0
    claims = sandbox.issuer.claims
    try:
        sandbox.issuer.claims = {
            **other,
            "repository": "other/app",
            "job_workflow_ref": "other/app/.github/workflows/x.yml@refs/heads/main",
        }
        assert run(sandbox, attest, image, *predicate(tmp_path))[0] == 0
    finally:
        sandbox.issuer.claims = claims
    for _ in range(3):
        assert run(sandbox, attest, image, *predicate(tmp_path), "--replace")[0] == 0
    listed = run(sandbox, tree_command, image)[1]
    assert (listed.count(TYPE), listed.count("cosign/sign")) == (2, 1)
    sandbox.registry.deletes = False
    try:
        assert run(sandbox, attest, image, *predicate(tmp_path), "--replace")[0] == 4
    finally:
        sandbox.registry.deletes = True
    assert run(sandbox, tree_command, image)[1].count(TYPE) == 3


def test_attest_recursively(sandbox: Sandbox, tmp_path: Path) -> None:
    """The index and each image; annotations are signed with the subject."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "attested-all"))
    options = ("--recursive", "--annotation", "stage=prod")
    assert run(sandbox, attest, image, *predicate(tmp_path), *options)[0] == 0
    status, output = run(sandbox, verify, image, "--recursive", "--type", TYPE, "--format", "json", *trusted(sandbox))
    assert status == 0
    verdicts = json.loads(output)["verdicts"]
    assert len(verdicts) == 2
    with pytest.raises(SigstepError) as caught:
        run(sandbox, sign, image, "--annotation", "nonsense")
    assert caught.value.code == "option-malformed"


def image_with_files(served: Served, name: str) -> tuple[Reference, Manifest]:
    """An index of one image whose layer has a Python distribution."""
    image = parse_reference(f"{served.url.partition('//')[2]}/{name}:v1")
    client = Client(real_world())
    layer = BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        data = b"Metadata-Version: 2.1\nName: acme-widget\nVersion: 1.2.3\n"
        member = tarfile.TarInfo("usr/lib/python3/site-packages/acme_widget-1.2.3.dist-info/METADATA")
        member.size = len(data)
        tar.addfile(member, BytesIO(data))
    stored = client.put_blob(image, layer.getvalue())
    config = client.put_blob(
        image,
        encode(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [str(stored.digest)]},
            }
        ),
    )
    described = [
        {**part.document(), "mediaType": kind}
        for part, kind in (
            (config, "application/vnd.oci.image.config.v1+json"),
            (stored, "application/vnd.oci.image.layer.v1.tar"),
        )
    ]
    manifest = parse_manifest(
        encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]})
    )
    client.put_manifest(image.at(manifest.digest), manifest.data, MANIFEST)
    child = Descriptor(media_type=MANIFEST, digest=manifest.digest, size=len(manifest.data))
    platform = {"os": "linux", "architecture": "amd64"}
    client.put_manifest(image, index_document([{**child.document(), "platform": platform}]), INDEX)
    return image, manifest


def test_sbom_of_an_image(sandbox: Sandbox) -> None:
    """syft reads each image of the index from the registry, and the SBOM is attested to that image in the same run."""
    sandbox.registry.referrers = True
    image, manifest = image_with_files(sandbox, "with-sbom")
    status, output = run(sandbox, attest, str(image), "--provenance", "--sbom", "auto")
    assert status == 0, output
    assert output.count(" -> ") == 2
    of_child = str(image.at(manifest.digest))
    status, output = run(sandbox, verify, of_child, "--type", CYCLONEDX, "--format", "json", *trusted(sandbox))
    assert status == 0, output
    listed = run(sandbox, tree_command, str(image))[1]
    assert (listed.count(CYCLONEDX), listed.count("slsa.dev/provenance")) == (1, 1)
    assert run(sandbox, verify, str(image), "--type", CYCLONEDX, *trusted(sandbox))[0] == 1


def test_no_sbom_of_an_index_without_images(sandbox: Sandbox) -> None:
    """An SBOM is about an image of the index; where it lists none there is nothing to attest."""
    image = parse_reference(f"{sandbox.url.partition('//')[2]}/lists-nothing:v1")
    Client(real_world()).put_manifest(image, index_document([]), INDEX)
    with pytest.raises(SigstepError) as caught:
        run(sandbox, attest, str(image), "--sbom", "auto")
    assert (caught.value.code, caught.value.exit_code) == ("no-predicate", 3)


def test_download_of_older_signatures(sandbox: Sandbox, tmp_path: Path) -> None:
    """The payload that was signed, once, with a bundle for each signature; `verify` takes it as a file."""
    image = push(sandbox, "older-signed")
    for annotation in ("stage=test", "stage=test", "stage=prod"):
        assert run(sandbox, sign, str(image), "--attach-as", "legacy", "--annotation", annotation)[0] == 0
    status, output = run(sandbox, download, str(image), "--output-dir", str(tmp_path))
    index = Client(real_world()).manifest(image)
    payloads = list(tmp_path.glob("*.json"))
    assert (status, len(payloads), output.count(".json: 2"), output.count(".json: 1")) == (0, 2, 1, 1)
    for path in payloads:
        assert json.loads(path.read_bytes())["critical"]["image"]["docker-manifest-digest"] == str(index.digest)
        assert run(sandbox, verify, str(path), "--offline", *trusted(sandbox))[0] == 0
        path.write_bytes(path.read_bytes() + b" ")
        assert run(sandbox, verify, str(path), "--offline", *trusted(sandbox))[0] == 1


def test_signatures_of_another_image_are_not_downloaded(sandbox: Sandbox, tmp_path: Path) -> None:
    """Whoever writes the tag says what is in it; the payload says which image it is about."""
    image = push(sandbox, "older-moved")
    assert run(sandbox, sign, str(image), "--attach-as", "legacy")[0] == 0
    client = Client(real_world())
    index = client.manifest(image)
    child = index.manifests[0].digest
    moved = client.manifest(image.tagged(f"{tag_of(index.digest)}.sig"))
    client.put_manifest(image.tagged(f"{tag_of(child)}.sig"), moved.data, MANIFEST)
    with pytest.raises(SigstepError) as caught:
        run(sandbox, download, str(image.at(child)), "--output-dir", str(tmp_path))
    assert (caught.value.code, list(tmp_path.iterdir())) == ("nothing-known", [])


def test_download_of_older_attestations(sandbox: Sandbox, tmp_path: Path) -> None:
    """What older cosign kept in its tag becomes a file that proves the same."""
    image = push(sandbox, "older")
    assert run(sandbox, attest, str(image), *predicate(tmp_path), "--attach-as", "legacy")[0] == 0
    assert run(sandbox, download, str(image), "--output-dir", str(tmp_path))[0] == 0
    digest = Client(real_world()).manifest(image).digest
    bundle = tmp_path / f"sha256-{digest.hex}.sigstore.jsonl"
    options = ("--bundle", str(bundle), "--offline", "--type", TYPE)
    status, output = run(sandbox, verify, str(digest), *options, *trusted(sandbox))
    assert status == 0, output
