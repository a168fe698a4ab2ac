"""Answers of registries that are seldom seen: each with the state it gets, and none an exception."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import cramjam
import pytest
from tests.attesting import SLSA, Who, bundle, pep740, sha256, signed_file, statement
from tests.sandboxes import sandbox
from tests.worlds import Answering, Sent, SimulatedClock, answer, no_network, world

from sigstep.ecosystems import actions, cargo, gem, golang, maven, npm, oci, pypi, release_assets
from sigstep.errors import FormatError, Refusal, ServiceError
from sigstep.model.dependency import EvidenceState, Locked, LockedFile, PackageEvidence
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.ports.http import Response
from sigstep.ports.real import RealClock
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox
from sigstep.services.attested import listed_at_forge, prove
from sigstep.services.registry import Ask, BoundedHttp, RegistryClient, same_origin
from sigstep.wire.trusted_root import trusted_root_of

__all__ = ["sandbox"]

S = EvidenceState
URL = "https://registry.example"
HASH = sha256(b"x")
Evidence = Callable[[Locked, Ask], PackageEvidence]


@pytest.fixture(scope="module")
def outdated() -> Iterator[Sandbox]:
    """Another instance under the same names, whose root is older than what the first makes."""
    with Sandbox() as running:
        yield running


def ask(answering: Answering = no_network, *, trust: Sandbox | None = None, **more: Any) -> Ask:
    """A registry that answers so."""
    outside = world(answering)
    if trust is not None:
        outside = replace(outside, clock=RealClock())
    roots = (trusted_root_of(trust.trusted_root(), name="sandbox"),) if trust else ()
    prepared = prepare(TrustMaterial(roots=roots))
    client = RegistryClient(outside, seconds=60)
    fields: dict[str, Any] = {"registry": URL, "forge": f"{URL}/hub", **more}
    return Ask(client=client, world=outside, trust=prepared, keys=prepared, **fields)


def locked(ecosystem: str, name: str = "foo", *files: LockedFile, **more: Any) -> Locked:
    """A locked version with one file."""
    chosen = files or (LockedFile(name="foo.whl", digests=(Digest.parse(f"sha256:{HASH}"),)),)
    return Locked(ecosystem=ecosystem, name=name, version="1.0.0", files=chosen, path="lock", line=1, **more)


def says(value: Any, *paths: str) -> Answering:
    """JSON for addresses that end so (for all, without any); 404 for others."""

    def answering(sent: Sent) -> Response:
        if paths and not sent.url.partition("?")[0].endswith(paths):
            return answer(404)
        return answer(200, json.dumps(value).encode(), {"content-type": "application/json"})

    return answering


CRATE = {"num": "1.0.0", "checksum": HASH, "trustpub_data": None}
VERSIONS = [{"number": "1.0.0", "platform": "x86", "sha": HASH}, {"number": "1.0.0", "sha": HASH}]
CASES: list[tuple[str, Evidence, Locked, Answering, EvidenceState]] = [
    ("an index without an API", cargo.evidence, locked("cargo"), says({"dl": "x"}, "config.json"), S.NOT_SERVED),
    ("an index that is none", cargo.evidence, locked("cargo", registry="x"), says({}), S.NOT_SERVED),
    ("a crate without this version", cargo.evidence, locked("cargo"),
     says({"api": f"{URL}/", "versions": [{"num": "2.0.0"}]}), S.NOT_SERVED),
    ("a crate by its sparse index", cargo.evidence, locked("cargo"),
     says({"api": f"{URL}/", "versions": [CRATE]}), S.ABSENT),
    ("a crate of a GitLab project", cargo.evidence, locked("cargo"),
     says({"api": URL, "versions": [{**CRATE, "trustpub_data": {"provider": "gitlab", "project_path": "a/b"}}]}),
     S.ASSERTED),
    ("a gem without this version", gem.evidence, locked("gem"), says([], "foo.json"), S.NOT_SERVED),
    ("a gem of no list", gem.evidence, locked("gem"), says({}), S.NOT_SERVED),
    ("artifacts without hashes", maven.evidence, locked("maven", "g:a", LockedFile(name="a", digests=())), no_network,
     S.NOT_SERVED),
    ("a name that is no repository", release_assets.evidence, locked("github", "x"), no_network, S.ERROR),
    ("an action that is none", actions.evidence, locked("githubactions", "x"), no_network, S.ERROR),
    ("an image that is none", oci.evidence, locked("oci", "UPPER"), no_network, S.ERROR),
    ("a module without a notary", golang.evidence, locked("golang"), no_network, S.NOT_SERVED),
    ("npm: this version is not there", npm.evidence, locked("npm"), says({"versions": {}}), S.NOT_SERVED),
    ("npm: no SHA-512 anywhere", npm.evidence, locked("npm"),
     says({"versions": {"1.0.0": {"dist": {"integrity": "sha1-x", "attestations": {}, "signatures": []}}}}),
     S.NOT_SERVED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "one", "answering", "state"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_states(evidence: Evidence, one: Locked, answering: Answering, state: EvidenceState) -> None:
    """What could not be checked is never absent, and never verified."""
    assert evidence(one, ask(answering)).state is state


def npm_document(**dist: Any) -> dict[str, Any]:
    """A document about one version."""
    return {"versions": {"1.0.0": {"dist": dist}}, "attestations": []}


def test_npm_without_a_hash_to_match() -> None:
    """Attestations that nothing can be matched with prove nothing."""
    document = npm_document(integrity="sha1-x", attestations={"url": "x"}, signatures=[{}])
    bare = locked("npm", "foo", LockedFile(name="", digests=()))
    assert npm.evidence(bare, ask(says(document))).state is S.ERROR


def listing(many: int, **more: Any) -> dict[str, Any]:
    """An index's answer about so many files of version 1.0.0."""
    files = [
        {"filename": f"foo-1.0.0-{at}-py3-none-any.whl", "hashes": {"sha256": sha256(str(at).encode())}, **more}
        for at in range(many)
    ]
    return {"files": [*files, {"filename": "foo-2.0.0.tar.gz", "hashes": {"sha256": HASH}}, {"filename": "x"}]}


