"""Actions, images and Go modules: what GitHub, an image registry and the checksum database say, each with its verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.attesting import PAYLOAD, SLSA, Who, bundle, statement
from tests.market import Market
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.ecosystems.golang import escaped
from sigstep.errors import FormatError, ProofError
from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model.dependency import DependencyReport, DependencyResult, EvidenceState, Level
from sigstep.model.trust import TrustedKey
from sigstep.oci.client import Client
from sigstep.oci.manifest import INDEX, MANIFEST, Manifest, encode, parse_manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.ports.http import Response
from sigstep.ports.real import real_world
from sigstep.ports.requests_http import RequestsHttp
from sigstep.proofs.checksum_database import parse_record, verify_record
from sigstep.sandbox import keys
from sigstep.sandbox.entries_v1 import pae
from sigstep.sandbox.exchange import b64
from sigstep.sandbox.local import Sandbox
from sigstep.stores.referrers import publish

__all__ = ["sandbox"]

ONE, TWO, EVIL = "1" * 40, "2" * 40, "e" * 40
TAG_OBJECT = "a" * 40
NONE: Mapping[str, str] = MappingProxyType({})


@pytest.fixture
def market(sandbox: Sandbox) -> Iterator[Market]:
    """Registries with nothing in them."""
    with Market(sandbox) as running:
        yield running


def examine(
    market: Market,
    folder: Path,
    base: Mapping[str, str],
    head: Mapping[str, str],
    environ: Mapping[str, str] = NONE,
    **more: Any,
) -> DependencyReport:
    """Compare two states."""
    root = folder / f"repository-{len(list(folder.iterdir()))}"
    root.mkdir()
    for state in (base, head):
        for path in state:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
    commits(root, dict(base), dict(head))
    config = Path(market.sandbox.environ(token=False)["SIGSTEP_TRUST_CONFIG"])
    fields = {"registries": market.registries(), "notary": market.notary_key, **more}
    request = DependencyRequest(
        repository=root,
        base="s0",
        head="s1",
        trust=load_trust(TrustRequest(trust_config=config), real_world()),
        **fields,
    )
    return examine_dependencies(request, replace(real_world(), environ=dict(environ)))


def loud(result: DependencyResult) -> list[tuple[str, Level]]:
    """Every rule above a note."""
    return [(one.rule, one.level) for one in result.findings if one.level is not Level.NOTE]


def rules(result: DependencyResult) -> set[str]:
    """Every rule."""
    return {one.rule for one in result.findings}


def workflow(*uses: str) -> dict[str, str]:
    """A workflow; it stands in the root here, where action files are read too."""
    steps = "".join(f"    - uses: {one}\n" for one in uses)
    return {"action.yml": f"runs:\n  steps:\n{steps}"}


def test_a_release_attestation(market: Market, tmp_path: Path) -> None:
    """An immutable release: verified, with the numeric ids that GitHub attests; a lightweight or annotated tag."""
    market.repository("org/act", branches={"main": [ONE, TWO]}, tags={"v1.0.0": ONE})
    market.annotated("org/act", "v1.1.0", TWO, TAG_OBJECT)
    market.release("org/act", "v1.0.0", ONE)
    market.release("org/act", "v1.1.0", TAG_OBJECT)
    head = workflow(f"org/act@{TWO} # v1.1.0")
    (result,) = examine(market, tmp_path, workflow(f"Org/Act@{ONE} # v1.0.0"), head).results
    assert result.old is not None
    assert (result.old.state, result.new.state) == (EvidenceState.VERIFIED, EvidenceState.VERIFIED), result
    assert (result.new.publishers[0].repository_id, result.new.basis) == ("55", "release attestation")
    assert (loud(result), result.change.new.line) == ([], 3)
    assert any("annotated" in one for one in result.new.notes)


@pytest.mark.parametrize(("number", "sha"), [("56", TWO), ("55", ONE)])
def test_a_release_attestation_of_something_else(market: Market, tmp_path: Path, number: str, sha: str) -> None:
    """Another repository's id, or another commit: it does not hold."""
    market.repository("org/act", branches={"main": [ONE, TWO]}, tags={"v1.1.0": TWO})
    market.release("org/act", "v1.1.0", sha, number=number)
    path = f"/github/repos/org/act/attestations/sha1:{TWO}"
    market.answers[path] = market.answers.get(path) or market.answers[path.replace(TWO, ONE)]
    (result,) = examine(market, tmp_path, {}, workflow(f"org/act@{TWO} # v1.1.0")).results
    assert result.new.state is EvidenceState.INVALID
    assert loud(result) == [("subject-mismatch", Level.FAIL)]


