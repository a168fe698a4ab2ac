"""Recorded answers of real registries give the expected states and identities."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.repositories import commits
from tests.worlds import Sent, answer, world

from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.model.dependency import DependencyReport, EvidenceState
from sigstep.model.trust import TrustMaterial
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.ports.http import Response
from sigstep.wire.registry_keys import parse_registry_keys
from sigstep.wire.trusted_root import parse_trusted_root

SHARED = Path(os.environ.get("SIGSTEP_SHARED", str(Path(__file__).parents[2].parent / "shared")))  # noqa: TID251
REGISTRY = SHARED / "material" / "registry"
NPM, INDEX = "https://registry.npm.example", "https://index.example/simple"
PACKUMENT = json.loads((REGISTRY / "npm" / "nuxt.json").read_text())
SAMPLE = (REGISTRY / "pypi" / "sampleproject-4.0.0.tar.gz.provenance").read_bytes()


def lock(version: str, integrity: str = "") -> str:
    """A lockfile with one version of nuxt."""
    stated = integrity or PACKUMENT["versions"][version]["dist"]["integrity"]
    entry = {"version": version, "resolved": f"{NPM}/nuxt/-/nuxt-{version}.tgz", "integrity": stated}
    return json.dumps({"lockfileVersion": 3, "packages": {"node_modules/nuxt": entry}}, indent=1)


def registry(sent: Sent) -> Response:
    """The recorded answers."""
    name = sent.url.rpartition("/")[2]
    file = REGISTRY / "npm" / f"{name}.json"
    if sent.url.startswith(NPM) and file.is_file():
        return answer(200, file.read_bytes())
    return answer(404)


def examine(folder: Path, *states: dict[str, str], registry: Any = registry, **options: Any) -> DependencyReport:
    """Compare two states with the real roots and keys."""
    commits(folder, *states)
    root = parse_trusted_root((SHARED / "trust" / "public-good.trusted_root.json").read_bytes(), name="public-good")
    keys = parse_registry_keys((SHARED / "trust" / "npm-keys.json").read_bytes())
    request = DependencyRequest(
        repository=folder,
        base="s0",
        head=f"s{len(states) - 1}",
        policy=DependencyPolicy(),
        trust=TrustMaterial(roots=(root,)),
        registry_keys=keys,
        **options,
    )
    return examine_dependencies(request, world(registry))


def test_nuxt(tmp_path: Path) -> None:
    """Both verified, the same repository id; built by another event: to be looked at, not blocked."""
    report = examine(tmp_path, {"package-lock.json": lock("3.13.0")}, {"package-lock.json": lock("4.1.2")})
    (result,) = report.results
    assert result.old is not None
    assert (result.old.state, result.new.state) == (EvidenceState.VERIFIED, EvidenceState.VERIFIED), result
    assert result.new.publishers[0].repository_id == result.old.publishers[0].repository_id == "71995937"
    assert "risky-trigger" in [one.rule for one in result.findings]
    assert report.exit_code == 0


@pytest.mark.parametrize("change", ["signature", "hash"])
def test_nuxt_changed(tmp_path: Path, change: str) -> None:
    """A changed registry signature and a changed lock hash are blocked."""
    other = PACKUMENT["versions"]["4.1.1"]["dist"]["integrity"]

    def lying(sent: Sent) -> Response:
        if change == "signature" and sent.url.endswith("/nuxt"):
            text = json.dumps(PACKUMENT)
            ours = PACKUMENT["versions"]["4.1.2"]["dist"]["signatures"][0]["sig"]
            theirs = PACKUMENT["versions"]["4.1.1"]["dist"]["signatures"][0]["sig"]
            return answer(200, text.replace(ours, theirs).encode())
        return registry(sent)

    head = lock("4.1.2", other if change == "hash" else "")
    report = examine(tmp_path, {"package-lock.json": lock("3.13.0")}, {"package-lock.json": head}, registry=lying)
    rules = {one.rule for one in report.results[0].findings}
    wanted = {"signature": {"registry-signature-invalid"}, "hash": {"digest-mismatch", "subject-mismatch"}}[change]
    assert wanted <= rules
    assert report.exit_code == 1


def test_sampleproject(tmp_path: Path) -> None:
    """A locked hash is matched to the attested file without a download; a hash the index doesn't state is blocked."""
    import base64

    statement = json.loads(
        base64.b64decode(json.loads(SAMPLE)["attestation_bundles"][0]["attestations"][0]["envelope"]["statement"])
    )
    digest = statement["subject"][0]["digest"]["sha256"]
    file = {
        "filename": "sampleproject-4.0.0.tar.gz",
        "hashes": {"sha256": digest},
        "provenance": "https://index.example/integrity/sampleproject",
        "upload-time": "2024-11-06T22:37:10Z",
    }

    def index(sent: Sent) -> Response:
        if sent.url == f"{INDEX}/sampleproject/":
            kind = {"content-type": "application/vnd.pypi.simple.v1+json"}
            return answer(200, json.dumps({"files": [file]}).encode(), kind)
        return answer(200, SAMPLE)

    def pinned(hexadecimal: str) -> dict[str, str]:
        return {"requirements.txt": f"sampleproject==4.0.0 --hash=sha256:{hexadecimal}\n"}

    options = {"registry": index, "registries": {"pypi": INDEX}}
    (tmp_path / "good").mkdir()
    (result,) = examine(tmp_path / "good", {}, pinned(digest), **options).results
    assert result.new.state is EvidenceState.VERIFIED, result
    assert result.new.publishers[0].repository == "https://github.com/pypa/sampleproject"
    (tmp_path / "bad").mkdir()
    bad = examine(tmp_path / "bad", {}, pinned("00" * 32), **options)
    assert "digest-mismatch" in [one.rule for one in bad.results[0].findings]
    assert bad.exit_code == 1