def test_pypi_without_hashes_in_the_lockfile() -> None:
    """The files of that version are taken as the index lists them; too many are not asked about."""
    bare = replace(locked("pypi"), files=())
    found = pypi.evidence(bare, ask(says(listing(3, provenance=None))))
    assert (found.state, found.files) == (S.ABSENT, 3)
    assert pypi.evidence(replace(bare, version="nonsense"), ask(says(listing(3)))).state is S.NOT_SERVED
    many = pypi.evidence(bare, ask(says(listing(pypi.MOST_FILES + 1, provenance=f"{URL}/p"))))
    assert many.state is S.ERROR


def test_pypi_statuses() -> None:
    """A quarantined project, by PEP 792."""
    document = {**listing(1, provenance=None), "project-status": {"status": "quarantined"}}
    assert pypi.evidence(replace(locked("pypi"), files=()), ask(says(document))).status == "quarantined"


def test_a_root_that_is_too_old(sandbox: Sandbox, outdated: Sandbox) -> None:
    """What a newer authority made is not called invalid: the verifier is old."""
    who = Who().certificate()
    digest = Digest.of(b"x", Algorithm.SHA512)
    provenance = bundle(sandbox, statement("pkg:npm/foo@1.0.0", {"sha512": digest.hex}, SLSA), who)
    sri = f"sha512-{__import__('base64').b64encode(digest.value).decode()}"
    document = {**npm_document(integrity=sri, attestations={"url": "x"}), "attestations": [{"bundle": provenance}]}
    bare = locked("npm", "foo", LockedFile(name="", digests=(digest,)))
    assert npm.evidence(bare, ask(says(document), trust=outdated)).state is S.ERROR
    assert npm.evidence(bare, ask(says(document), trust=sandbox)).state is S.VERIFIED

    attestation = pep740(bundle(sandbox, statement("foo-1.0.0.tar.gz", {"sha256": HASH}, SLSA), who))
    group = {"publisher": {"kind": "Google", "email": "a@b.example"}, "attestations": [attestation]}
    file = {"filename": "foo-1.0.0.tar.gz", "hashes": {"sha256": HASH}, "provenance": f"{URL}/p"}
    index = {"files": [file], "attestation_bundles": [group]}
    assert pypi.evidence(locked("pypi"), ask(says(index), trust=outdated)).state is S.ERROR
    claimed = pypi.evidence(locked("pypi"), ask(says(index), trust=sandbox))
    assert (claimed.state, claimed.problems[0].what) == (
        S.INVALID,
        "foo-1.0.0.tar.gz: an attestation does not hold (publisher-claim-mismatch)",
    )

    signed = signed_file(sandbox, b"x", Who())
    jar = locked("maven", "g:a")
    assert maven.evidence(jar, ask(says(signed), trust=outdated)).state is S.ERROR
    asset = {"attestations": [{"bundle": bundle(sandbox, statement("x", {"sha256": HASH}, SLSA), who)}]}
    assert release_assets.evidence(locked("github", "acme/app"), ask(says(asset), trust=outdated)).state is S.ERROR
    word = {"provider": "github", "repository": "acme/app", "run_id": "1"}
    crate = {"api": URL, "versions": [{**CRATE, "trustpub_data": word}], **asset}
    assert cargo.evidence(locked("cargo"), ask(says(crate), trust=outdated)).state is S.ERROR