def test_tj_actions_2025(market: Market, tmp_path: Path) -> None:
    """All tags moved to one commit outside every branch: by the moved tag of what is replaced, whatever the new says."""
    market.repository("tj/changed", branches={"main": [ONE]}, tags={"v45.0.7": EVIL, "v46.0.1": EVIL})
    head = workflow(f"tj/changed@{EVIL} # v46.0.1")
    (result,) = examine(market, tmp_path, workflow(f"tj/changed@{ONE} # v45.0.7"), head).results
    assert loud(result) == [("ref-moved", Level.FAIL)]
    assert "commit-off-branch" in rules(result)


def test_an_impostor_commit(market: Market, tmp_path: Path) -> None:
    """A commit of a fork can be asked for at the repository: it is on no branch and behind no tag."""
    market.repository("org/act", branches={"main": [ONE], "releases/v1": []}, tags={"v1.0.0": ONE})
    head = workflow(f"org/act@{EVIL} # v1.0.1")
    (result,) = examine(market, tmp_path, workflow(f"org/act@{ONE} # v1.0.0"), head).results
    assert loud(result) == [("impostor-commit", Level.FAIL)]


@pytest.mark.parametrize(
    ("branches", "tags", "rule"),
    [
        ({"main": [], "releases/v1": [TWO]}, {}, ""),
        ({"main": [], "next": [TWO, ONE]}, {}, ""),
        ({"main": []}, {"v1": TWO}, "commit-off-branch"),
        ({"main": [], **{f"b{at}": [] for at in range(12)}}, {}, ""),
    ],
    ids=["head-of-branch", "inside-branch", "behind-tag", "too-many-branches"],
)
def test_where_a_commit_is(
    market: Market, tmp_path: Path, branches: dict[str, list[str]], tags: dict[str, str], rule: str
) -> None:
    """On another branch: fine; behind a tag: a note; not decided where there are too many branches."""
    market.repository("org/act", branches=branches, tags=tags)
    (result,) = examine(market, tmp_path, {}, workflow(f"org/act@{TWO}")).results
    assert loud(result) == []
    assert rules(result) == {"no-provenance", *([rule] if rule else [])}


@pytest.mark.parametrize(("tag", "found"), [("v1.0.0", "ref-moved"), ("v1", "no-provenance")])
def test_a_comment_that_is_not_true(market: Market, tmp_path: Path, tag: str, found: str) -> None:
    """A whole version names one commit for ever; a tag like v1 moves by design."""
    market.repository("org/act", branches={"main": [ONE, TWO]}, tags={tag: ONE})
    (result,) = examine(market, tmp_path, {}, workflow(f"org/act@{TWO} # {tag}")).results
    assert result.findings[0].rule == found


def test_unpinned_actions_and_missing_repositories(market: Market, tmp_path: Path) -> None:
    """A tag instead of a commit is a note; a repository that GitHub does not show could not be checked."""
    market.repository("org/act", branches={"main": [ONE]}, tags={"v1": ONE})
    report = examine(market, tmp_path, {}, workflow("org/act@v1", "org/act@main", "gone/act@v1", "bad_/a@v1"))
    by_ref = {f"{one.change.new.name}@{one.change.new.version}": one for one in report.results}
    assert {"unpinned", "no-provenance"} <= rules(by_ref["org/act@v1"])
    assert by_ref["org/act@main"].new.notes == ("it follows a branch",)
    assert by_ref["gone/act@v1"].new.state is EvidenceState.NOT_SERVED
    assert by_ref["bad_/a@v1"].new.state is EvidenceState.ERROR
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (f"org/act@{ONE} # v1.0.0", "org/act@v1.0.0", [("pin-lost", Level.WARN)]),
        (f"org/act@{ONE}", "org/act@main", [("pin-lost", Level.WARN)]),
        (f"org/act@{ONE} # v1.0.0", f"org/act@{TWO} # v1.0.0", [("ref-moved", Level.FAIL)]),
        (f"org/act@{ONE} # v1.0.0", f"org/act@{TWO} # v1.1.0", []),
        ("org/act@v1.0.0", f"org/act@{ONE} # v1.0.0", []),
    ],
    ids=["tag instead", "branch instead", "the same tag", "update", "pinned"],
)
def test_pins_of_a_workflow(
    market: Market, tmp_path: Path, before: str, after: str, found: list[tuple[str, Level]]
) -> None:
    """A commit that becomes a tag or branch, and a tag beside another commit than at the base."""
    market.repository("org/act", branches={"main": [ONE, TWO]}, tags={"v1.0.0": ONE, "v1.1.0": TWO})
    (result,) = examine(market, tmp_path, workflow(before), workflow(after)).results
    assert list(dict.fromkeys(loud(result))) == found
    assert result.change.new.line > 1


