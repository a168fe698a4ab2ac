"""Hostile lockfiles and manifests: bounded in time, told clearly, and nothing of them becomes markup or a command."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.repositories import commits
from tests.worlds import no_network, world

from sigstep.errors import SigstepError
from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.flows.lockfiles import parse
from sigstep.model import limits
from sigstep.model.dependency import DependencyReport, Level
from sigstep.model.trust import TrustMaterial
from sigstep.policy.dependency_rules import DependencyPolicy, Profile
from sigstep.rendering.dependencies import dependencies_annotations, dependencies_text
from sigstep.rendering.dependency_json import dependencies_json
from sigstep.rendering.dependency_markdown import COMMENT_BYTES, dependencies_comment, dependencies_markdown
from sigstep.rendering.dependency_sarif import dependencies_sarif

BIG = limits.LOCKFILE_BYTES + 1
NAME = "a|b`<img src=x>@you\n::error::x,y%0A![p](https://evil.example)\u202e"


def examine(folder: Path, *states: dict[str, str], profile: Profile = Profile.RECOMMENDED) -> DependencyReport:
    """Compare the first state with the last, without a network."""
    for state in states:
        for path in state:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
    commits(folder, *states)
    request = DependencyRequest(
        repository=folder,
        base="s0",
        head=f"s{len(states) - 1}",
        trust=TrustMaterial(roots=()),
        policy=DependencyPolicy(profile=profile),
    )
    return examine_dependencies(request, world(no_network))


def _bomb() -> str:
    lines = ["lockfileVersion: '9.0'", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 12)]
    return "\n".join(lines)


HOSTILE: list[tuple[str, bytes, set[str]]] = [
    ("package-lock.json", b"[" * 200_000, {"json-too-deep"}),
    ("package-lock.json", b" " * BIG, {"json-too-large"}),
    ("package-lock.json", b'{"packages": {"a": ' + b"9" * 5000 + b"}}", {"json-malformed"}),
    ("pnpm-lock.yaml", _bomb().encode(), {"yaml-too-large"}),
    ("pnpm-lock.yaml", b"a: &a [*a]\n", {"yaml-malformed"}),
    ("pnpm-lock.yaml", b"- " * 5000 + b"x", {"yaml-too-deep"}),
    ("pnpm-lock.yaml", b"lockfileVersion: '9.0'\na: !!python/object/apply:os.system [id]\n", {"yaml-tag"}),
    ("yarn.lock", b"# yarn lockfile v1\n" + b'a@1:\n  version "1"\n' * 60_000, {"lockfile-too-many"}),
    ("uv.lock", b"a = " + b"[" * 5000, {"toml-malformed"}),
    ("bun.lock", b"{" + b'"a": {' * 3000, {"json-too-deep"}),
    ("Gemfile.lock", b"GEM\n" + b"    a (1)\n" * 60_000, {"lockfile-too-many"}),
    ("requirements.txt", b"a==1\\\n" * 100_000, set()),
    ("requirements.txt", b"a==1\n" * 60_000, {"lockfile-too-many"}),
    ("go.sum", b"a v1 h1:" + b"A" * 43 + b"=\n", set()),
    (
        "verification-metadata.xml",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><verification-metadata>&b;</verification-metadata>',
        {"xml-doctype"},
    ),
    (".github/workflows/x.yml", b"a: &a {b: *a}\n", {"yaml-malformed"}),
    ("Dockerfile", b"FROM a\\\n" * 100_000, set()),
    ("compose.yaml", _bomb().encode(), {"yaml-too-large"}),
]


@pytest.mark.parametrize(("path", "data", "codes"), HOSTILE, ids=[f"{at}-{one[0]}" for at, one in enumerate(HOSTILE)])
def test_bounded(path: str, data: bytes, codes: set[str]) -> None:
    """Read or refused with a code of its own, in seconds."""
    begun = time.monotonic()
    try:
        parse(data, path)
        found = set()
    except SigstepError as error:
        found = {error.code}
    assert found == codes
    assert time.monotonic() - begun < 10


def test_fifty_thousand_packages() -> None:
    """The largest lockfile that is read."""
    packages = {f"node_modules/p{at}": {"version": "1.0.0"} for at in range(limits.LOCKED_PACKAGES)}
    begun = time.monotonic()
    assert len(parse(json.dumps({"packages": packages}).encode(), "package-lock.json")) == limits.LOCKED_PACKAGES
    assert time.monotonic() - begun < 20


def test_nothing_is_injected(tmp_path: Path) -> None:
    """Names with markup, mentions, links, line breaks and workflow commands stay text in every form."""
    entry = {"version": "1::2\n", "resolved": "git+ssh://x.example/|y"}
    path = (
        "d\n::error::z" if os.name != "nt" else "d%0A"
    ) + "/package-lock.json"  # as far as the system has such names
    head = {
        path: json.dumps({"packages": {f"node_modules/{NAME}": entry}}),
        "action.yml": "runs:\n  steps:\n    - uses: 'a/b@v1|<b>'\n",
        "Dockerfile": "FROM ${X}<script>\n",
    }
    report = examine(tmp_path, {}, head, profile=Profile.STRICT)
    text, markdown = dependencies_text(report), dependencies_markdown(report)
    comment, marks = dependencies_comment(report), dependencies_annotations(report)
    for shown in (text, markdown, comment):
        assert not any(line.lstrip().startswith(("::", "##[")) for line in shown.splitlines())
        assert "\u202e" not in shown
    for shown in (markdown, comment):
        assert "<img" not in shown
        assert "<script" not in shown
        assert "@you" not in shown
        assert "](https://evil" not in shown
    commands = marks.splitlines()
    assert commands
    assert all(one.startswith(("::error file=", "::warning file=")) for one in commands)
    assert json.loads(dependencies_json(report))["results"]
    for result in json.loads(dependencies_sarif(report))["runs"][0]["results"]:
        assert "\n" not in result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_reports_are_bounded(tmp_path: Path) -> None:
    """Summary and comment stay below GitHub's bounds, and say how much they leave out."""
    packages = {f"node_modules/p{at}{'x' * 180}": {"version": "1", "resolved": "git+x:y"} for at in range(4000)}
    report = examine(tmp_path, {}, {"package-lock.json": json.dumps({"packages": packages})})
    assert len(dependencies_markdown(report).encode()) < 1024 * 1024
    comment = dependencies_comment(report)
    assert len(comment.encode()) <= COMMENT_BYTES + 2000
    assert "more, in the report" in comment
    assert len(dependencies_annotations(report).splitlines()) == 10


