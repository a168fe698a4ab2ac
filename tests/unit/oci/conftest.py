"""A registry on loopback and images in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from sigstep.model.digest import Digest
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import MANIFEST, Manifest, encode, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.faults import Faults
from sigstep.sandbox.registry import Registry
from sigstep.sandbox.server import Server


@dataclass
class Running:
    """A registry that answers, and how to reach it."""

    registry: Registry
    faults: Faults
    host: str

    def client(self, settings: Settings | None = None, **environ: str) -> Client:
        """A client of its own, as another process has it."""
        return Client(replace(real_world(), environ=environ), settings or Settings(retry_seconds=0))

    def image(self, name: str = "app", tag: str = "v1") -> Reference:
        """A reference to this registry."""
        return parse_reference(f"{self.host}/{name}:{tag}")

    def push(self, name: str = "app", tag: str = "v1") -> tuple[Reference, Manifest]:
        """A small image; its reference by tag and its manifest."""
        client, image = self.client(), self.image(name, tag)
        config, layer = client.put_blob(image, b"{}"), client.put_blob(image, f"layer of {name}".encode())
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.document(),
            "layers": [layer.document()],
        }
        manifest = parse_manifest(encode(document))
        client.put_manifest(image, manifest.data, MANIFEST)
        return image, manifest


@pytest.fixture
def running() -> Iterator[Running]:
    """A fresh registry."""
    registry, faults = Registry(), Faults()
    routes = (("/v2/", "registry", registry.handle), ("/registry-token", "registry-token", registry.handle))
    server = Server(routes, faults)
    server.start()
    yield Running(registry, faults, f"localhost:{server.port}")
    server.stop()


def referrer(client: Client, image: Reference, subject: Manifest, number: int) -> Manifest:
    """A manifest about ``subject``, its blobs pushed."""
    layer = client.put_blob(image, f"attachment {number}".encode())
    config = client.put_blob(image, b"{}")
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example",
        "config": config.document(),
        "layers": [layer.document()],
        "subject": subject.descriptor.document(),
        "annotations": {"number": str(number)},
    }
    return parse_manifest(encode(document))


UNKNOWN = Digest.of(b"unknown")
