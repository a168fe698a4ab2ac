"""The client against the sandbox's registry: what it reads and writes, and a code for each way to go wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.oci.conftest import UNKNOWN, Running, referrer

from sigstep.errors import FormatError, ServiceError, SigstepError, UsageError
from sigstep.model.digest import Digest
from sigstep.oci import referrers
from sigstep.oci.auth import check_realm, parse_challenge
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import INDEX, Descriptor, parse_manifest
from sigstep.oci.reference import Reference
from sigstep.ports.http import Response
from sigstep.ports.real import real_world
from sigstep.sandbox.faults import Fault


def config(folder: Path, running: Running, secret: str = "secret", **members: object) -> str:
    """A Docker configuration folder."""
    auth = base64.b64encode(f"user:{secret}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {running.host: {"auth": auth}}, **members}))
    return str(folder)


def test_round_trip(running: Running) -> None:
    """Tags resolve to the bytes that were pushed; blobs come back whole and in pieces."""
    image, manifest = running.push()
    client = running.client()
    assert client.manifest(image).digest == manifest.digest
    pinned = image.at(manifest.digest)
    assert client.manifest(pinned).data == manifest.data
    assert client.blob(pinned, manifest.layers[0], at_most=100) == b"layer of app"
    assert b"".join(client.stream_blob(pinned, manifest.layers[0])) == b"layer of app"


def test_a_large_blob_goes_in_chunks(running: Running) -> None:
    """PATCH after PATCH, then PUT with the digest."""
    data = bytes(range(256)) * (1 << 17)
    image, _ = running.push()
    client = running.client()
    client.upload(image, Digest.of(data), iter([data[:1000], data[1000:]]))
    descriptor = Descriptor(media_type="x", digest=Digest.of(data), size=len(data))
    assert b"".join(client.stream_blob(image, descriptor)) == data


@pytest.mark.parametrize("access", ["token", "basic"])
def test_credentials(running: Running, tmp_path: Path, access: str) -> None:
    """Docker's configuration signs in; without it, or with an expired secret, the code says so."""
    image, manifest = running.push()
    running.registry.access = access
    client = running.client(DOCKER_CONFIG=config(tmp_path, running))
    assert client.manifest(image).digest == manifest.digest
    client.put_blob(image, b"more")
    for secret in ("wrong", ""):
        folder = config(tmp_path, running, secret) if secret else ""
        with pytest.raises(ServiceError) as caught:
            running.client(DOCKER_CONFIG=folder).manifest(image)
        assert caught.value.code == ("registry-unauthorized")


def test_a_realm_on_another_host(running: Running, tmp_path: Path) -> None:
    """Credentials go nowhere else."""
    image, _ = running.push()
    running.registry.access, running.registry.realm = "token", "https://evil.example/token"
    with pytest.raises(ServiceError) as caught:
        running.client(DOCKER_CONFIG=config(tmp_path, running)).manifest(image)
    assert caught.value.code == ("registry-realm")


@pytest.mark.parametrize(
    ("realm", "host", "good"),
    [
        ("https://auth.docker.io/token", "docker.io", True),
        ("https://ghcr.io/token", "ghcr.io", True),
        ("https://gitlab.example.org/jwt", "registry.gitlab.example.org", True),
        ("https://ghcr.io.evil.example/token", "ghcr.io", False),
        ("https://evil.io/token", "ghcr.io", False),
        ("http://ghcr.io/token", "ghcr.io", False),
        ("http://127.0.0.1:9/token", "localhost:5000", True),
        ("http://127.0.0.1:9/token", "ghcr.io", False),
        ("https://u@ghcr.io/token", "ghcr.io", False),
        ("", "ghcr.io", False),
    ],
)
def test_realms(realm: str, host: str, good: bool) -> None:
    """The registry's own host, a parent domain of it, or beside it."""
    if good:
        check_realm(realm, host)
        return
    with pytest.raises(ServiceError) as caught:
        check_realm(realm, host)
    assert caught.value.code == ("registry-realm")


