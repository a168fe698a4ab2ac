"""Bundles that are nowhere beside the file: GitHub's API, a registry, a release; and `sigstep download`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sigstep.cli.main import sigstep
from sigstep.errors import SigstepError
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest
from sigstep.model.statement import Predicate
from sigstep.oidc.given import TokenFile
from sigstep.ports.real import real_world
from sigstep.ports.store import Store
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.services.github import GitHub
from sigstep.stores.files import FileStore
from sigstep.stores.github import GitHubStore
from sigstep.stores.release import ReleaseStore
from sigstep.subjects.files import FileSubjects

TYPE = "https://example.com/reviewed/v1"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox of this test's own; the current folder is empty."""
    monkeypatch.chdir(tmp_path)
    with Sandbox() as sandbox:
        monkeypatch.setenv("GITHUB_API_URL", f"{sandbox.url}/github")
        sandbox.hub.add_release("acme/app", "v1")
        yield sandbox


def stores(box: Sandbox) -> tuple[GitHubStore, ReleaseStore]:
    """Both of the sandbox's GitHub."""
    github = GitHub(api=f"{box.url}/github", token=box.hub.token, retry_seconds=0)
    return GitHubStore(github=github, place="acme/app"), ReleaseStore(github=github, repository="acme/app", tag="v1")


def attested(box: Sandbox, folder: Path, *where: Store) -> Path:
    """A file, and an attestation about it in the stores alone."""
    path = folder / "app.whl"
    path.write_bytes(b"a wheel\n")
    token = folder / "token"
    token.write_text(box.token())
    options = SigningOptions(
        trust=TrustRequest(trust_config=box.trust_config_file), sources=(TokenFile(path=token),), retry_seconds=5
    )
    request = AttestRequest(
        subjects=FileSubjects(patterns=(str(path),)),
        options=options,
        predicates=(Predicate(type=TYPE, content={"a": "b"}, kind=""),),
        store=FileStore(folder=folder / "elsewhere"),
        more_stores=where,
    )
    (made,) = attest(request, real_world()).made
    assert [one.store for one in made.receipts] == ["files", *(one.name for one in where)]
    return path


def run(box: Sandbox, *arguments: str | Path) -> tuple[int, str]:
    """Exit status and output; an error of sigstep's own counts with its code."""
    environ = {"SIGSTEP_TRUST_CONFIG": str(box.trust_config_file)}
    try:
        result = CliRunner().invoke(
            sigstep, [str(one) for one in arguments], env=environ, catch_exceptions=False, standalone_mode=False
        )
    except SigstepError as error:
        return error.exit_code, f"[{error.code}] {error.why}"
    return int(result.return_value), result.output


def test_github_is_asked(box: Sandbox, tmp_path: Path) -> None:
    """By file and by digest, by repository and by owner; offline nobody is asked."""
    path = attested(box, tmp_path, stores(box)[0])
    digest = f"sha256:{__import__('hashlib').sha256(b'a wheel' + bytes([10])).hexdigest()}"
    assert run(box, "verify", path, "--repo", "acme/app")[0] == 0
    assert run(box, "verify", path, digest, "--owner", "acme")[0] == 0
    status, output = run(box, "verify", path, "--repo", "acme/app", "--offline")
    assert (status, "no-bundle" in output or "bundle-missing" in output) == (1, True), output
    assert run(box, "verify", path, "--repo", "acme/other")[0] == 1
    path.write_bytes(b"another wheel\n")
    assert run(box, "verify", path, "--repo", "acme/app")[0] == 1


def test_a_release_is_asked(box: Sandbox, tmp_path: Path) -> None:
    """Its asset is named for the file."""
    path = attested(box, tmp_path, stores(box)[1])
    assert run(box, "verify", path, "--repo", "acme/app")[0] == 1
    assert run(box, "verify", path, "--repo", "acme/app", "--release", "v1")[0] == 0
    assert run(box, "verify", path, "--owner", "acme", "--release", "v1")[1].startswith("[release-repository]")


def test_what_is_beside_is_enough(box: Sandbox, tmp_path: Path) -> None:
    """Nobody is asked where a bundle is beside the file; a place that is named is asked when that does not pass."""
    path = attested(box, tmp_path, stores(box)[0])
    (tmp_path / "elsewhere" / "app.whl.sigstore.json").rename(tmp_path / "app.whl.sigstore.json")
    box.faults.set("github", Fault(kind="status", status=400))
    assert run(box, "verify", path, "--repo", "acme/app")[0] == 0
    assert run(box, "verify", path, "--repo", "acme/other")[0] == 1
    status, output = run(box, "verify", path, "--identity", "x", "--issuer", "y", "--github", "acme/app")
    assert status == 4, output
    assert "github-refused" in output


