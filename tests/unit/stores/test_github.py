"""GitHub's attestations API: publish, find, and every answer that is not taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cramjam
import pytest
from tests.worlds import Sent, answer, in_turn, world

from sigstep.errors import SigstepError
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.model.statement import STATEMENT_V1, Statement, StatementSubject
from sigstep.model.subject import Subject
from sigstep.ports.http import Response
from sigstep.ports.real import real_world
from sigstep.sandbox.hub import snapped
from sigstep.sandbox.local import Sandbox
from sigstep.services.github import GitHub, github_of
from sigstep.stores.github import GitHubStore
from sigstep.wire.snappy import unsnapped
from sigstep.wire.statement import encode_statement

REPOSITORY = "acme/app"
SUBJECT = Subject(name="a", digests=(Digest.of(b"a"),), location="a")
OTHER = Subject(name="b", digests=(Digest.of(b"b"),), location="b")
PROVENANCE = "https://slsa.dev/provenance/v1"


@pytest.fixture(scope="module")
def hub() -> Iterator[Sandbox]:
    """A sandbox of this module's own: its permissions are turned."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def whole(hub: Sandbox) -> None:
    """GitHub as it is at first."""
    hub.faults.clear()
    hub.hub.__init__()  # type: ignore[misc]
    hub.hub.base_url = hub.url


def made(sandbox: Sandbox, *subjects: Subject, kind: str = PROVENANCE) -> bytes:
    """A bundle about the subjects."""
    named = tuple(
        StatementSubject(name=one.name, digests={"sha256": one.digests[0].hex}, annotations={}) for one in subjects
    )
    statement = Statement(type=STATEMENT_V1, subjects=named, predicate_type=kind, predicate={"a": "b"})
    payload_type = "application/vnd.in-toto+json"
    return json.dumps(sandbox.forge.bundle(encode_statement(statement), payload_type=payload_type)).encode()


def store(sandbox: Sandbox, place: str = REPOSITORY, **changed: Any) -> GitHubStore:
    """The store of the sandbox's GitHub."""
    github = GitHub(api=f"{sandbox.url}/github", token=sandbox.hub.token, retry_seconds=0)
    return GitHubStore(github=github, place=place, **changed)


def refusal(action: Any) -> SigstepError:
    """The error that an action ends with."""
    with pytest.raises(SigstepError) as caught:
        action()
    return caught.value


def test_what_is_published_is_found(hub: Sandbox) -> None:
    """By digest, over pages, out of snappy blocks; inline as it was before."""
    bundle = made(hub, SUBJECT)
    hub.hub.page = 2
    receipt = [store(hub).publish(bundle, (SUBJECT,), real_world())[0] for _ in range(5)][-1]
    assert receipt.url == f"https://github.com/{REPOSITORY}/attestations/{receipt.id}"
    for inline in (False, True):
        hub.hub.inline = inline
        found = store(hub).find((SUBJECT, OTHER), real_world())
        assert [json.loads(one.data) for one in found[SUBJECT.digests[0]]] == [json.loads(bundle)] * 5
        assert found[OTHER.digests[0]] == ()


def test_an_owner_is_asked_in_bulk(hub: Sandbox) -> None:
    """One call for all digests, over pages; a user where there is no organisation; a filter by type."""
    hub.hub.page = 2
    for kind in (PROVENANCE, "https://spdx.dev/Document/v2.3"):
        for subject in (SUBJECT, OTHER):
            store(hub).publish(made(hub, subject, kind=kind), (subject,), real_world())
    for organization in (True, False):
        hub.hub.organization = organization
        found = store(hub, "acme").find((SUBJECT, OTHER), real_world())
        assert [len(some) for some in found.values()] == [2, 2]
    assert [
        len(some) for some in store(hub, "acme", predicate_type="sbom").find((SUBJECT,), real_world()).values()
    ] == [1]
    assert [len(some) for some in store(hub, predicate_type=PROVENANCE).find((SUBJECT,), real_world()).values()] == [1]