def test_a_lock_that_is_taken_away(market: Market, tmp_path: Path) -> None:
    """The workflow stays as it is; what pinned it is gone."""
    market.repository("org/act", branches={"main": [ONE]}, tags={"v1.0.0": ONE})
    report = examine(market, tmp_path, {**locked(ONE), **workflow("org/act@v1.0.0")}, workflow("org/act@v1.0.0"))
    assert [loud(one) for one in report.results] == [[("pin-lost", Level.WARN)]]
    assert [one.rule for one in report.notices] == ["lockfile-removed"]


def locked(commit: str, number: str = "55", owner: str = "66", ref: str = "v1.0.0") -> dict[str, str]:
    """An actions.lock."""
    entry = f"{{ref: {ref}, commit: sha1-{commit}, owner_id: {owner}, repo_id: {number}}}"
    return {".github/workflows/actions.lock": f"version: 'v0.0.2'\ndependencies:\n  'org/act@{ref}': {entry}\n"}


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (locked(TWO), [("ref-moved", Level.FAIL)]),
        (locked(ONE, number="99"), [("repo-id-changed", Level.FAIL)]),
        (locked(ONE, owner="99"), [("repo-id-changed", Level.FAIL), ("owner-transferred", Level.WARN)]),
        (locked(TWO, ref="v1.1.0"), []),
    ],
    ids=["moved", "repository", "owner", "update"],
)
def test_actions_lock(market: Market, tmp_path: Path, head: dict[str, str], found: list[tuple[str, Level]]) -> None:
    """A tag that stands for another commit, ids that are not those of before, and an update."""
    market.repository("org/act", branches={"main": [ONE, TWO]}, tags={"v1.0.0": ONE, "v1.1.0": TWO})
    report = examine(market, tmp_path, locked(ONE), head)
    said = [one for result in report.results for one in dict.fromkeys(loud(result))]
    assert said == found


def test_a_lock_pins_what_workflows_name(market: Market, tmp_path: Path) -> None:
    """A ref that actions.lock has a commit for is no unpinned one."""
    market.repository("org/act", branches={"main": [ONE]}, tags={"v1.0.0": ONE})
    report = examine(market, tmp_path, {}, {**locked(ONE), **workflow("org/act@v1.0.0")})
    assert all("unpinned" not in rules(one) for one in report.results)


# images


class Images:
    """Images in the sandbox's registry."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.client = Client(real_world())

    def push(self, name: str) -> tuple[Reference, Manifest]:
        """An index of one image."""
        image = parse_reference(f"{self.sandbox.url.partition('//')[2]}/{name.partition('#')[0]}:v1")
        config = self.client.put_blob(image, json.dumps({"name": name}).encode())
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": []}
        child = parse_manifest(encode(document))
        self.client.put_manifest(image.at(child.digest), child.data, MANIFEST)
        listed = {**child.descriptor.document(), "platform": {"os": "linux", "architecture": "amd64"}}
        self.client.put_manifest(image, encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]}), INDEX)
        return image, self.client.manifest(image)

    def attest(self, image: Reference, manifest: Manifest, who: Who) -> None:
        """Provenance as a referrer."""
        payload = statement(image.name, {"sha256": manifest.digest.hex}, SLSA)
        made = bundle(self.sandbox, payload, who.certificate())
        publish(self.client, image, manifest, json.dumps(made).encode())

    def signed_by_key(self, image: Reference, manifest: Manifest, key: Any) -> None:
        """cosign's statement, signed by a long-lived key without a log."""
        payload = statement(image.name, {"sha256": manifest.digest.hex}, "https://sigstore.dev/cosign/sign/v1")
        envelope = {
            "payload": b64(payload),
            "payloadType": PAYLOAD,
            "signatures": [{"sig": b64(keys.sign(key, pae(PAYLOAD, payload)))}],
        }
        made = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
            "dsseEnvelope": envelope,
        }
        publish(self.client, image, manifest, json.dumps(made).encode())