RELEASE = json.loads((SHARED / "material" / "github_release_bundle.json").read_text())
COMMIT, ASSET = (
    "c5e17a62e06a1d201570249c61fae531e9244e1b",
    "e15b593c6ab8d7725a3cc82226ef816cac6bf9c70eed383bd459295cc65f5ec3",
)


def hub(number: int) -> Any:
    """GitHub's API with the recorded release attestation; the repository has that id."""

    def answering(sent: Sent) -> Response:
        path = sent.url.partition("?")[0].removeprefix("https://hub.example/repos/bdehamer/delme")
        known: dict[str, Any] = {
            "": {"id": number, "owner": {"id": 398027}, "default_branch": "main"},
            "/git/ref/tags/v6": {"object": {"type": "commit", "sha": COMMIT}},
            f"/compare/main...{COMMIT}": {"status": "identical"},
            f"/attestations/sha1:{COMMIT}": {"attestations": [{"bundle": RELEASE}]},
            f"/attestations/sha256:{ASSET}": {"attestations": [{"bundle": RELEASE}]},
        }
        return answer(200, json.dumps(known[path]).encode()) if path in known else answer(404)

    return answering


@pytest.mark.parametrize(("number", "state"), [(905988044, EvidenceState.VERIFIED), (1, EvidenceState.INVALID)])
def test_a_real_release_attestation(tmp_path: Path, number: int, state: EvidenceState) -> None:
    """An action pinned to an immutable release of GitHub, and an asset of it: by GitHub's own root, ids compared."""
    root = parse_trusted_root((SHARED / "trust" / "github.trusted_root.json").read_bytes(), name="github")
    url = "https://github.com/bdehamer/delme/releases/download/v6/artifact.zip"
    head = {
        "action.yml": f"runs:\n  steps:\n    - uses: bdehamer/delme@{COMMIT} # v6\n",
        "Dockerfile": f"ADD --checksum=sha256:{ASSET} {url} /x\n",
    }
    commits(tmp_path, {}, head)
    request = DependencyRequest(
        repository=tmp_path,
        base="s0",
        head="s1",
        trust=TrustMaterial(roots=(root,)),
        registries={"github": "https://hub.example"},
    )
    found = {one.change.new.ecosystem: one for one in examine_dependencies(request, world(hub(number))).results}
    assert found["githubactions"].new.state is state, found
    assert found["github"].new.state is EvidenceState.VERIFIED, found
    assert found["github"].new.basis == "release attestation"
    if state is EvidenceState.VERIFIED:
        (publisher,) = found["githubactions"].new.publishers
        assert (publisher.repository_id, publisher.owner_id) == ("905988044", "398027")


def test_a_real_release_attestation_of_another_repository(tmp_path: Path) -> None:
    """The same attestation does not speak for another repository, or another tag."""
    root = parse_trusted_root((SHARED / "trust" / "github.trusted_root.json").read_bytes(), name="github")
    for number, place in enumerate(("evil/delme/releases/download/v6", "bdehamer/delme/releases/download/v7")):
        folder = tmp_path / str(number)
        folder.mkdir()
        commits(
            folder, {}, {"Dockerfile": f"ADD --checksum=sha256:{ASSET} https://github.com/{place}/artifact.zip /x\n"}
        )

        def answering(sent: Sent) -> Response:
            return answer(200, json.dumps({"attestations": [{"bundle": RELEASE}]}).encode())

        request = DependencyRequest(
            repository=folder,
            base="s0",
            head="s1",
            trust=TrustMaterial(roots=(root,)),
            registries={"github": "https://hub.example"},
        )
        (result,) = examine_dependencies(request, world(answering)).results
        assert (result.new.state, result.findings[0].rule) == (EvidenceState.INVALID, "subject-mismatch"), place


def test_a_real_sdist(tmp_path: Path) -> None:
    """Provenance of an sdist beside its file: the id is the one that a later name of the repository has too."""
    import hashlib

    folder = SHARED / "material" / "pep740"
    name = "pypi_attestations-0.0.19.tar.gz"
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    file = {"filename": name, "hashes": {"sha256": digest}, "provenance": "https://index.example/p"}

    def index(sent: Sent) -> Response:
        if sent.url.endswith("/pypi-attestations/"):
            kind = {"content-type": "application/vnd.pypi.simple.v1+json"}
            return answer(200, json.dumps({"files": [file]}).encode(), kind)
        return answer(200, (folder / f"{name}.provenance").read_bytes())

    head = {"requirements.txt": f"pypi-attestations==0.0.19 --hash=sha256:{digest}\n"}
    (result,) = examine(tmp_path, {}, head, registry=index, registries={"pypi": INDEX}).results
    assert result.new.state is EvidenceState.VERIFIED, result
    assert result.new.publishers[0].repository_id == "772247423"
