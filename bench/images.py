"""An index of 10 platforms with 5 attestations each: sigstep verify against cosign verify-attestation, on one registry.

Both verify one predicate type of every platform, in a process of their own and in turns. On the sandbox's registry,
which counts their requests, by the referrers API and by the tag that stands in for it: as fast as it answers, and with
10 ms an answer, as a registry nearby takes. On olareg by the referrers API: its own time is next to nothing, so that
processes are compared more than requests, and python with the libraries that sigstep needs is shown for comparison.
All python finds its bytecode compiled, as an installation has it, in a folder of the run that the first round fills.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner
from tests.interop.registries import olareg
from tests.interop.tools import tool

from sigstep.cli.attest import command as attest
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, encode, index_document, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

PLATFORMS, KINDS, ROUNDS = 10, 5, 12
LEAST = "import click, requests, cryptography.x509, rfc3161_client"
WANTED = "https://acme.example/kind-3/v1"


def push(url: str, name: str) -> tuple[Reference, list[Reference]]:
    """The index by its tag, and each platform by its digest."""
    client = Client(real_world())
    image = parse_reference(f"{url.partition('//')[2]}/{name}:v1")
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


def measured(commands: Sequence[Sequence[str]], sandbox: Sandbox, folder: Path) -> list[tuple[int, float]]:
    """Of each command the requests that the sandbox's registry saw in a run, and the best wall time in seconds."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}  # noqa: TID251
    best, requests = [float("inf")] * len(commands), [0] * len(commands)
    for _ in range(ROUNDS):
        for at, command in enumerate(commands):
            before = len(sandbox.registry.requests)
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
            best[at] = min(best[at], time.perf_counter() - began)
            requests[at] = len(sandbox.registry.requests) - before
            assert done.returncode == 0, done.stdout + done.stderr
    return list(zip(requests, best, strict=True))


def commands_of(url: str, sandbox: Sandbox, folder: Path) -> list[list[str]]:
    """Push the images to a registry and attest them; the commands of both, and python with the libraries alone."""
    image, children = push(url, "images")
    attach(sandbox, children, folder)
    trust = ["--trusted-root", str(sandbox.trusted_root_file)]
    sigstep = [str(Path(sys.executable).with_name("sigstep")), "verify", "--platform", "all", "--type", WANTED, *trust]
    cosign = [tool("cosign"), "verify-attestation", "--type", WANTED, *trust]
    cosign += ["--certificate-identity-regexp", ".*acme/app.*", "--certificate-oidc-issuer-regexp", ".*"]
    least = [sys.executable, "-c", LEAST]
    return [[*sigstep, "--repo", "acme/app", str(image)], [*cosign, *map(str, children)], least]


def main() -> None:
    """One line for each registry, way of listing and delay."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for way, referrers in (("referrers API", True), ("stand-in tag", False)):
            sandbox.registry.referrers = referrers
            commands = commands_of(f"{sandbox.url}/{way.replace(' ', '-').lower()}", sandbox, folder)
            for delay in (0.0, 0.01):
                if delay:
                    sandbox.faults.set("registry", Fault(kind="delay", seconds=delay))
                (mine, ours), (theirs, peer) = measured(commands[:2], sandbox, folder)
                sandbox.faults.clear()
                print(
                    f"sandbox, {way}, {delay * 1000:.0f} ms: sigstep {mine} requests, {ours:.3f} s; cosign {theirs} "
                    f"requests, {peer:.3f} s, ratio {peer / ours:.2f} (wanted: fewer, above 1)",
                    flush=True,
                )
                assert mine < theirs
        with olareg(folder) as served:
            (_, ours), (_, peer), (_, least) = measured(commands_of(served.url, sandbox, folder), sandbox, folder)
    print(
        f"olareg, referrers API: sigstep {ours:.3f} s, cosign {peer:.3f} s, ratio {peer / ours:.2f} (wanted: above 1); "
        f"python with click, requests, X.509 and RFC 3161 alone {least:.3f} s"
    )


if __name__ == "__main__":
    main()