def from_image(image: Reference, manifest: Manifest) -> dict[str, str]:
    """A Dockerfile that pins it."""
    return {"Dockerfile": f"FROM {image.name}:v1@{manifest.digest}\n"}


@pytest.fixture
def images(sandbox: Sandbox) -> Images:
    """A registry."""
    return Images(sandbox)


def test_images(market: Market, images: Images, tmp_path: Path) -> None:
    """Verified, lost, of another publisher, with a broken attachment: by the same rules as packages."""
    for name, who, state, wanted in (
        ("acme/one", Who(), EvidenceState.VERIFIED, []),
        ("acme/two", None, EvidenceState.ABSENT, [("provenance-lost", Level.FAIL)]),
        ("acme/three", Who(repository_id="9"), EvidenceState.VERIFIED, [("publisher-changed", Level.FAIL)]),
    ):
        old, old_manifest = images.push(f"{name}#old")
        images.attest(old, old_manifest, Who())
        base = from_image(old, old_manifest)
        image, manifest = images.push(name)
        if who is not None:
            images.attest(image, manifest, who)
        (result,) = examine(market, tmp_path, base, from_image(image, manifest)).results
        assert (result.new.state, loud(result)) == (state, wanted), (name, result)


def test_long_lived_keys_of_images(market: Market, images: Images, tmp_path: Path) -> None:
    """A key that is given verifies; one that is not known is said to be unknown, not invalid."""
    image, manifest = images.push("acme/keyed")
    key = keys.p256()
    images.signed_by_key(image, manifest, key)
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    registries = {"registries": {**market.registries(), "oci": f"https://{image.host}"}}
    head = from_image(image, manifest)
    (unknown,) = examine(market, tmp_path, {}, head, **registries).results
    assert unknown.new.state is EvidenceState.UNSUPPORTED
    (known,) = examine(market, tmp_path, {}, head, image_keys=(TrustedKey(key=spki),), **registries).results
    assert known.new.state is EvidenceState.VERIFIED
    assert known.new.publishers[0].subject == f"key {hashlib.sha256(spki).hexdigest()}"


def test_platforms_and_tags_of_images(market: Market, images: Images, tmp_path: Path) -> None:
    """An index with nothing of its own counts where each platform is proved; tags are resolved, and told when moved."""
    image, manifest = images.push("acme/platforms")
    child = images.client.manifest(image.at(manifest.manifests[0].digest))
    images.attest(image, child, Who())
    registries = {"registries": {**market.registries(), "oci": f"https://{image.host}"}}
    (result,) = examine(market, tmp_path, {}, from_image(image, manifest), **registries).results
    assert result.new.state is EvidenceState.VERIFIED
    assert result.new.notes == ("each platform is proved; the index itself has nothing",)
    other, other_manifest = images.push("acme/tagged")
    images.attest(other, other_manifest, Who())
    (result,) = examine(market, tmp_path, {}, {"Dockerfile": f"FROM {other.name}:v1\n"}, **registries).results
    assert result.new.state is EvidenceState.VERIFIED
    assert "unpinned" in rules(result)
    second = images.client.manifest(other.at(other_manifest.manifests[0].digest))
    images.client.put_manifest(other, second.data, second.media_type)
    (result,) = examine(market, tmp_path, {}, from_image(other, other_manifest), **registries).results
    assert "stands for" in result.new.notes[0]


def test_an_image_of_a_new_registry_is_not_asked(market: Market, images: Images, tmp_path: Path) -> None:
    """A host that only the pull request names is not contacted."""
    image, manifest = images.push("acme/new")
    (result,) = examine(market, tmp_path, {}, from_image(image, manifest)).results
    assert (result.new.state, result.new.why) == (EvidenceState.NOT_SERVED, "its registry is new, so it was not asked")


def test_a_broken_attachment(market: Market, images: Images, tmp_path: Path) -> None:
    """What is attached and holds for nothing is invalid; beside something that holds it is told."""
    image, manifest = images.push("acme/broken")
    payload = statement(image.name, {"sha256": "00" * 32}, SLSA)
    made = bundle(images.sandbox, payload, Who().certificate())
    publish(images.client, image, manifest, json.dumps(made).encode())
    registries = {"registries": {**market.registries(), "oci": f"https://{image.host}"}}
    (result,) = examine(market, tmp_path, {}, from_image(image, manifest), **registries).results
    assert (result.new.state, loud(result)) == (EvidenceState.INVALID, [("attestation-invalid", Level.FAIL)])
    images.attest(image, manifest, Who())
    (result,) = examine(market, tmp_path, {}, from_image(image, manifest), **registries).results
    assert result.new.state is EvidenceState.VERIFIED
    assert "does not hold" in result.new.notes[0]


