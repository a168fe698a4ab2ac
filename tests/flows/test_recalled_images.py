"""A recalled manifest recalls the index that lists it, and what is taken out of a recalled index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.flows.test_images import push, run
from tests.flows.test_policy_images import SIGNED, judged
from tests.sandboxes import sandbox

from sigstep.cli.sign import command as sign
from sigstep.model.digest import Digest
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, encode, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]


def nested(sandbox: Sandbox, name: str) -> tuple[Reference, dict[str, Digest]]:
    """An index of an image for amd64 and of an index of one for arm64, everything signed; digests by name."""
    image = push(sandbox, name)
    client = Client(real_world())
    amd64 = client.manifest(image).manifests[0]
    config = client.put_blob(image, b"{ }")
    inner = parse_manifest(
        encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": []})
    )
    client.put_manifest(image.at(inner.digest), inner.data, MANIFEST)
    listed = {**inner.descriptor.document(), "platform": {"os": "linux", "architecture": "arm64"}}
    middle = parse_manifest(encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}))
    client.put_manifest(image.at(middle.digest), middle.data, INDEX)
    platform = {"os": "linux", "architecture": "amd64"}
    children = [{**amd64.document(), "platform": platform}, middle.descriptor.document()]
    root = parse_manifest(encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}))
    client.put_manifest(image, root.data, INDEX)
    assert run(sandbox, sign, str(image), "--recursive")[0] == 0
    return image, {"root": root.digest, "amd64": amd64.digest, "middle": middle.digest, "arm64": inner.digest}


@pytest.mark.parametrize("recalled", ["root", "amd64", "middle", "arm64", "other"])
def test_of_an_index(sandbox: Sandbox, tmp_path: Path, recalled: str) -> None:
    """The index alone, one platform of it, and all: refused where the recalled manifest is what would be run, or what
    it would be taken from."""
    image, digests = nested(sandbox, "recalled-part")
    digest = digests.get(recalled, Digest.of(b"something else"))
    more = f"recalls: [{{digest: '{digest}', reason: stolen, date: 2026-11-01}}]"

    def refused(*options: str) -> set[str]:
        status, output = judged(sandbox, tmp_path, str(image), SIGNED, *options, more=more)
        verdicts = json.loads(output)["verdicts"]
        found = {one["subject"]["digests"][0] for one in verdicts if one["outcome"] == "refused"}
        codes = {finding["code"] for one in verdicts for finding in one["findings"]}
        assert (status, codes) == ((1, {"policy-recalled"}) if found else (0, set()))
        return {name for name, one in digests.items() if str(one) in found}

    everything = {"root", "amd64", "middle", "arm64"}
    related = {
        "root": everything,
        "amd64": {"root", "amd64"},
        "middle": {"root", "middle", "arm64"},
        "arm64": {"root", "middle", "arm64"},
        "other": set[str](),
    }[recalled]
    assert refused() == related & {"root"}
    assert refused("--recursive") == related
    assert refused("--platform", "linux/amd64") == related & {"amd64"}