def test_an_outage_is_no_refusal(box: Sandbox, tmp_path: Path) -> None:
    """Exit 4 where a place that might know could not be asked."""
    path = attested(box, tmp_path)
    box.faults.set("github", Fault(kind="status", status=401))
    status, output = run(box, "verify", path, "--repo", "acme/app")
    assert status == 4
    assert "github-token" in output


def test_download(box: Sandbox, tmp_path: Path) -> None:
    """One line a bundle, each once; then it verifies offline; nothing known is exit 3."""
    path = attested(box, tmp_path, *stores(box))
    status, output = run(box, "download", path, "--github", "acme/app", "--release", "v1")
    assert status == 0, output
    lines = (tmp_path / "app.whl.sigstore.jsonl").read_bytes().splitlines()
    assert len(lines) == 2
    assert [json.loads(line)["mediaType"] for line in lines]
    assert run(box, "verify", path, "--repo", "acme/app", "--offline")[0] == 0
    status, output = run(box, "download", f"sha256:{'0' * 64}", "--github", "acme/app")
    assert (status, output.partition("]")[0]) == (3, "[nothing-known")
    assert run(box, "download", path)[1].startswith("[place-missing]")


def test_partial_failure_says_what_was_published(box: Sandbox, tmp_path: Path) -> None:
    """One store that fails does not keep the bundle from the others."""
    box.hub.permissions = frozenset({"contents"})
    token = tmp_path / "token"
    token.write_text(box.token())
    (tmp_path / "a").write_bytes(b"a")
    options = SigningOptions(trust=TrustRequest(trust_config=box.trust_config_file), sources=(TokenFile(path=token),))
    request = AttestRequest(
        subjects=FileSubjects(patterns=("a",)),
        options=options,
        predicates=(Predicate(type=TYPE, content={}, kind=""),),
        more_stores=stores(box),
    )
    result = attest(request, real_world())
    (made,) = result.made
    assert [one.store for one in made.receipts] == ["files", "release"]
    assert [(store, error.code) for store, error in made.unpublished] == [("github", "github-permission")]
    assert [name for name, _ in result.problems] == ["github: a.sigstore.json"]


def attest_here(box: Sandbox, *arguments: str) -> tuple[int, str]:
    """`sigstep attest` of a file, with a token in a file."""
    Path("app.whl").write_bytes(b"a wheel\n")
    Path("token").write_text(box.token())
    Path("predicate.json").write_text("{}")
    given = ("--type", TYPE, "--predicate", "predicate.json", "--token-file", "token", "--retry-for", "5s")
    return run(box, "attest", "app.whl", *given, *arguments)


def test_published_from_the_command_line(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both places hold what `verify` then finds there; the file is there too."""
    monkeypatch.setenv("GH_TOKEN", box.hub.token)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/app")
    both = ("--publish", "github", "--publish", "release:v1")
    status, output = attest_here(box, *both, "--format", "json")
    assert status == 0, output
    (made,) = json.loads(output)["made"]
    assert [one["store"] for one in made["published"]] == ["github", "release"]
    Path(made["bundle"]).unlink()
    assert run(box, "verify", "app.whl", "--repo", "acme/app")[0] == 0
    assert run(box, "verify", "app.whl", "--repo", "acme/app", "--release", "v1")[0] == 0
    status, output = attest_here(box, "--publish", "github", "--repository", "acme/app")
    assert (status, "  github: https://github.com/acme/app/attestations/" in output) == (0, True), output


def test_a_place_that_fails_costs_the_status(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle is written, and the exit status says that it is not everywhere."""
    monkeypatch.setenv("GH_TOKEN", box.hub.token)
    status, output = attest_here(box, "--publish", "release:v9", "--publish", "github", "--repository", "acme/app")
    assert (status, Path("app.whl.sigstore.json").exists()) == (4, True), output
    assert "release-missing" in output
    assert "  github: " in output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--publish", "gitlab"), "publish-place"),
        (("--publish", "release"), "publish-place"),
        (("--publish", "github:x"), "publish-place"),
        (("--publish", "github"), "github-repository"),
        (("--publish", "github", "--repository", "acme"), "github-repository"),
        (("--publish", "github", "--repository", "acme/app", "registry.example/a:v1"), "publish-place"),
    ],
)
def test_places_that_are_none(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: str
) -> None:
    """Refused before a token is used up or anything is written."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    files = () if arguments[-1].startswith("registry") else ("app.whl",)
    Path("predicate.json").write_text("{}")
    given = ("--type", TYPE, "--predicate", "predicate.json")
    assert run(box, "attest", *files, *given, *arguments)[1].startswith(f"[{code}]")
