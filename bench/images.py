"""An index of 10 platforms with 5 attestations each: sigstep verify against cosign verify-attestation, on one registry.

Both verify one predicate type of every platform, in a process of their own, on the sandbox's registry on loopback with
the referrers API and with the tag that stands in for it; once as fast as it answers, and once with 10 ms an answer,
as a registry nearby takes. Requests are those the registry saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner
from tests.interop.tools import tool

from sigstep.cli.attest import command as attest
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, encode, index_document, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

PLATFORMS, KINDS, ROUNDS = 10, 5, 3
WANTED = "https://acme.example/kind-3/v1"


def push(sandbox: Sandbox, name: str) -> tuple[Reference, list[Reference]]:
    """The index by its tag, and each platform by its digest."""
    client = Client(real_world())
    image = parse_reference(f"{sandbox.url.partition('//')[2]}/{name}:v1")
    config = client.put_blob(image, b"{}")
    children, listed = [], []
    for number in range(PLATFORMS):
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.document(),
            "layers": [],
            "annotations": {"platform": str(number)},
        }
        manifest = parse_manifest(encode(document))
        client.put_manifest(image.at(manifest.digest), manifest.data, MANIFEST)
        platform = {"os": "linux", "architecture": f"cpu{number}"}
        listed.append({**manifest.descriptor.document(), "platform": platform})
        children.append(image.at(manifest.digest))
    client.put_manifest(image, index_document(listed), INDEX)
    return image, children


def attach(sandbox: Sandbox, children: Sequence[Reference], folder: Path) -> None:
    """Five attestations of five types to every platform."""
    (folder / "p.json").write_text('{"ok": true}')
    for kind in range(KINDS):
        options = ["--type", f"https://acme.example/kind-{kind}/v1", "--predicate", str(folder / "p.json")]
        runner = CliRunner(env=sandbox.environ())
        done = runner.invoke(attest, [*map(str, children), *options], standalone_mode=False, catch_exceptions=False)
        assert done.return_value == 0, done.output


def measured(sandbox: Sandbox, command: Sequence[str], folder: Path) -> tuple[int, float]:
    """Requests of one run, and the best wall time of several in seconds."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}  # noqa: TID251
    best, requests = float("inf"), 0
    for _ in range(ROUNDS):
        before = len(sandbox.registry.requests)
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        best = min(best, time.perf_counter() - began)
        requests = len(sandbox.registry.requests) - before
        assert done.returncode == 0, done.stdout + done.stderr
    return requests, best


def main() -> None:
    """One line for each way in which the registry lists attachments."""
    figures = {}
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trust = ["--trusted-root", str(sandbox.trusted_root_file)]
        cosign = [tool("cosign"), "verify-attestation", "--type", WANTED, *trust]
        cosign += ["--certificate-identity-regexp", ".*acme/app.*", "--certificate-oidc-issuer-regexp", ".*"]
        sigstep = [sys.executable, "-m", "sigstep", "verify", "--platform", "all", "--type", WANTED, *trust]
        sigstep += ["--repo", "acme/app"]
        for referrers in (True, False):
            sandbox.registry.referrers = referrers
            image, children = push(sandbox, "referrers" if referrers else "tags")
            attach(sandbox, children, folder)
            for delay in (0.0, 0.01):
                sandbox.faults.clear()
                if delay:
                    sandbox.faults.set("registry", Fault(kind="delay", seconds=delay))
                mine = measured(sandbox, [*sigstep, str(image)], folder)
                theirs = measured(sandbox, [*cosign, *map(str, children)], folder)
                way = f"{'referrers API' if referrers else 'stand-in tag'}, {delay * 1000:.0f} ms"
                figures[way] = {"sigstep": mine, "cosign": theirs}
                print(
                    f"{way}: sigstep {mine[0]} requests, {mine[1]:.2f} s; cosign {theirs[0]} requests, "
                    f"{theirs[1]:.2f} s, ratio {theirs[1] / mine[1]:.2f} (wanted: fewer, above 1)"
                )
                assert mine[0] < theirs[0]
            sandbox.faults.clear()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