# Go


def go_sum(*modules: tuple[str, str, bytes]) -> dict[str, str]:
    """A go.sum."""
    lines = [f"{path} {version} h1:{b64(hashlib.sha256(content).digest())}\n" for path, version, content in modules]
    return {"go.sum": "".join(lines)}


MODULES = [(f"go.example/Mod{at}", f"v1.{at}.0", f"content {at}".encode()) for at in range(700)]


def test_go_modules(market: Market, tmp_path: Path) -> None:
    """Records all over a tree of several tiles are proved; a hash of one's own is blocked."""
    market.golang(MODULES)
    chosen = [MODULES[at] for at in (0, 1, 255, 256, 511, 512, 699)]
    report = examine(market, tmp_path, {}, go_sum(*chosen))
    assert [(one.new.state, loud(one)) for one in report.results] == [(EvidenceState.VERIFIED, [])] * len(chosen)
    assert report.results[0].new.basis == "checksum database"
    path, version, _ = MODULES[3]
    (result,) = examine(market, tmp_path, {}, go_sum((path, version, b"edited"))).results
    assert loud(result) == [("digest-mismatch", Level.FAIL)]
    (result,) = examine(market, tmp_path, {}, go_sum(("go.example/private", "v1.0.0", b"x"))).results
    assert result.new.state is EvidenceState.NOT_SERVED


@pytest.mark.parametrize("spoiled", ["note", "tile"])
def test_a_lying_checksum_database(market: Market, tmp_path: Path, spoiled: str) -> None:
    """A note that its key did not sign, and tiles that lead elsewhere."""
    market.golang(MODULES[:300], spoiled=spoiled)
    (result,) = examine(market, tmp_path, {}, go_sum(MODULES[5])).results
    assert loud(result) == [("attestation-invalid", Level.FAIL)]


def test_private_modules_and_no_key(market: Market, tmp_path: Path) -> None:
    """GOPRIVATE is not asked about; without a key nothing is believed."""
    market.golang(MODULES[:3])
    for environ, state in (
        ({"GOSUMDB": "off"}, EvidenceState.NOT_SERVED),
        ({"GOSUMDB": market.notary_key}, EvidenceState.VERIFIED),
        ({"GOSUMDB": "off", "GOPRIVATE": "x.example,go.example/*"}, EvidenceState.NOT_APPLICABLE),
    ):
        (result,) = examine(market, tmp_path, {}, go_sum(MODULES[1]), environ, notary="").results
        assert result.new.state is state
    assert escaped("Example/Mod") == "!example/!mod"


def test_a_malformed_record() -> None:
    """Every way to be no record has its code."""
    note = "go.sum database tree\n1\n" + b64(b"\x00" * 32) + "\n\n\u2014 sum.example AAAAAAAA\n"
    good = f"0\nm v1 h1:x\n\n{note}".encode()
    for data in (b"\xff", b"x\nm v1 h1:x\n\n" + note.encode(), b"0\n\n\n", b"0\nm v1 h1:x\n"):
        with pytest.raises(FormatError) as refused:
            parse_record(data)
        assert refused.value.code in {"checksum-database", "checkpoint-malformed"}
    for key in ("", "sum.example+00000000+AAAA", "sum.example+zz+!"):
        with pytest.raises(FormatError) as malformed:
            verify_record(parse_record(good), key, [])
        assert malformed.value.code == "checksum-database"


def test_another_tree_and_signer(market: Market) -> None:
    """A note of another origin, and one that the key did not sign at all."""
    other = "other tree\n1\n" + b64(b"\x00" * 32) + "\n\n\u2014 sum.example AAAAAAAA\n"
    with pytest.raises(FormatError) as refused:
        verify_record(parse_record(f"0\nm v1 h1:x\n\n{other}".encode()), market.notary_key, [])
    assert refused.value.code == "checksum-database"
    unsigned = other.replace("other tree", "go.sum database tree")
    with pytest.raises(ProofError) as unproved:
        verify_record(parse_record(f"0\nm v1 h1:x\n\n{unsigned}".encode()), market.notary_key, [])
    assert unproved.value.code == "checkpoint-signature"