@pytest.mark.parametrize("place", [REPOSITORY, "acme"])
def test_a_part_of_a_listing_is_no_listing(hub: Sandbox, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out may be what turns the verdict around: more than is read leaves the question open."""
    monkeypatch.setattr(limits, "GITHUB_PAGES", 2)
    hub.hub.page = 1
    for count in (1, 2):
        store(hub).publish(made(hub, SUBJECT), (SUBJECT,), real_world())
        assert len(store(hub, place).find((SUBJECT,), real_world())[SUBJECT.digests[0]]) == count
    store(hub).publish(made(hub, SUBJECT), (SUBJECT,), real_world())
    error = refusal(lambda: store(hub, place).find((SUBJECT,), real_world()))
    assert (error.code, error.exit_code) == ("github-too-many", 4)


@pytest.mark.parametrize("place", [REPOSITORY, "acme"])
def test_a_listing_that_ends_in_the_middle(place: str) -> None:
    """A page that is gone hides what it had; only the first one says that nothing is known."""
    github = GitHub(retry_seconds=0)
    asked = GitHubStore(github=github, place=place)
    link = {"link": f'<{github.api}/next>; rel="next"'}
    whole = {"attestations": [], "attestations_subject_digests": {}, "page_info": {"has_next": True, "next": "b"}}
    first, gone = answer(200, json.dumps(whole).encode(), link), answer(404)
    error = refusal(lambda: asked.find((SUBJECT,), world(in_turn([first, gone]))))
    assert (error.code, error.exit_code) == ("github-missing" if "/" in place else "github-answer", 4)
    assert asked.find((SUBJECT,), world(lambda _: gone)) == {SUBJECT.digests[0]: ()}


@pytest.mark.parametrize("following", [None, "", 7])
def test_a_next_page_that_is_not_said(following: object) -> None:
    """It would be left out without a word."""
    page = {"attestations_subject_digests": {}, "page_info": {"has_next": True, "next": following}}
    told = world(lambda _: answer(200, json.dumps(page).encode()))
    error = refusal(lambda: GitHubStore(github=GitHub(retry_seconds=0), place="acme").find((SUBJECT,), told))
    assert error.code == "github-answer"


def test_errors_say_what_to_change(hub: Sandbox) -> None:
    """Each has its code, and the permission to paste."""
    bundle = made(hub, SUBJECT)

    def publish(changed: GitHubStore) -> SigstepError:
        return refusal(lambda: changed.publish(bundle, (SUBJECT,), real_world()))

    anonymous = replace(store(hub), github=GitHub(api=f"{hub.url}/github", retry_seconds=0))
    assert publish(anonymous).code == "github-token"
    hub.hub.permissions = frozenset()
    error = publish(store(hub))
    assert error.code == "github-permission"
    assert error.paste == "permissions:\n  attestations: write"
    hub.hub.permissions = frozenset({"attestations"})
    hub.hub.available = False
    assert publish(store(hub)).code == "github-plan"
    assert publish(store(hub, "acme/../x")).code == "github-repository"
    assert publish(store(hub, "a")).code == "github-repository"
    assert hub.hub.attestations == []


@pytest.mark.parametrize(
    ("code", "status", "headers"),
    [
        ("github-rate", 403, {"x-ratelimit-remaining": "0"}),
        ("github-rate", 403, {"retry-after": "30"}),
        ("github-missing", 404, {}),
        ("github-refused", 422, {}),
        ("service-unavailable", 502, {}),
    ],
)
def test_statuses(code: str, status: int, headers: dict[str, str]) -> None:
    """What each status of GitHub means."""
    github = GitHub(token="secret", retry_seconds=0)
    told = world(lambda _: answer(status, b'{"message": "no"}', headers))
    assert refusal(lambda: github.call("GET", "x", told)).code == code
    assert "secret" not in repr(github)


def test_an_outage_is_waited_for() -> None:
    """Persisting is tried again while GitHub is down."""
    down, up = answer(502, b"Server Error"), answer(201, b'{"id": 9}')
    (receipt,) = GitHubStore(place=REPOSITORY).publish(b"{}", (SUBJECT,), world(in_turn([down, down, up])))
    assert receipt.id == "9"


def test_an_answer_without_an_id() -> None:
    """It was taken, but nobody can say where."""
    told = world(lambda _: answer(201, b"{}"))
    assert refusal(lambda: GitHubStore(place=REPOSITORY).publish(b"{}", (SUBJECT,), told)).code == "github-answer"


def listing(url: str) -> Response:
    """A listing that names one address."""
    return answer(200, json.dumps({"attestations": [{"bundle": None, "bundle_url": url}]}).encode())


@pytest.mark.parametrize(
    "url",
    [
        "http://blobs.example/a.sn",
        "https://user:password@blobs.example/a.sn",
        "https://169.254.169.254/latest",
        "https://2130706433/",
        "https://[::1]/a",
        "https://localhost/a",
        "https://metadata.internal/a",
        "https://[bad",
        "file:///etc/passwd",
        "http://localhost:1/a",
    ],
)
def test_bundles_are_not_fetched_from_anywhere(url: str) -> None:
    """An answer must not point into the network that the runner stands in."""
    told = world(lambda _: listing(url))
    assert refusal(lambda: GitHubStore(place=REPOSITORY).find((SUBJECT,), told)).code == "github-bundle-url"


def test_the_token_goes_to_the_api_alone() -> None:
    """Not to the store of bundles, nor to a page elsewhere."""
    sent: list[Sent] = []

    def answering(one: Sent) -> Response:
        sent.append(one)
        return listing("https://blobs.example/a.sn?sig=x") if "attestations" in one.url else answer(200, b"{}")

    secret = GitHubStore(github=GitHub(token="secret"), place=REPOSITORY)
    assert secret.find((SUBJECT,), world(answering))[SUBJECT.digests[0]][0].data == b"{}"
    assert ["Authorization" in one.headers for one in sent] == [True, False]
    headers = {"link": '<https://elsewhere.example/2>; rel="next"'}
    away = world(lambda _: answer(200, b'{"attestations": []}', headers))
    assert refusal(lambda: secret.find((SUBJECT,), away)).code == "github-link"


def test_a_bundle_that_is_gone() -> None:
    """Its address holds for minutes."""

    def answering(one: Sent) -> Response:
        return answer(403) if "blobs" in one.url else listing("https://blobs.example/a.sn")

    error = refusal(lambda: GitHubStore(place=REPOSITORY).find((SUBJECT,), world(answering)))
    assert error.code == "github-bundle"


@pytest.mark.parametrize(
    "body",
    [
        b'{"attestations": 1}',
        b'{"attestations": [1]}',
        b'{"attestations": [{"bundle": null}]}',
        json.dumps({"attestations": [{"bundle_url": "x"}] * 1025}).encode(),
    ],
)
def test_answers_that_are_none(body: bytes) -> None:
    """Bounded, then parsed."""
    told = world(lambda _: answer(200, body))
    assert refusal(lambda: GitHubStore(place=REPOSITORY).find((SUBJECT,), told)).code == "github-answer"


def test_a_bulk_answer_that_is_none() -> None:
    """As for one digest."""
    told = world(lambda _: answer(200, b"{}"))
    assert refusal(lambda: GitHubStore(place="acme").find((SUBJECT,), told)).code == "github-answer"


def test_snappy() -> None:
    """Blocks of any encoder, JSON as it is; the declared length is checked before memory is taken."""
    data = b'{"a": "' + b"abc" * 50_000 + b'"}'
    assert unsnapped(snapped(data)) == data
    assert unsnapped(bytes(cramjam.snappy.compress_raw(data))) == data
    assert unsnapped(data) == data
    huge = bytearray()
    length = limits.SNAPPY_BYTES + 1
    while length >= 0x80:
        huge.append(length & 0x7F | 0x80)
        length >>= 7
    assert refusal(lambda: unsnapped(bytes([*huge, length, 0]))).code == "snappy-too-large"
    assert refusal(lambda: unsnapped(snapped(data)[:-1])).code == "snappy-malformed"


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "cramjam", None)
    assert refusal(lambda: unsnapped(b"\x01\x00a")).code == "snappy-missing"


def test_which_api() -> None:
    """The runner's, a tenant's, or github.com; the token of gh's own variables."""
    assert github_of(world(environ={"GITHUB_API_URL": "https://a.example", "GH_TOKEN": "x"})).token == "x"
    assert github_of(world(environ={"GH_HOST": "acme.ghe.com"})).api == "https://api.acme.ghe.com"
    assert github_of(world(environ={"GITHUB_TOKEN": "y"}), token="z").token == "z"
    assert github_of(world()).api == "https://api.github.com"