def test_bundles_by_address(sandbox: Sandbox) -> None:
    """GitHub's listing may name a bundle's address; an address inside a network is refused, a lost one is left out."""
    made = bundle(sandbox, statement("x", {"sha256": HASH}, SLSA), Who().certificate())
    block = bytes(cramjam.snappy.compress_raw(json.dumps(made).encode()))

    def hub(url: str) -> Answering:
        def answering(sent: Sent) -> Response:
            if sent.url.startswith("https://store.example/"):
                assert "Authorization" not in sent.headers
                return answer(200, block)
            if "attestations" in sent.url:
                return answer(200, json.dumps({"attestations": [{"bundle_url": url}]}).encode())
            return answer(404)

        return answering

    (found,) = listed_at_forge(ask(hub("https://store.example/1")), "acme/app", f"sha256:{HASH}")
    subject = Subject(name="x", digests=(Digest.parse(f"sha256:{HASH}"),), location="x")
    assert len(prove([found], subject, ask(trust=sandbox)).verified) == 1
    assert listed_at_forge(ask(hub(f"{URL}.example/gone")), "acme/app", f"sha256:{HASH}") == ()
    with pytest.raises(FormatError) as refused:
        listed_at_forge(ask(hub("https://169.254.169.254/x")), "acme/app", f"sha256:{HASH}")
    assert refused.value.code == "github-bundle-url"


@pytest.mark.parametrize("body", ['{"a": 1}', "[" + "{}," * 40 + "{}]"])
def test_gems_that_are_no_list(body: str) -> None:
    """An answer that is no list of bundles is refused."""

    def answering(sent: Sent) -> Response:
        return answer(200, json.dumps(VERSIONS).encode() if "versions" in sent.url else body.encode())

    with pytest.raises(Refusal) as refused:
        gem.evidence(locked("gem"), ask(answering))
    assert refused.value.code == "registry-answer"


@pytest.mark.parametrize(
    "bad",
    [
        {"verificationMaterial": {"certificate": {"rawBytes": 7}, "tlogEntries": [{"canonicalizedBody": "!"}, 3]}},
        {"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{"canonicalizedBody": "e30="}]}},
        {},
        3,
    ],
)
def test_gems_that_cannot_be_mended(bad: Any) -> None:
    """What is beyond the two known faults is invalid, not an exception."""

    def answering(sent: Sent) -> Response:
        return answer(200, json.dumps(VERSIONS if "versions" in sent.url else [bad]).encode())

    assert gem.evidence(locked("gem"), ask(answering)).state is S.INVALID


def test_the_budget() -> None:
    """When the time is spent nothing more is asked, and each question says so."""
    clock = SimulatedClock()
    asked: list[str] = []

    def answering(sent: Sent) -> Response:
        asked.append(sent.url)
        return answer(404)

    outside = world(answering, clock=clock)
    client = RegistryClient(outside, seconds=10)
    assert client.submit(f"{URL}/1", accept="*/*", at_most=10).result().status == 404
    clock.advance(11)
    with pytest.raises(ServiceError) as spent:
        client.submit(f"{URL}/2", accept="*/*", at_most=10).result()
    assert (spent.value.code, asked) == ("registry-time", [f"{URL}/1"])
    client.close()


def test_retries_are_few() -> None:
    """An outage is told after some seconds, not waited out."""
    clock = SimulatedClock()
    tries: list[str] = []

    def answering(sent: Sent) -> Response:
        tries.append(sent.url)
        return answer(503)

    client = RegistryClient(world(answering, clock=clock), seconds=600)
    with pytest.raises(ServiceError) as down:
        client.submit(f"{URL}/1", accept="*/*", at_most=10).result()
    assert down.value.code == "service-unavailable"
    assert (1 < len(tries) < 10, clock.monotonic() <= 16) == (True, True)
    client.close()


def test_origins() -> None:
    """Scheme, host and port; a user name is no part of it."""
    assert same_origin("https://a.example/x", "https://user:pass@A.example/y")
    assert not same_origin("https://a.example", "http://a.example")
    assert not same_origin("https://a.example", "https://a.example:8443")


def test_a_stream_goes_through(sandbox: Sandbox) -> None:
    """The bounded door hands streams on."""
    from sigstep.ports.requests_http import RequestsHttp

    with BoundedHttp(RequestsHttp()).stream("GET", f"{sandbox.url}/nothing", at_most=1000) as stream:
        assert stream.status == 404


def test_a_repository_that_is_down() -> None:
    """The error is the flow's to tell."""
    with pytest.raises(ServiceError):
        maven.evidence(locked("maven", "g:a"), ask(no_network))


def test_a_host_that_is_down_is_left_alone() -> None:
    """It does not take the time of the others; an answer in between counts."""
    asked: list[str] = []

    def answering(sent: Sent) -> Response:
        asked.append(sent.url)
        return answer(503) if "down" in sent.url else answer(404)

    client = RegistryClient(world(answering, clock=SimulatedClock()), seconds=600)

    def code(url: str) -> str:
        try:
            client.submit(url, accept="*/*", at_most=10).result()
        except ServiceError as error:
            return error.code
        return ""

    order = ["down", "fine", "down", "down", "down", "down"]
    assert [code(f"{URL}/{one}") for one in order] == [
        "service-unavailable",
        "",
        *["service-unavailable"] * 3,
        "registry-down",
    ]
    before = len(asked)
    assert code(f"{URL}/fine") == "registry-down"
    assert code("https://other.example/fine") == ""
    assert len(asked) == before + 1
    client.close()
