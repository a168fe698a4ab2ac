"""Forms that tools write less often, and those that people would write to be passed over."""

from __future__ import annotations

import pytest

from sigstep.errors import FormatError
from sigstep.flows.lockfiles import parse
from sigstep.policy.changes import pair, source_change

A = "aa" * 32
SRI = "sha512-" + "A" * 86 + "=="
GIT = "https://git.example/o/mine"
YARN = "# yarn lockfile v1\n\n"
ENTRY = f'foo@^1.0.0:\n  version "1.0.1"\n  resolved "https://npm.example/foo/-/foo-1.0.1.tgz#ab"\n  integrity {SRI}\n'
CARGO = (
    '[[package]]\nname = "foo"\nversion = "1.0.0"\nsource = "registry+https://index.example"\n'
    f'[metadata]\n"checksum foo 1.0.0 (registry+https://index.example)" = "{A}"\n'
)
H1 = "h1:" + "A" * 43 + "="

REVISIONS = {  # one package at one version, from Git: REV is the revision
    "poetry": (
        "poetry.lock",
        f'[[package]]\nname = "mine"\nversion = "1"\n[package.source]\ntype = "git"\nurl = "{GIT}"\nresolved_reference = "REV"\n',
    ),
    "pdm": ("pdm.lock", f'[[package]]\nname = "mine"\nversion = "1"\ngit = "{GIT}"\nrevision = "REV"\n'),
    "pipfile": ("Pipfile.lock", f'{{"default": {{"mine": {{"git": "{GIT}", "ref": "REV"}}}}}}'),
    "pylock": ("pylock.toml", f'[[packages]]\nname = "mine"\nvcs = {{ type = "git", url = "{GIT}", commit-id = "REV" }}\n'),
    "uv": ("uv.lock", f'[[package]]\nname = "mine"\nversion = "1"\nsource = {{ git = "{GIT}?rev=main#REV" }}\n'),
    "gemfile": ("Gemfile.lock", f"GIT\n  remote: {GIT}\n  revision: REV\n  branch: main\n  specs:\n    mine (1)\n"),
    "cargo": ("Cargo.lock", f'[[package]]\nname = "mine"\nversion = "1.0.0"\nsource = "git+{GIT}?branch=main#REV"\n'),
    "npm": (
        "package-lock.json",
        f'{{"packages": {{"node_modules/mine": {{"version": "1.0.0", "resolved": "git+{GIT}.git#REV"}}}}}}',
    ),
    "yarn": ("yarn.lock", f'{YARN}"mine@git+{GIT}":\n  version "1.0.0"\n  resolved "git+{GIT}#REV"\n'),
    "pnpm": (
        "pnpm-lock.yaml",
        ("lockfileVersion: '6.0'\npackages:\n  git.example/o/mine:\n"
        f"    resolution: {{type: git, repo: {GIT}, commit: REV}}\n    name: mine\n    version: 1.0.0\n"),
    ),
}  # fmt: skip


def test_the_indexes_of_a_pipfile_lock() -> None:
    """They stand apart from the packages: one that changes there is another source of each package that uses it."""
    sources = '{"name": "main", "url": "https://a.example/simple/"}, {"name": "own", "url": "https://b.example/simple"}'
    entries = '"one": {"version": "==1"}, "two": {"version": "==2", "index": "own"}, "three": {"index": "none"}'
    text = f'{{"_meta": {{"sources": [{sources}]}}, "default": {{{entries}, "four": {{"path": "."}}}}}}'
    before = parse(text.encode(), "Pipfile.lock")
    assert [one.registry for one in before] == [
        "https://a.example/simple",
        "https://b.example/simple",
        "https://a.example/simple",
        "",
    ]
    changes = pair(before, parse(text.replace("b.example", "evil.example").encode(), "Pipfile.lock"))
    assert [(one.new.name, source_change(one)[0]) for one in changes] == [("two", "source-changed")]