def test_the_realm_of_a_registry_without_tls() -> None:
    """Asked without TLS on demand, its own host may give the token so too; no other."""
    check_realm("http://registry.lan:8080/service/token", "registry.lan:5000", plain=True)
    for realm in ("http://auth.registry.lan/token", "http://evil.lan/token", "http://u@registry.lan/token"):
        with pytest.raises(ServiceError):
            check_realm(realm, "registry.lan:5000", plain=True)
    with pytest.raises(ServiceError):
        check_realm("http://registry.lan/token", "registry.lan:5000")


def test_challenges() -> None:
    """RFC 9110, 11.6.1: quoted values hold commas."""
    found = parse_challenge('Bearer realm="https://a.example/t",service="s",scope="repository:a:pull,push"')
    assert found is not None
    assert found.parameters["scope"] == "repository:a:pull,push"
    assert parse_challenge("Negotiate") is None


@pytest.mark.parametrize(
    ("header", "scheme", "realm"),
    [
        ('Basic realm="x", Bearer realm="https://a.example/t",service="s"', "bearer", "https://a.example/t"),
        ('Bearer realm="https://a.example/t",service="s", Basic realm="x"', "bearer", "https://a.example/t"),
        ('Negotiate, Bearer realm="https://a.example/t"', "bearer", "https://a.example/t"),
        ('Negotiate YQ==, Basic realm="a, Bearer b"', "basic", "a, Bearer b"),
        ("bearer realm=https://a.example/t,service=s", "bearer", "https://a.example/t"),
    ],
)
def test_one_of_several_challenges(header: str, scheme: str, realm: str) -> None:
    """A token goes before a password, wherever it stands, and each has parameters of its own."""
    found = parse_challenge(header)
    assert found is not None
    assert (found.scheme, found.parameters["realm"]) == (scheme, realm)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "registry-forbidden"),
        (404, "registry-not-found"),
        (406, "registry-refused"),
        (401, "registry-unauthorized"),
        (429, "service-unavailable"),
        (500, "service-unavailable"),
        (503, "service-unavailable"),
    ],
)
def test_statuses(running: Running, status: int, code: str) -> None:
    """Each status has its code; those that pass are tried again while the budget lasts."""
    image, _ = running.push()
    running.faults.set("registry", Fault(kind="status", status=status))
    with pytest.raises(ServiceError) as caught:
        running.client().manifest(image)
    assert caught.value.code == code


def test_trying_again(running: Running) -> None:
    """One failure of a busy registry is not the end."""
    image, manifest = running.push()
    running.faults.set("registry", Fault(kind="status", status=503, times=1))
    assert running.client(Settings(retry_seconds=5)).manifest(image).digest == manifest.digest


def test_changed_bytes(running: Running) -> None:
    """Digest and size are checked over what came."""
    image, manifest = running.push()
    layer = manifest.layers[0]
    client = running.client()
    for data, code in ((b"LAYER of app", "registry-digest-mismatch"), (b"layer", "registry-size-mismatch")):
        running.registry.replaced = {str(layer.digest): data}
        with pytest.raises(FormatError) as caught:
            client.blob(image, layer, at_most=100)
        assert caught.value.code == code
        with pytest.raises(FormatError) as caught:
            list(client.stream_blob(image, layer))
        assert caught.value.code == code
    running.registry.replaced = {str(manifest.digest): b"{}"}
    with pytest.raises(FormatError) as caught:
        client.manifest(image.at(manifest.digest))
    assert caught.value.code == ("registry-digest-mismatch")
    with pytest.raises(FormatError) as caught:
        client.blob(image, layer, at_most=3)
    assert caught.value.code == ("registry-blob-too-large")