def test_levels_of_single_rules(market: Market, tmp_path: Path) -> None:
    """The policy may say that what could not be checked fails."""
    policy = DependencyPolicy(levels=MappingProxyType({"index-without-attestations": Level.FAIL}))
    report = examine(market, tmp_path, {}, workflow(f"gone/act@{ONE}"), policy=policy)
    assert report.exit_code == 1


class Ghcr:
    """GitHub's image registry, which has nothing attached: its API has."""

    def __init__(self, market: Market, digest: str) -> None:
        self.market = market
        self.digest = digest
        self.real = RequestsHttp()

    def request(self, method: str, url: str, **more: Any) -> Response:
        """See `Http.request`."""
        if url.startswith("https://ghcr.io/"):
            manifest = b'{"schemaVersion":2,"manifests":[]}' if url.endswith(self.digest) else b""
            return Response(status=200 if manifest else 404, headers={}, body=manifest, url=url)
        return self.real.request(method, url, **more)


@pytest.mark.parametrize("repository", ["acme/app", "acme/other"])
def test_images_attested_at_github(market: Market, tmp_path: Path, repository: str) -> None:
    """An image of GitHub's registry, attested without pushing to the registry; of another repository it does not hold."""
    manifest = b'{"schemaVersion":2,"manifests":[]}'
    digest = hashlib.sha256(manifest).hexdigest()
    payload = statement("ghcr.io/acme/app", {"sha256": digest}, SLSA)
    made = bundle(market.sandbox, payload, Who(repository=repository).certificate())
    market.attested("acme/app", f"sha256:{digest}", made)
    head = {"Dockerfile": f"FROM ghcr.io/acme/app:v1@sha256:{digest}\n"}
    root = tmp_path / "repository"
    root.mkdir()
    commits(root, {}, head)
    config = Path(market.sandbox.environ(token=False)["SIGSTEP_TRUST_CONFIG"])
    request = DependencyRequest(
        repository=root,
        base="s0",
        head="s1",
        trust=load_trust(TrustRequest(trust_config=config), real_world()),
        registries={**market.registries(), "oci": "https://ghcr.io"},
    )
    outside = replace(real_world(), environ={}, http=Ghcr(market, f"sha256:{digest}"))  # type: ignore[arg-type]
    (result,) = examine_dependencies(request, outside).results
    assert result.new.state is (EvidenceState.VERIFIED if repository == "acme/app" else EvidenceState.INVALID), result


def test_legacy_signatures_of_images(market: Market, images: Images, tmp_path: Path) -> None:
    """cosign's tag with a layer that signs another image: it does not hold."""
    image, manifest = images.push("acme/legacy")
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": f"sha256:{'0' * 64}"}}}).encode()
    layer = images.client.put_blob(image, payload)
    described = {
        **layer.document(),
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "annotations": {"dev.cosignproject.cosign/signature": "AAAA"},
    }
    config = images.client.put_blob(image, b"{}")
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": [described]}
    tag = image.tagged(f"sha256-{manifest.digest.hex}.sig")
    images.client.put_manifest(tag, encode(document), MANIFEST)
    registries = {"registries": {**market.registries(), "oci": f"https://{image.host}"}}
    (result,) = examine(market, tmp_path, {}, from_image(image, manifest), **registries).results
    assert result.new.state is EvidenceState.INVALID


def test_a_tile_that_is_gone(market: Market, tmp_path: Path) -> None:
    """A database that does not hand out its tiles proves nothing."""
    market.golang(MODULES[:300])
    for path in [one for one in market.answers if "/tile/" in one]:
        del market.answers[path]
    (result,) = examine(market, tmp_path, {}, go_sum(MODULES[5])).results
    assert loud(result) == [("attestation-invalid", Level.FAIL)]


def test_a_lock_at_another_place(market: Market, tmp_path: Path) -> None:
    """GitHub reads one actions.lock; another pins nothing."""
    market.repository("org/act", branches={"main": [ONE]}, tags={"v1.0.0": ONE})
    elsewhere = {f"sub/{path}": text for path, text in locked(ONE).items()}
    report = examine(market, tmp_path, {}, {**elsewhere, **workflow("org/act@v1.0.0")})
    named = [one for one in report.results if one.change.new.path == "action.yml"]
    assert [("unpinned" in rules(one)) for one in named] == [True]