@pytest.mark.parametrize("tool", REVISIONS)
def test_another_revision_of_one_version(tool: str) -> None:
    """The version stays, the code does not: it is a change, at the same place."""
    path, text = REVISIONS[tool]
    (change,) = pair(
        parse(text.replace("REV", "aaaa").encode(), path), parse(text.replace("REV", "bbbb").encode(), path)
    )
    assert change.old is not None
    assert change.new.source.endswith("#bbbb")
    assert source_change(change)[0] == "source-not-registry"
    elsewhere = text.replace("REV", "aaaa").replace("o/mine", "evil/mine")
    moved = [one for one in pair(parse(text.encode(), path), parse(elsewhere.encode(), path)) if one.old is not None]
    assert [source_change(one)[0] for one in moved] == ["source-changed"]


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("Cargo.lock", CARGO, ("foo", "1.0.0", "", True)),
        ("go.work.sum", f"a.example/x v1.0.0 {H1}\n", ("a.example/x", "v1.0.0", "", True)),
        ("go.sum", f"a.example/x  v1.0.0\t{H1} \r\n\n", ("a.example/x", "v1.0.0", "", True)),
        ("requirements.txt", f"foo==1.\\\n0 \\\n  --hash='sha256:{A}'\n", ("foo", "1.0", "", True)),
        ("requirements.txt", "-e .\n", (".", "", "path .", False)),
        (
            "pylock.toml",
            f'[[packages]]\nname = "foo"\n[packages.archive]\nurl = "https://x.example/f.zip"\nhashes = {{sha256 = "{A}"}}\n',
            ("foo", "", "archive https://x.example/f.zip", True),
        ),
        (
            "pnpm-lock.yaml",
            f"lockfileVersion: '9.0'\npackages:\n  foo@1.0.0:\n    resolution: {{integrity: {SRI}, tarball: https://evil.example/f.tgz}}\n",
            ("foo", "1.0.0", "https://evil.example/f.tgz", True),
        ),
        (
            "package-lock.json",
            '{"packages": {"node_modules/foo": {"resolved": "https://evil.example/f.tgz"}, "node_modules/bar": {"peer": true}}}',
            ("foo", "", "https://evil.example/f.tgz", False),
        ),
        (
            "yarn.lock",
            f'{YARN}foo@^1.0.0:\n  version:  "1.0.1" \n  resolved   https://evil.example/f.tgz\n  dependencies:\n    bar "^1"\n',
            ("foo", "1.0.1", "https://evil.example/f.tgz", False),
        ),
    ],
)  # fmt: skip
def test_forms(path: str, text: str, wanted: tuple[str, str, str, bool]) -> None:
    """What its tool would install, and from where."""
    (found,) = parse(text.encode(), path)
    assert (found.name, found.version, found.source, found.pinned) == wanted


@pytest.mark.parametrize(
    ("uses", "wanted"),
    [
        ("evil\\act@v1", ("evil/act", "v1", "")),
        ("evil//act/sub/@v1 ", ("evil/act/sub", "v1", "")),
        ("evil@v1", ("evil@v1", "", "unreadable evil@v1")),
        ("evil/act", ("evil/act", "", "unreadable evil/act")),
        (".\\local", None),
        ("./local", None),
    ],
)
def test_actions_as_the_runner_reads_them(uses: str, wanted: tuple[str, str, str] | None) -> None:
    """Nothing that a step uses is passed over, except what is the repository's own."""
    text = f"jobs:\n  a:\n    steps:\n    - uses: '{uses}'\n"
    found = parse(text.encode(), ".github/workflows/ci.yml")
    assert [(one.name, one.version, one.source) for one in found] == ([wanted] if wanted else [])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("yarn.lock", f'{YARN}{ENTRY}  resolved "https://evil.example/f.tgz"\n'),
        ("yarn.lock", f"{YARN}{ENTRY}  resolved\n"),
        ("yarn.lock", f'{YARN}{ENTRY}   resolved "https://evil.example/f.tgz"\n'),
        ("uv.lock", '[[package]]\nversion = "1"\n'),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = 1\n'),
        ("package-lock.json", '{"packages": {"node_modules/foo": {"version": 1}}}'),
    ],
)
def test_what_could_be_read_in_two_ways(path: str, text: str) -> None:
    """A reader that skips what it does not understand would pass over what the tool takes."""
    with pytest.raises(FormatError) as refused:
        parse(text.encode(), path)
    assert refused.value.code == "lockfile-malformed"
