"""Registries that answer wrongly: cut bodies, redirects, lists without end, headers that are not true."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.unit.oci.conftest import Running, referrer

from sigstep.errors import FormatError, ServiceError, SigstepError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.oci import referrers
from sigstep.oci.client import Client, Settings
from sigstep.oci.credentials import Credential
from sigstep.oci.manifest import INDEX, Descriptor
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.real import real_world

LAYER = b"0123456789" * 10
BLOB = Descriptor(media_type="application/octet-stream", digest=Digest.of(LAYER), size=len(LAYER))
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that answers every request the same way; its host."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_HEAD(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def client() -> Client:
    """Without anything of the machine's environment, and without patience."""
    return Client(replace(real_world(), environ={}), Settings(retry_seconds=0))


def image(host: str) -> Reference:
    """An image there."""
    return parse_reference(f"{host}/app:v1")


def sent(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """One answer."""
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def test_a_truncated_blob() -> None:
    """A body that ends before it should is no blob, whole or in pieces."""

    def cut(handler: BaseHTTPRequestHandler) -> None:
        sent(handler, 200, LAYER[:10], Content_Length=str(len(LAYER)), Connection="close")
        handler.close_connection = True

    with answering(cut) as host:
        with pytest.raises(SigstepError) as caught:
            client().blob(image(host), BLOB, at_most=1000)
        assert caught.value.code in {"registry-size-mismatch", "service-unavailable"}
        with pytest.raises(SigstepError) as caught:
            list(client().stream_blob(image(host), BLOB))
        assert caught.value.code in {"registry-size-mismatch", "network-failed"}


@pytest.mark.parametrize(("ranges", "code"), [(True, ""), (False, "registry-size-mismatch")])
def test_a_transfer_that_is_cut(ranges: bool, code: str) -> None:
    """It goes on where it ended, by a range; a registry that has none is told."""
    asked: list[str] = []

    def cutting(handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range", "")
        asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and ranges else 0
        length = {"Content_Length": str(len(LAYER) - start), "Connection": "close"}
        sent(handler, 206 if wanted and ranges else 200, LAYER[start : start + 40], **length)
        handler.close_connection = True

    with answering(cutting) as host:
        if not code:
            assert b"".join(client().stream_blob(image(host), BLOB)) == LAYER
            assert asked == ["", "", "bytes=40-", "bytes=80-"]
            return
        with pytest.raises(SigstepError) as caught:
            list(client().stream_blob(image(host), BLOB))
        assert caught.value.code == code


def test_credentials_stay_where_they_belong(running: Running) -> None:
    """A redirect to other storage loses them; so does an upload that goes elsewhere."""
    seen: list[str] = []

    def storage(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization", ""))
        sent(handler, 200, LAYER)

    with answering(storage) as there:

        def redirecting(handler: BaseHTTPRequestHandler) -> None:
            if handler.headers.get("Authorization") is None:
                sent(handler, 401, b"", WWW_Authenticate='Basic realm="x"')
            else:
                sent(handler, 307, b"", Location=f"http://{there}/elsewhere")

        settings = Settings(credential=Credential(username="user", secret="secret"), retry_seconds=0)
        with answering(redirecting) as host:
            asking = Client(replace(real_world(), environ={}), settings)
            assert asking.blob(image(host), BLOB, at_most=1000) == LAYER
            assert b"".join(asking.stream_blob(image(host), BLOB)) == LAYER
    assert seen
    assert set(seen) == {""}


def test_an_upload_to_an_unsafe_place() -> None:
    """Neither the registry's own address nor TLS."""
    with answering(lambda handler: sent(handler, 202, b"", Location="http://evil.example/upload")) as host:
        with pytest.raises(ServiceError) as caught:
            client().upload(image(host), BLOB.digest, iter([LAYER]))
        assert caught.value.code == "registry-redirect"


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ('<http://evil.example/next>; rel="next"', "registry-next-page"),
        ('</again>; rel="next"', ""),
    ],
)
def test_lists_that_go_on(link: str, code: str) -> None:
    """To another host, or for ever."""
    empty = b'{"schemaVersion": 2, "mediaType": "%s", "manifests": [], "tags": []}' % INDEX.encode()
    with answering(lambda handler: sent(handler, 200, empty, Content_Type=INDEX, Link=link)) as host:
        for ask, endless in (
            (lambda: referrers.list_referrers(client(), image(host), BLOB.digest), "referrers-too-many"),
            (lambda: client().tags(image(host)), "tags-too-many"),
        ):
            with pytest.raises(SigstepError) as caught:
                ask()
            assert caught.value.code == (code or endless)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (404, INDEX, "registry-not-found"),
        (405, INDEX, "registry-refused"),
        (503, INDEX, "service-unavailable"),
        (200, "text/html", "image-manifest"),
    ],
)
def test_a_listing_that_ends_in_the_middle(status: int, kind: str, code: str) -> None:
    """What says that there is no API says so of the first page; later it hides what the list had."""
    empty = b'{"schemaVersion": 2, "mediaType": "%s", "manifests": []}' % INDEX.encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if "page=2" in handler.path:
            sent(handler, status, empty, Content_Type=kind)
        elif "referrers" in handler.path:
            sent(handler, 200, empty, Content_Type=INDEX, Link=f'<{handler.path}?page=2>; rel="next"')
        else:
            sent(handler, 404, b"")

    with answering(answer) as host, pytest.raises(SigstepError) as caught:
        referrers.list_referrers(client(), image(host), BLOB.digest)
    assert caught.value.code == code


