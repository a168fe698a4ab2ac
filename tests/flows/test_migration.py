"""The migration table: every step "after" runs under act as it is written, and its result verifies."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from tests.acts import Ran, act

from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import MANIFEST, encode, parse_manifest
from sigstep.oci.reference import parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "migrate.md").read_text()
SECTIONS = {
    title: re.findall(r"```yaml\n(.*?)```", body, re.DOTALL)
    for title, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
}
SBOM = b'{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "one", "packages": []}'
FILES = {"dist/one.whl": b"one\n", "dist/two.tar.gz": b"two\n", "sbom.spdx.json": SBOM}
EXPECTED = {
    # section: (subjects verified, attestations at GitHub, attachments in the registry)
    "actions/attest": (2, 1, 0),
    "actions/attest-build-provenance": (1, 1, 1),
    "actions/attest-sbom": (1, 1, 0),
    "sigstore/gh-action-sigstore-python": (2, 0, 0),
    "sigstore/cosign-installer": (1, 0, 1),
    "slsa-github-generator": (2, 1, 0),
}


WITH_PROVENANCE = {"actions/attest", "actions/attest-build-provenance", "slsa-github-generator"}


def test_the_table_and_the_sections_are_the_same() -> None:
    """Every section has a step before and a step after, and every row of the table its section."""
    assert set(SECTIONS) == set(EXPECTED)
    assert {title: len(blocks) for title, blocks in SECTIONS.items()} == dict.fromkeys(SECTIONS, 2)
    rows = re.findall(r"^\| (\S+)(?: and .*?)? \| `OWNER", PAGE, re.MULTILINE)
    assert set(rows) == set(EXPECTED)


@pytest.fixture
def image(sandbox: Sandbox) -> tuple[str, str]:
    """A registry's host and the digest of an image in it."""
    host = sandbox.url.removeprefix("http://")
    reference = parse_reference(f"{host}/acme/app")
    client = Client(real_world(), Settings(plain_http=frozenset({host})))
    config = client.put_blob(reference, b"{}")
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": []}
    manifest = parse_manifest(encode(document), MANIFEST)
    client.put_manifest(reference.at(manifest.digest), encode(document), MANIFEST)
    return host, str(manifest.digest)


@pytest.mark.parametrize("title", sorted(EXPECTED))
def test_every_row_runs(title: str, sandbox: Sandbox, image: tuple[str, str], tmp_path: Path) -> None:
    """The step after, in a workflow of its own, with nothing else changed."""
    host, digest = image
    before = len(sandbox.hub.attestations)
    ran = _run(SECTIONS[title][1].replace("REGISTRY", host).replace("IMAGE-DIGEST", digest), sandbox, tmp_path)
    assert ran.status == 0, ran.log
    outputs = ran.outputs("it")
    verified, published, attached = EXPECTED[title]
    assert (outputs["outcome"], outputs["verified-count"]) == ("verified", str(verified))
    assert len(sandbox.hub.attestations) - before == published
    if published:
        number = sandbox.hub.attestations[-1][1]["id"]
        assert outputs["attestation-id"] == str(number)
        assert outputs["attestation-url"] == f"https://github.com/acme/app/attestations/{number}"
    assert ("- registry: " in ran.summary) is bool(attached and published)
    assert ("SLSA Build L2" in ran.summary) is (title in WITH_PROVENANCE)


def _run(steps: str, sandbox: Sandbox, folder: Path) -> Ran:
    named = steps.replace("- uses: OWNER", "- id: it\n  uses: OWNER").replace("@FULL-COMMIT", "@v1")
    workflow = (
        "name: ci\non: push\npermissions: {}\njobs:\n  release:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v4\n" + textwrap.indent(named.replace("OWNER/", "acme/"), "      ")
    )
    return act(workflow, folder, files=FILES, env=sandbox.environ())
