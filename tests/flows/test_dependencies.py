"""Changed dependencies through the flow and the command line, against scripted registries."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.repositories import commits
from tests.worlds import Answering, Sent, answer, no_network, world

from sigstep.cli.main import sigstep
from sigstep.errors import FormatError, ServiceError, UsageError
from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.flows.dependency_merge import read_report
from sigstep.model import limits
from sigstep.model.dependency import DependencyReport, EvidenceState, Level
from sigstep.model.trust import TrustMaterial
from sigstep.policy.dependency_rules import DependencyPolicy, Profile
from sigstep.ports.http import Response
from sigstep.rendering.dependencies import dependencies_annotations, dependencies_text
from sigstep.rendering.dependency_json import dependencies_json
from sigstep.rendering.dependency_markdown import dependencies_markdown
from sigstep.rendering.dependency_sarif import dependencies_sarif

INDEX, NPM = "https://index.example/simple", "https://npm.example"
A, B = "aa" * 32, "bb" * 32
SRI = "sha512-" + "A" * 86 + "=="
JSON = {"content-type": "application/vnd.pypi.simple.v1+json"}
WHERE = "https://index.example/integrity/foo"


def pinned(version: str, digest: str = A, index: str = INDEX) -> dict[str, str]:
    """One hashed requirement."""
    return {"requirements.txt": f"-i {index}\nfoo=={version} --hash=sha256:{digest}\n"}


def npm(version: str) -> dict[str, str]:
    """One locked npm package."""
    entry = {"version": version, "resolved": f"{NPM}/@s/foo/-/foo-{version}.tgz", "integrity": SRI}
    return {"package-lock.json": json.dumps({"packages": {"node_modules/@s/foo": entry}}, indent=1)}


def examine(folder: Path, answering: Answering, *states: dict[str, str], **options: Any) -> DependencyReport:
    """Compare the first state with the last."""
    commits(folder, *states)
    fields = {"base": "s0", "head": f"s{len(states) - 1}", "policy": DependencyPolicy(), **options}
    request = DependencyRequest(repository=folder, trust=TrustMaterial(roots=()), **fields)
    return examine_dependencies(request, world(answering))


def index(provenance: Any = None, served: Response | None = None, **more: Any) -> Answering:
    """An index with one file, and its answer about provenance."""
    entry = {"filename": "foo-2.tar.gz", "hashes": {"sha256": A}, "provenance": provenance, **more}
    if provenance == "unknown":
        del entry["provenance"]

    def answering(sent: Sent) -> Response:
        if sent.url == f"{INDEX}/foo/":
            return answer(200, json.dumps({"files": [entry]}).encode(), JSON)
        return served or answer(404)

    return answering


@pytest.mark.parametrize(
    ("answering", "state", "rule"),
    [
        (index(), EvidenceState.ABSENT, "no-provenance"),
        (index("unknown"), EvidenceState.NOT_SERVED, "index-without-attestations"),
        (index(WHERE), EvidenceState.ADVERTISED_UNAVAILABLE, "evidence-unavailable"),
        (index(WHERE, answer(503)), EvidenceState.ADVERTISED_UNAVAILABLE, "evidence-unavailable"),
        (index("https://evil.example/x"), EvidenceState.NOT_SERVED, "index-without-attestations"),
        (
            index(WHERE, answer(200, b'{"version":1,"attestation_bundles":[]}')),
            EvidenceState.INVALID,
            "attestation-invalid",
        ),
        (index(WHERE, answer(200, b"{")), EvidenceState.INVALID, "attestation-invalid"),
        (index(yanked=True), EvidenceState.ABSENT, "yanked"),
        (index(hashes={"sha256": B}), EvidenceState.NOT_SERVED, "digest-mismatch"),
        (
            lambda _: answer(200, b"<html>", {"content-type": "text/html"}),
            EvidenceState.NOT_SERVED,
            "index-without-attestations",
        ),
        (lambda _: answer(500), EvidenceState.ERROR, "evidence-unavailable"),
        (no_network, EvidenceState.ERROR, "evidence-unavailable"),
    ],
)
def test_index_states(tmp_path: Path, answering: Answering, state: EvidenceState, rule: str) -> None:
    """Evidence states are kept apart; an empty list of attestations proves nothing."""
    (result,) = examine(tmp_path, answering, pinned("1"), pinned("2")).results
    assert (result.new.state, result.change.new.line) == (state, 2)
    assert rule in [one.rule for one in result.findings]


def packument(dist: dict[str, Any], attestations: Response | None = None) -> Answering:
    """An npm registry with one version."""

    def answering(sent: Sent) -> Response:
        if sent.url == f"{NPM}/@s%2ffoo":
            return answer(200, json.dumps({"versions": {"2.0.0": {"dist": dist}}}).encode())
        return attestations or answer(404)

    return answering


SIGNED: dict[str, Any] = {"integrity": SRI, "signatures": [{"keyid": "k", "sig": "AA=="}]}
ATTESTED: dict[str, Any] = {**SIGNED, "attestations": {"url": "x"}}


@pytest.mark.parametrize(
    ("answering", "state"),
    [
        (packument(SIGNED), EvidenceState.ABSENT),
        (packument({"integrity": SRI}), EvidenceState.NOT_SERVED),
        (packument(ATTESTED), EvidenceState.ADVERTISED_UNAVAILABLE),
        (packument(ATTESTED, answer(502)), EvidenceState.ADVERTISED_UNAVAILABLE),
        (packument(ATTESTED, answer(200, b'{"attestations":[]}')), EvidenceState.ADVERTISED_UNAVAILABLE),
        (packument(ATTESTED, answer(200, b'{"attestations":[{"bundle":{}}]}')), EvidenceState.INVALID),
        (lambda _: answer(404), EvidenceState.NOT_SERVED),
        (no_network, EvidenceState.ERROR),
    ],
)
def test_npm_states(tmp_path: Path, answering: Answering, state: EvidenceState) -> None:
    """A mirror that strips evidence and a 404 for advertised attestations are no downgrade."""
    (result,) = examine(tmp_path, answering, npm("1.0.0"), npm("2.0.0")).results
    assert result.new.state is state


def test_a_new_registry_is_not_asked(tmp_path: Path) -> None:
    """An address that only the pull request names is never fetched, and its change is blocked."""

    def refuse(sent: Sent) -> Response:
        assert sent.url.startswith(INDEX), sent.url
        raise ServiceError(code="network-failed", what="down")

    report = examine(tmp_path, refuse, pinned("1"), pinned("2", index="https://evil.example/simple"))
    assert report.results[0].new.state is EvidenceState.NOT_SERVED
    assert report.results[0].findings[0].rule == "source-changed"
    assert report.exit_code == 1


def test_a_changed_hash_is_blocked_even_without_a_registry(tmp_path: Path) -> None:
    """The same version with another hash fails, whatever the network says."""
    report = examine(tmp_path, no_network, pinned("1"), pinned("1", B))
    assert "hash-changed-same-version" in [one.rule for one in report.results[0].findings]


def test_a_removed_lockfile_is_told(tmp_path: Path) -> None:
    """A lockfile that is gone is a notice of its own."""
    for number, (profile, level) in enumerate(zip(Profile, (Level.WARN, Level.FAIL, Level.NOTE), strict=True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        policy = DependencyPolicy(profile=profile)
        assert [one.level for one in examine(folder, no_network, pinned("1"), {}, policy=policy).notices] == [level]


def test_an_unknown_commit_is_usage(tmp_path: Path) -> None:
    """What git refuses is told with its words."""
    with pytest.raises(UsageError) as refused:
        examine(tmp_path, no_network, {}, base="nowhere")
    assert refused.value.code == "git-failed"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Names from a lockfile cannot begin a workflow command, a table cell or a mention."""
    name = "a|b`<img>@you\n::error::x,y"
    entry = {"version": "1::2\n", "integrity": SRI, "resolved": "git+ssh://x.example/|y"}
    lock = {"package-lock.json": json.dumps({"packages": {f"node_modules/{name}": entry}})}
    report = examine(tmp_path, no_network, {}, lock)
    markdown, text, marks = dependencies_markdown(report), dependencies_text(report), dependencies_annotations(report)
    assert "<img>" not in markdown
    assert "@you" not in markdown
    assert not any(line.startswith("::") for line in (*text.splitlines(), *markdown.splitlines()))
    assert [line.count("::warning") for line in marks.splitlines()] == [1]
    assert json.loads(dependencies_json(report))["results"][0]["name"] == name


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``deps diff`` and ``deps audit``: local packages need no registry."""
    local = {"uv.lock": '[[package]]\nname = "me"\nversion = "1"\nsource = { editable = "." }\n'}
    commits(tmp_path, local, {"uv.lock": local["uv.lock"].replace("editable", "virtual")})
    shared = ["--repository", str(tmp_path), "--offline"]
    arguments = ["deps", "diff", *shared, "--base", "s0", "--head", "s1", "--format", "json"]
    assert sigstep.main(arguments, standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "sigstep/dependencies/v1"
    assert sigstep.main(["deps", "audit", *shared, "--head", "s0"], standalone_mode=False) == 0
    assert "not-applicable" in capsys.readouterr().out
    with pytest.raises(UsageError) as refused:
        sigstep.main(["deps", "audit", *shared, "--registry", "nothing"], standalone_mode=False)
    assert refused.value.code == "registry-option"


def test_no_change_is_passed_over(tmp_path: Path) -> None:
    """More changes than one run examines are refused as a whole."""
    many = "".join(f"foo{at}==1 --hash=sha256:{A}\n" for at in range(limits.DEPENDENCY_CHANGES + 1))
    with pytest.raises(FormatError) as caught:
        examine(tmp_path, no_network, {"requirements.txt": ""}, {"requirements.txt": f"-i {INDEX}\n{many}"})
    assert caught.value.code == "dependency-changes"


def test_a_lockfile_of_the_head_has_to_be_readable(tmp_path: Path) -> None:
    """A broken or too large one is an error, whatever the rest says."""
    for number, text in enumerate(("[[", " " * (limits.LOCKFILE_BYTES + 1))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(FormatError) as refused:
            examine(folder, no_network, {}, {"uv.lock": text})
        assert refused.value.code in {"toml-malformed", "lockfile-malformed"}


def test_no_registry_is_known(tmp_path: Path) -> None:
    """Nothing is guessed: it could not be checked, and the report says what to give."""
    entry = {"version": "1.0.0", "integrity": SRI}
    lock = {
        "Gemfile.lock": "GEM\n  specs:\n    a (1)\n",
        "package-lock.json": json.dumps({"packages": {"node_modules/a": entry}}),
    }
    found = {one.change.new.ecosystem: one.new for one in examine(tmp_path, no_network, {}, lock).results}
    assert found["gem"].state is EvidenceState.NOT_SERVED
    assert "--registry gem=URL" in found["gem"].why


def test_without_git(tmp_path: Path) -> None:
    """A machine without Git is told so."""

    class Nothing:
        def which(self, name: str) -> None:
            """Nothing is installed."""

    request = DependencyRequest(repository=tmp_path, base="a", trust=TrustMaterial(roots=()))
    outside = replace(world(no_network), process=Nothing())  # type: ignore[arg-type]
    with pytest.raises(UsageError) as refused:
        examine_dependencies(request, outside)
    assert (refused.value.code, refused.value.why) == ("git-failed", "git is not installed")


def test_configuration_of_a_pull_request(tmp_path: Path) -> None:
    """A registry that the pull request configures is reported, and the one of the base is used."""
    entry = {"version": "1.0.0", "integrity": SRI}
    lock = {"package-lock.json": json.dumps({"packages": {"node_modules/a": entry}})}
    base = {".npmrc": f"registry={NPM}/\n"}
    head = {**lock, ".npmrc": "registry=https://evil.example/\n"}
    asked: list[str] = []

    def answering(sent: Sent) -> Response:
        asked.append(sent.url)
        return answer(404)

    report = examine(tmp_path, answering, base, head)
    assert [(one.rule, one.level, one.path) for one in report.notices] == [
        ("source-redirected", Level.FAIL, ".npmrc"),
        ("signatures-not-judged", Level.NOTE, ""),
    ]
    assert asked == [f"{NPM}/a"]
    assert report.exit_code == 1


def test_a_part_of_many_changes(tmp_path: Path) -> None:
    """What is too much for one run can be examined in parts."""
    many = "".join(f"foo{at}==1 --hash=sha256:{A}\n" for at in range(limits.DEPENDENCY_CHANGES + 1))
    options: dict[str, Any] = {"shard": (1, 200)}
    report = examine(tmp_path, no_network, {"requirements.txt": ""}, {"requirements.txt": many}, **options)
    assert 0 < len(report.results) < 100


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The core install says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as refused:
        examine(tmp_path, no_network, {}, {})
    assert (refused.value.code, refused.value.fix) == ("deps-missing", "install sigstep[deps]")


def test_names_stay_inside_their_address(tmp_path: Path) -> None:
    """A name cannot lead to another place of the registry."""
    entry = {"version": "1.0.0", "integrity": SRI}
    lock = {
        "package-lock.json": json.dumps({"packages": {"node_modules/../x?y#z": entry}}),
        "requirements.txt": f"-i {INDEX}\n",
    }
    asked: list[str] = []

    def answering(sent: Sent) -> Response:
        asked.append(sent.url)
        return answer(404)

    examine(tmp_path, answering, {}, lock, registries={"npm": NPM})
    assert asked == [f"{NPM}/..%2fx%3Fy%23z"]


def test_redirects_of_a_pull_request(tmp_path: Path) -> None:
    """The lockfiles stay as they are: what is redirected, taken away, or made unreadable is told on its line."""
    base = {
        ".npmrc": "@acme:registry=https://corp.example/npm\n",
        "go.mod": "module m\n",
        "svc/Cargo.toml": "[package]\n",
        "template/pyproject.toml": "{{ name }}\n",
        "requirements.txt": "-i https://index.example/simple\n",
    }
    head = {
        "go.mod": "module m\n\nreplace good.example/x => evil.example/x v1.0.0\n",
        "svc/.cargo/config.toml": '[source.crates-io]\nreplace-with = "x"\n[source.x]\nregistry = "https://u:pass@evil.example"\n',
        "svc/Cargo.toml": "[[[\n",
        "template/pyproject.toml": "{{ name }} \n",
    }  # fmt: skip
    folder = tmp_path / "repository"
    folder.mkdir()
    report = examine(folder, no_network, base, head)
    found = {(one.rule, one.path): one for one in report.notices}
    assert [(*key, one.line, one.level.value) for key, one in sorted(found.items())] == [
        ("lockfile-removed", "requirements.txt", 1, "warn"),
        ("source-redirected", ".npmrc", 1, "fail"),
        ("source-redirected", "go.mod", 3, "fail"),
        ("source-redirected", "svc/.cargo/config.toml", 1, "fail"),
        ("source-redirected", "svc/Cargo.toml", 1, "fail"),
    ]
    message = found["source-redirected", "svc/.cargo/config.toml"].message
    assert "cargo source crates-io is set to https://evil.example" in message
    assert "dependencies.registries" in message
    assert report.exit_code == 1
    assert "::error file=go.mod,line=3,title=source-redirected::" in dependencies_annotations(report)
    assert "go.mod:3: golang replace" in dependencies_text(report)
    assert "4 blocked, 1 to look at, 0 others changed" in dependencies_text(report)
    assert json.loads(dependencies_json(report))["stats"]["blocked"] == 4
    results = json.loads(dependencies_sarif(report))["runs"][0]["results"]
    places = [one["locations"][0]["physicalLocation"] for one in results]
    assert ("go.mod", 3) in {(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in places}
    assert read_report(dependencies_json(report).encode()).notices == report.notices


_PROJECTS = {
    "old/.npmrc": "registry=https://corp.example/npm\n",
    "old/package-lock.json": json.dumps({"packages": {}}),
    "svc/.cargo/config.toml": '[registries.own]\nindex = "https://corp.example/index"\n',
    "svc/Cargo.lock": "version = 3\n",
}


@pytest.mark.parametrize(
    ("base", "head", "told"),
    [
        (_PROJECTS, {"main.c": ""}, set()),
        (_PROJECTS, {"old/a/b.js": "", "svc/src/main.rs": ""}, {"old/.npmrc", "svc/.cargo/config.toml"}),
        ({"conf/pip.conf": "[global]\nindex-url = https://corp.example\n"}, {"a": ""}, {"conf/pip.conf"}),
    ],
)
def test_a_project_that_is_gone(tmp_path: Path, base: dict[str, str], head: dict[str, str], told: set[str]) -> None:
    """Nothing comes from elsewhere where nothing is left; a registry's file that goes alone is told."""
    report = examine(tmp_path, no_network, base, head)
    assert {one.path for one in report.notices if one.rule == "source-redirected"} == told


def test_a_redirect_behind_a_link(tmp_path: Path) -> None:
    """A package manager follows it; it is told, and not followed."""
    commits(
        tmp_path, {"notes.txt": "registry=https://evil.example\n"}, {"notes.txt": "registry=https://evil.example\n"}
    )
    (tmp_path / ".npmrc").symlink_to("notes.txt")
    for arguments in (("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "x")):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    request = DependencyRequest(
        repository=tmp_path, base="s1", trust=TrustMaterial(roots=()), policy=DependencyPolicy()
    )
    (notice,) = examine_dependencies(request, world(no_network)).notices
    assert (notice.rule, notice.path, notice.level) == ("source-redirected", ".npmrc", Level.FAIL)
    assert "is a link" in notice.message


def test_a_redirect_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, like a lockfile, and not passed over."""
    monkeypatch.setattr(limits, "LOCKFILE_BYTES", 30)
    with pytest.raises(FormatError) as refused:
        examine(tmp_path, no_network, {"a": ""}, {"a": "", ".npmrc": "#" * 31})
    assert refused.value.code == "lockfile-malformed"