def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """It takes nothing else with it; a lockfile that cannot be read at the base does not stop the one that mends it."""
    good = {"requirements.txt": "a @ https://files.example/a.whl\n"}
    report = examine(
        tmp_path, {"uv.lock": "[["}, {"uv.lock": "version = 1\n", ".github/workflows/x.yml": "a: [", **good}
    )
    assert [(one.rule, one.level) for one in report.notices] == [("file-unread", Level.NOTE)] * 2
    assert len(report.results) == 1


def git(folder: Path, *arguments: str) -> str:
    """Run Git."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_links_and_submodules_are_not_followed(tmp_path: Path) -> None:
    """A lockfile that is a link is no lockfile: it could lead anywhere."""
    root = tmp_path / "repository"
    root.mkdir()
    (tmp_path / "outside.txt").write_text("a==1\n")
    commits(root, {}, {"target": "../outside.txt"})
    target = git(root, "rev-parse", "s1:target")
    git(root, "update-index", "--add", "--cacheinfo", f"120000,{target},requirements.txt")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "a link")
    git(root, "tag", "-f", "s1")
    assert git(root, "ls-tree", "s1", "requirements.txt").startswith("120000")
    request = DependencyRequest(
        repository=root, base="s0", head="s1", trust=TrustMaterial(roots=()), policy=DependencyPolicy()
    )
    assert examine_dependencies(request, world(no_network)).results == ()
