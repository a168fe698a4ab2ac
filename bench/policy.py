"""500 manifests with 50 distinct images: `sigstep policy admit` fetches and verifies each image once.

Against the same question asked manifest by manifest (500 runs of the flow in one process, which is what a loop over
manifests costs without the start of a process), on the sandbox's registry on loopback. Requests are those it saw.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from click.testing import CliRunner

from sigstep.cli.sign import command as sign
from sigstep.flows.admission import AdmissionRequest, admit
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.oci.client import Client
from sigstep.oci.manifest import MANIFEST, encode
from sigstep.oci.reference import parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

MANIFESTS, IMAGES, ALONE = 500, 50, 50
POLICY = """
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {{name: signed}}
spec:
  images: [{{glob: "**"}}]
  authorities:
  - name: release
    keyless:
      identities: [{{issuer: "{issuer}", subject: "{subject}"}}]
    signatureFormat: bundle
    attestations: [{{name: signature, predicateType: "https://sigstore.dev/cosign/sign/v1"}}]
"""
SUBJECT = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"


def push(sandbox: Sandbox) -> list[str]:
    """Small images that differ, by their digests."""
    client = Client(real_world())
    made = []
    for number in range(IMAGES):
        image = parse_reference(f"{sandbox.url.partition('//')[2]}/app{number}:v1")
        config = client.put_blob(image, b"{}")
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.document(),
            "layers": [],
            "annotations": {"number": str(number)},
        }
        client.put_manifest(image, encode(document), MANIFEST)
        made.append(str(image))
    return made


def manifests(images: list[str]) -> list[tuple[str, bytes]]:
    """Deployments, each with two of the images."""
    found = []
    for number in range(MANIFESTS):
        pod = {
            "containers": [{"name": "main", "image": images[number % IMAGES]}],
            "initContainers": [{"name": "init", "image": images[(number * 7 + 3) % IMAGES]}],
        }
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"app{number}"},
            "spec": {"template": {"spec": pod}},
        }
        found.append((f"{number}.json", json.dumps(deployment).encode()))
    return found


def main() -> None:
    """Print the figures."""
    with Sandbox() as sandbox:
        images = push(sandbox)
        done = CliRunner(env=sandbox.environ()).invoke(sign, images, standalone_mode=False, catch_exceptions=False)
        assert done.return_value == 0, done.output
        world = real_world()
        trust = load_trust(TrustRequest(trusted_roots=(Path(sandbox.trusted_root_file),)), world)
        issuer = "https://token.actions.githubusercontent.com"
        documents = (POLICY.format(issuer=issuer, subject=SUBJECT).encode(),)
        given = manifests(images)

        def asked(some: list[tuple[str, bytes]]) -> tuple[float, int]:
            before = len(sandbox.registry.requests)
            began = time.perf_counter()
            report = admit(
                AdmissionRequest(manifests=tuple(some), engine="policy-controller", trust=trust, documents=documents),
                world,
            )
            assert report.exit_code == 0, report
            return time.perf_counter() - began, len(sandbox.registry.requests) - before

        together, requests = asked(given)
        by_tag = [one for one in sandbox.registry.requests[-requests:] if one.endswith("/manifests/v1")]
        assert len(by_tag) == IMAGES, f"{len(by_tag)} tags were resolved"
        alone, alone_requests = 0.0, 0
        for one in given[:ALONE]:
            seconds, count = asked([one])
            alone, alone_requests = alone + seconds, alone_requests + count
        scale = MANIFESTS / ALONE
        print(f"{MANIFESTS} manifests, {IMAGES} images: {together:.2f} s, {requests} requests")
        print(f"  {requests / IMAGES:.1f} requests an image, {together / MANIFESTS * 1000:.1f} ms a manifest")
        singly = f"{alone * scale:.2f} s, {alone_requests * scale:.0f} requests"
        print(f"  manifest by manifest ({ALONE} measured, scaled): {singly}")
        print(f"  ratio {alone * scale / together:.1f}")


if __name__ == "__main__":
    main()