def test_tags_that_are_none() -> None:
    """A list without tags has none."""
    with answering(lambda handler: sent(handler, 200, b'{"name": "app", "tags": null}')) as host:
        assert client().tags(image(host)) == ()


def test_a_listing_that_is_a_web_page() -> None:
    """Status 200 with another content type is no referrers API (as some registries answer)."""
    with answering(lambda handler: sent(handler, 200 if "referrers" in handler.path else 404, b"<html>")) as host:
        assert referrers.list_referrers(client(), image(host), BLOB.digest) == ()


@pytest.mark.parametrize("listed", [True, False])
def test_a_header_that_promises_too_much(running: Running, listed: bool) -> None:
    """OCI-Subject without the API (the list is written), and the API without OCI-Subject (it is not)."""
    running.registry.promises = not listed
    running.registry.referrers = listed
    pushed, manifest = running.push()
    asking = running.client()
    referrers.attach(asking, pushed, referrer(asking, pushed, manifest, 1))
    assert len(referrers.list_referrers(running.client(), pushed, manifest.digest)) == 1
    assert (asking.tag_bytes(pushed.tagged(referrers.tag_of(manifest.digest))) is None) == listed


def test_a_tag_that_is_an_image_stays(running: Running) -> None:
    """distribution-spec, referrers tag schema: what is no list is reported and not overwritten."""
    running.registry.referrers = False
    pushed, manifest = running.push()
    asking = running.client()
    tag = pushed.tagged(referrers.tag_of(manifest.digest))
    asking.put_manifest(tag, manifest.data, manifest.media_type)
    with pytest.raises(FormatError) as caught:
        referrers.attach(asking, pushed, referrer(asking, pushed, manifest, 1))
    assert caught.value.code == "referrers-tag-taken"
    assert asking.manifest(tag).data == manifest.data


def test_what_others_wrote_into_a_list_stays(running: Running) -> None:
    """Members of the list and of its entries, also those that nobody here reads."""
    running.registry.referrers = False
    pushed, manifest = running.push()
    asking = running.client()
    tag = pushed.tagged(referrers.tag_of(manifest.digest))
    other = {**manifest.descriptor.document(), "urls": ["https://a.example"], "platform": {"os": "linux"}}
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [other], "annotations": {"a": "b"}, "more": 1}
    asking.put_manifest(tag, json.dumps(document).encode(), INDEX)
    ours = referrer(asking, pushed, manifest, 1)
    referrers.attach(asking, pushed, ours)
    written = json.loads(asking.manifest(tag).data)
    assert (len(written["manifests"]), {**written, "manifests": written["manifests"][:1]}) == (2, document)
    referrers.drop(asking, pushed, manifest.digest, frozenset({ours.digest}))
    assert json.loads(asking.manifest(tag).data) == document


def test_a_list_that_never_stays(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps overwriting the list is told, after a bounded number of tries."""
    monkeypatch.setattr(referrers, "_TRIES", 3)
    monkeypatch.setattr(referrers, "_PAUSE_SECONDS", 0.001)
    running.registry.referrers = False
    pushed, manifest = running.push()

    class Forgetful(Client):
        """Writes of the list go nowhere."""

        def put_manifest(self, image: Reference, *given: object, **more: object) -> object:  # type: ignore[override]
            """See `Client`."""
            if image.tag and "." not in image.tag:
                return None
            return super().put_manifest(image, *given, **more)  # type: ignore[arg-type]

    asking = Forgetful(replace(real_world(), environ={}))
    with pytest.raises(ServiceError) as caught:
        referrers.attach(asking, pushed, referrer(asking, pushed, manifest, 1))
    assert caught.value.code == "referrers-contended"


def test_bounds_of_a_listing(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the API too, a flood of referrers is refused."""
    monkeypatch.setattr(limits, "REFERRERS", 2)
    pushed, manifest = running.push()
    asking = running.client()
    for number in range(3):
        referrers.attach(asking, pushed, referrer(asking, pushed, manifest, number))
    with pytest.raises(SigstepError) as caught:
        referrers.list_referrers(asking, pushed, manifest.digest)
    assert caught.value.code == "referrers-too-many"


def test_a_blob_that_is_gone(running: Running) -> None:
    """It is not there; it is there and cannot be had."""
    pushed, _ = running.push()
    with pytest.raises(ServiceError) as caught:
        list(running.client().stream_blob(pushed, BLOB))
    assert caught.value.code == "registry-not-found"

    class Sure(Client):
        """Holds everything to be there."""

        def has(self, image: Reference, path: str) -> bool:
            """See `Client`."""
            return True

    with pytest.raises(ServiceError) as caught:
        list(Sure(replace(real_world(), environ={})).stream_blob(pushed, BLOB))
    assert caught.value.code == "registry-not-found"


def test_what_a_registry_asks_to_wait(running: Running) -> None:
    """Retry-After is heeded; it does not outlast the budget."""
    from sigstep.sandbox.faults import Fault

    pushed, _ = running.push()
    running.faults.set("registry", Fault(kind="status", status=429, retry_after="3600"))
    with pytest.raises(ServiceError) as caught:
        running.client(Settings(retry_seconds=5)).manifest(pushed)
    assert caught.value.code == "service-unavailable"
