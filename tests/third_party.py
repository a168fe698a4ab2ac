"""Stand-ins for the third-party actions of the examples: each does on this machine what the workflow needs of it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, encode, parse_manifest
from sigstep.oci.reference import parse_reference
from sigstep.ports.real import real_world

ROOT = Path(__file__).parents[1]
USES = re.compile(r"uses: (?P<name>[\w.-]+/[\w.-]+)(?P<path>(?:/[\w.-]+)*)@(?P<ref>[0-9a-f]{40})")
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NOTHING = "true"
# action: (inputs, script, outputs). Inputs arrive as IN_<NAME>; SHARED is a folder that all jobs of a run see.
STUBS = {
    "actions/setup-python": ((), NOTHING),
    "actions/setup-node": ((), NOTHING),
    "actions/setup-go": ((), NOTHING),
    "astral-sh/setup-uv": ((), NOTHING),
    "docker/login-action": ((), NOTHING),
    "docker/setup-buildx-action": ((), NOTHING),
    "docker/setup-qemu-action": ((), NOTHING),
    "anchore/sbom-action/download-syft": ((), NOTHING),
    "actions/upload-artifact": (
        ("name", "path"),
        """
        into="$SHARED/artifacts/$IN_NAME"; mkdir -p "$into"
        if [ -d "$IN_PATH" ]; then cp -R "$IN_PATH"/* "$into/"; else cp "$IN_PATH" "$into/"; fi  # no hidden files
        [ -n "$(ls -A "$into")" ]
        """,
    ),
    "actions/download-artifact": (
        ("name", "path"),
        'mkdir -p "$IN_PATH"; cp -R "$SHARED/artifacts/$IN_NAME/." "$IN_PATH/"',
    ),
    "docker/build-push-action": (
        ("tags", "platforms"),
        f"""
        digest="$(cd {ROOT} && {sys.executable} -m tests.third_party "$IN_TAGS" "$IN_PLATFORMS")"
        echo "digest=$digest" >>"$GITHUB_OUTPUT"
        """,
    ),
    "goreleaser/goreleaser-action": (
        ("args",),
        """
        mkdir dist
        for system in linux darwin; do echo "binary for $system" >"dist/widget_$system.tar.gz"; done
        (cd dist && sha256sum -- *.tar.gz >checksums.txt)
        mkdir -p "$SHARED/published"; cp dist/* "$SHARED/published/"
        """,
    ),
    "pypa/gh-action-pypi-publish": ((), 'mkdir -p "$SHARED/published"; cp dist/* "$SHARED/published/"'),
    "github/codeql-action/upload-sarif": (("sarif_file",), 'cp "$IN_SARIF_FILE" "$SHARED/findings.sarif"'),
}


def stand_ins(workflow: str, folder: Path) -> dict[str, Path]:
    """Repositories for the third-party actions that a workflow uses: ``owner/name@ref`` to a folder."""
    made: dict[str, Path] = {}
    for use in USES.finditer(workflow):
        action = use["name"] + use["path"]
        if action not in STUBS:
            continue
        inputs, script = STUBS[action]
        place = folder / use["name"].replace("/", "-")
        step = {
            "shell": "bash",
            "run": script,
            "env": {f"IN_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in inputs},
            "id": "run",
        }
        outputs = {"digest": {"value": "${{ steps.run.outputs.digest }}"}}
        value = {
            "name": action,
            "inputs": {name: {"required": False, "default": ""} for name in inputs},
            "outputs": outputs if "GITHUB_OUTPUT" in script else {},
            "runs": {"using": "composite", "steps": [step]},
        }
        file = place / use["path"].lstrip("/") / "action.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))  # JSON is YAML
        made[f"{use['name']}@{use['ref']}"] = place
    for place in set(made.values()):
        for arguments in (
            ["init", "-q"],
            ["add", "-A"],
            ["-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-qm", "x"],
        ):
            subprocess.run(["git", *arguments], cwd=place, check=True, capture_output=True, timeout=60)
    return made


def push(tag: str, platforms: Sequence[str] = ()) -> str:
    """Push a small image under a tag, or an index of one image a platform; its digest."""
    image, client = parse_reference(tag), Client(real_world())
    children = []
    for platform in platforms or ["linux/amd64"]:
        system, _, architecture = platform.partition("/")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(platform.replace("/", "-")))
        layer = client.put_blob(image, archive.getvalue())
        told = {"os": system, "architecture": architecture}
        content = {**told, "config": {}, "rootfs": {"type": "layers", "diff_ids": [str(layer.digest)]}}
        config = client.put_blob(image, json.dumps(content).encode())
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {**config.document(), "mediaType": CONFIG},
            "layers": [{**layer.document(), "mediaType": LAYER}],
        }
        child = parse_manifest(encode(document))
        client.put_manifest(image.at(child.digest) if platforms else image, child.data, MANIFEST)
        children.append({**child.descriptor.document(), "platform": told})
    if not platforms:
        return str(children[0]["digest"])
    index = parse_manifest(encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}))
    client.put_manifest(image, index.data, INDEX)
    return str(index.digest)


if __name__ == "__main__":
    print(push(sys.argv[1], [one for one in sys.argv[2].split(",") if one]))
