"""Assets of a release and storage records, through the sandbox's GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.unit.stores.test_github import OTHER, REPOSITORY, SUBJECT, refusal
from tests.worlds import Sent, answer, world

from sigstep.ports.http import Response
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox
from sigstep.services.github import GitHub
from sigstep.stores.release import ReleaseStore
from sigstep.stores.storage_records import StorageRecords

TAG = "v1.0"


@pytest.fixture
def hub() -> Iterator[Sandbox]:
    """A sandbox with an empty release."""
    with Sandbox() as sandbox:
        sandbox.hub.add_release(REPOSITORY, TAG)
        yield sandbox


def store(sandbox: Sandbox, tag: str = TAG) -> ReleaseStore:
    """The release of a tag."""
    github = GitHub(api=f"{sandbox.url}/github", token=sandbox.hub.token, retry_seconds=0)
    return ReleaseStore(github=github, repository=REPOSITORY, tag=tag)


def test_published_and_found(hub: Sandbox) -> None:
    """Named for its file; the bundle of many files is about each; a bundle of another file is not read."""
    (one,) = store(hub).publish(b"1", (SUBJECT,), real_world())
    store(hub).publish(b"2", (OTHER,), real_world())
    store(hub).publish(b"3", (SUBJECT, OTHER), real_world())
    assert one.location == f"{TAG}/a.sigstore.json"
    assert set(hub.hub.assets(REPOSITORY, TAG)) == {"a.sigstore.json", "b.sigstore.json", "attestation.sigstore.json"}
    found = store(hub).find((SUBJECT, OTHER), real_world())
    assert sorted(one.data for one in found[SUBJECT.digests[0]]) == [b"1\n", b"3\n"]


def test_replacing(hub: Sandbox) -> None:
    """The same again is nothing new; another content is an error, or replaced when asked to."""
    store(hub).publish(b"1", (SUBJECT,), real_world())
    assert store(hub).publish(b"1", (SUBJECT,), real_world())[0].location == f"{TAG}/a.sigstore.json"
    assert refusal(lambda: store(hub).publish(b"2", (SUBJECT,), real_world())).code == "release-asset-exists"
    assert hub.hub.assets(REPOSITORY, TAG) == {"a.sigstore.json": b"1\n"}
    replace(store(hub), replace=True).publish(b"2", (SUBJECT,), real_world())
    assert hub.hub.assets(REPOSITORY, TAG) == {"a.sigstore.json": b"2\n"}


def test_a_replacement_that_is_cut_off(hub: Sandbox) -> None:
    """The old or the new content is there as a whole, and the message says under which name."""
    store(hub).publish(b"1", (SUBJECT,), real_world())
    inner = real_world()

    class NoDelete:
        def request(self, method: str, url: str, **given: object) -> Response:
            if method == "DELETE":
                return answer(422, b'{"message": "immutable"}')
            return inner.http.request(method, url, **given)  # type: ignore[arg-type]

    broken = replace(inner, http=NoDelete())  # type: ignore[arg-type]
    error = refusal(lambda: replace(store(hub), replace=True).publish(b"2", (SUBJECT,), broken))
    assert error.code == "release-replace"
    assert sorted(hub.hub.assets(REPOSITORY, TAG).values()) == [b"1\n", b"2\n"]


def test_drafts_and_missing_releases(hub: Sandbox) -> None:
    """A draft is found in the listing; without the permission it is not seen."""
    hub.hub.add_release(REPOSITORY, "draft", draft=True)
    store(hub, "draft").publish(b"1", (SUBJECT,), real_world())
    assert refusal(lambda: store(hub, "none").publish(b"1", (SUBJECT,), real_world())).code == "release-missing"
    hub.hub.permissions = frozenset()
    error = refusal(lambda: store(hub, "draft").publish(b"1", (SUBJECT,), real_world()))
    assert error.code == "release-missing"
    assert "contents: write" in error.paste
    assert refusal(lambda: store(hub).publish(b"1", (SUBJECT,), real_world())).code == "github-permission"


def test_the_token_is_not_uploaded_elsewhere() -> None:
    """Uploads go to GitHub's own host for them."""

    def at(host: str) -> str:
        sent: list[Sent] = []

        def answering(one: Sent) -> Response:
            sent.append(one)
            if one.method == "POST":
                return answer(201, json.dumps({"id": 1, "name": "a.sigstore.json"}).encode())
            body = {"id": 1, "upload_url": f"https://{host}/x{{?name}}"} if "tags" in one.url else []
            return answer(200, json.dumps(body).encode())

        given = ReleaseStore(github=GitHub(token="secret"), repository=REPOSITORY, tag=TAG)
        try:
            given.publish(b"1", (SUBJECT,), world(answering))
        finally:
            assert all("github.com" in one.url for one in sent)
        return sent[-1].url

    assert at("uploads.github.com") == "https://uploads.github.com/x?name=a.sigstore.json"
    assert refusal(lambda: at("uploads.example")).code == "release-upload"


def test_answers_that_are_none() -> None:
    """A release without an address for uploads is none."""
    given = ReleaseStore(repository=REPOSITORY, tag=TAG)
    assert refusal(lambda: given.publish(b"1", (SUBJECT,), world(lambda _: answer(200, b"{}")))).code == "github-answer"


def test_storage_records(hub: Sandbox) -> None:
    """For organisations; a missing permission looks like a missing artifact, and the message says so."""
    github = store(hub).github
    records = StorageRecords(github=github, repository=REPOSITORY)
    assert records.possible(real_world())
    receipt = records.record("ghcr.io/acme/app", SUBJECT.digests[0], real_world(), registry="ghcr.io", version="1.0")
    assert receipt.id == str(hub.hub.records[0]["id"])
    assert hub.hub.records[0]["version"] == "1.0"
    hub.hub.permissions = frozenset()
    error = refusal(lambda: records.record("a", SUBJECT.digests[0], real_world(), registry="ghcr.io"))
    assert error.code == "storage-record"
    assert "artifact-metadata: write" in error.paste
    hub.hub.organization = False
    assert not records.possible(real_world())