@pytest.mark.parametrize("page", [0, 2])
def test_referrers_by_api(running: Running, page: int) -> None:
    """With the API, in pages or whole, no tag is written."""
    running.registry.page = page
    image, manifest = running.push()
    client = running.client()
    for number in range(5):
        referrers.attach(client, image, referrer(client, image, manifest, number))
    found = referrers.list_referrers(client, image, manifest.digest)
    assert sorted(one.annotations["number"] for one in found) == list("01234")
    assert client.tag_bytes(image.tagged(referrers.tag_of(manifest.digest))) is None
    assert referrers.list_referrers(client, image, UNKNOWN) == ()


def test_fifty_attaches_at_once(running: Running) -> None:
    """Issue 5: on a registry without the API, and without If-Match, none is lost."""
    running.registry.referrers = False
    image, manifest = running.push()

    def attach(number: int) -> None:
        client = running.client(Settings(retry_seconds=30))
        referrers.attach(client, image, referrer(client, image, manifest, number))

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(attach, range(50)))
    found = referrers.list_referrers(running.client(), image, manifest.digest)
    assert sorted(int(one.annotations["number"]) for one in found) == list(range(50))


class Slow(Client):
    """A client that does something else between reading the list and writing it, once."""

    between: Callable[[], None] | None = None

    def put_manifest(self, image: Reference, *given: Any, **more: Any) -> Response:
        """See `Client`."""
        between, ready = self.between, image.tag is not None and "." not in image.tag
        if between is not None and ready:
            self.between = None
            between()
        return super().put_manifest(image, *given, **more)


@pytest.mark.parametrize("compares", [False, True])
def test_a_slow_writer(running: Running, compares: bool) -> None:
    """Whoever wrote while another was about to write an older list is found again, with If-Match and without."""
    running.registry.referrers, running.registry.compares = False, compares
    image, manifest = running.push()
    slow = Slow(replace(real_world(), environ={}))
    for number in (0, 1):
        quick = running.client()
        slow.between = lambda n=number, c=quick: referrers.attach(c, image, referrer(c, image, manifest, n))
        referrers.attach(slow, image, referrer(slow, image, manifest, number + 10))
    found = referrers.list_referrers(slow, image, manifest.digest)
    assert sorted(int(one.annotations["number"]) for one in found) == [0, 1, 10, 11]


def test_a_registry_that_lists_no_tags(running: Running) -> None:
    """Then at least its own entry is there before a writer ends."""
    running.registry.referrers = running.registry.lists_tags = False
    image, manifest = running.push()
    slow, quick = Slow(replace(real_world(), environ={})), running.client()
    slow.between = lambda: referrers.attach(quick, image, referrer(quick, image, manifest, 1))
    referrers.attach(slow, image, referrer(slow, image, manifest, 2))
    found = referrers.list_referrers(slow, image, manifest.digest)
    assert "2" in [one.annotations["number"] for one in found]


def test_tags_of_others(running: Running) -> None:
    """What is tagged like an attachment and is none, or is gone, does not get into the list or in its way."""
    running.registry.referrers, running.registry.page = False, 1
    image, manifest = running.push()
    client, start = running.client(), referrers.tag_of(manifest.digest)
    other, its = running.push("other")
    foreign = referrer(client, other, its, 7)
    client.put_blob(image, b"{}")
    client.put_blob(image, b"attachment 7")
    client.put_manifest(image.tagged(f"{start}.{foreign.digest.hex[:32]}"), foreign.data, foreign.media_type)
    client.put_manifest(image.tagged(f"{start}.{'0' * 32}"), manifest.data, manifest.media_type)
    client.put_manifest(image.tagged(f"{start}.sig"), manifest.data, manifest.media_type)
    referrers.attach(client, image, referrer(client, image, manifest, 1))
    found = referrers.list_referrers(client, image, manifest.digest)
    assert [one.annotations["number"] for one in found] == ["1"]


def test_a_registry_that_does_not_delete(running: Running) -> None:
    """Then nothing of the list is changed."""
    running.registry.referrers = running.registry.deletes = False
    image, manifest = running.push()
    client = running.client()
    attached = referrer(client, image, manifest, 1)
    referrers.attach(client, image, attached)
    with pytest.raises(ServiceError) as caught:
        referrers.drop(client, image, manifest.digest, frozenset({attached.digest}))
    assert caught.value.code == "registry-refused"
    assert [one.digest for one in referrers.list_referrers(client, image, manifest.digest)] == [attached.digest]


def test_dropping(running: Running) -> None:
    """What is deleted is not listed any more."""
    running.registry.referrers = False
    image, manifest = running.push()
    client = running.client()
    first, second = (referrer(client, image, manifest, number) for number in range(2))
    for one in (first, second):
        referrers.attach(client, image, one)
    referrers.drop(client, image, manifest.digest, frozenset({first.digest}))
    assert [one.digest for one in referrers.list_referrers(client, image, manifest.digest)] == [second.digest]


def test_a_flood_of_referrers(running: Running) -> None:
    """10,000 referrers are refused, not read."""
    running.registry.referrers = False
    image, manifest = running.push()
    entry = manifest.descriptor.document()
    data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] * 10_000}).encode()
    client = running.client()
    client.put_manifest(image.tagged(referrers.tag_of(manifest.digest)), data, INDEX)
    with pytest.raises(FormatError) as caught:
        referrers.list_referrers(client, image, manifest.digest)
    assert caught.value.code == "referrers-too-many"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schemaVersion": 1},
        {"schemaVersion": 2, "mediaType": "text/html", "layers": []},
        {"schemaVersion": 2, "mediaType": INDEX, "layers": []},
        {"schemaVersion": 2, "layers": 5},
        {"schemaVersion": 2, "layers": [5]},
        {"schemaVersion": 2, "layers": [{"digest": str(UNKNOWN), "size": -1}]},
        {"schemaVersion": 2, "layers": [{"digest": 5, "size": 1}]},
        {"schemaVersion": 2, "layers": [], "annotations": {"a": 5}},
        {"schemaVersion": 2, "layers": [], "artifactType": 5},
        {"schemaVersion": 2, "manifests": [{"digest": str(UNKNOWN), "size": 1, "platform": 5}]},
    ],
)
def test_manifests_that_are_none(document: object) -> None:
    """image-spec: members and their types."""
    with pytest.raises(FormatError) as caught:
        parse_manifest(json.dumps(document).encode())
    assert caught.value.code == ("image-manifest")


def test_a_hundred_megabytes(running: Running) -> None:
    """A manifest is bounded while it is read."""
    image, manifest = running.push()
    running.registry.replaced = {str(manifest.digest): b" " * (5 << 20)}
    with pytest.raises(ServiceError) as caught:
        running.client().manifest(image)
    assert caught.value.code == ("answer-too-large")


@pytest.mark.parametrize("text", ["[", "[]", '{"auths":{"HOST":{"auth":"%"}}}', '{"auths":{"HOST":{"auth":"YQ=="}}}'])
def test_a_broken_configuration(running: Running, tmp_path: Path, text: str) -> None:
    """It is told, not passed over."""
    image, _ = running.push()
    running.registry.access = "basic"
    (tmp_path / "config.json").write_text(text.replace("HOST", running.host))
    with pytest.raises(UsageError) as caught:
        running.client(DOCKER_CONFIG=str(tmp_path)).manifest(image)
    assert caught.value.code == ("registry-config")


@pytest.mark.parametrize("helper", ["not-installed-anywhere", "../evil"])
def test_a_helper_that_is_missing(running: Running, tmp_path: Path, helper: str) -> None:
    """credHelpers names a program on PATH."""
    image, _ = running.push()
    running.registry.access = "basic"
    folder = config(tmp_path, running, credHelpers={running.host: helper})
    with pytest.raises(SigstepError) as caught:
        running.client(DOCKER_CONFIG=folder).manifest(image)
    assert caught.value.code == ("registry-helper")
