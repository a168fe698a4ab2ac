"""Lockfile readers: what they find, on which line, and what they refuse."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigstep.ecosystems.readers import READERS
from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.dependency import Locked

A, B = "aa" * 32, "bb" * 32
SRI = "sha512-" + "A" * 86 + "=="
INDEX = "https://index.example/simple"

UV = f"""version = 1

[[package]]
name = "Foo_Bar"
version = "1.2"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "https://files.example/foo_bar-1.2.tar.gz#x", hash = "sha256:{A}" }}
wheels = [
    {{ url = "https://files.example/foo_bar-1.2-py3-none-any.whl", hash = "sha256:{B}" }},
]

[[package]]
name = "me"
version = "0"
source = {{ editable = "." }}
"""
POETRY = f"""[[package]]
name = "foo"
version = "1.2"
files = [
    {{file = "foo-1.2.tar.gz", hash = "sha256:{A}"}},
]

[[package]]
name = "mine"
version = "2"
[package.source]
type = "git"
url = "https://git.example/mine"
"""
PDM = f"""[[package]]
name = "foo"
version = "1.2"
files = [{{file = "foo-1.2.tar.gz", hash = "sha256:{A}"}}]
"""
PYLOCK = f"""lock-version = "1.0"
[[packages]]
name = "foo"
index = "{INDEX}"
version = "1.2"
wheels = [{{name = "foo-1.2-py3-none-any.whl", hashes = {{sha256 = "{A}", md5 = "00"}}}}]
"""
PIPFILE = f"""{{
  "_meta": {{}},
  "default": {{
    "foo": {{
      "hashes": ["sha256:{A}"],
      "version": "==1.2"
    }}
  }}
}}
"""
NPM = f"""{{
  "lockfileVersion": 3,
  "packages": {{
    "": {{"name": "me", "version": "1.0.0"}},
    "node_modules/foo": {{
      "resolved": "https://npm.example/foo/-/foo-1.2.0.tgz",
      "version": "1.2.0",
      "integrity": "{SRI}"
    }},
    "node_modules/a/node_modules/@s/foo": {{
      "version": "1.0.0",
      "resolved": "git+ssh://git.example/foo"
    }},
    "node_modules/linked": {{"resolved": "packages/linked", "link": true}}
  }}
}}
"""
PNPM9 = f"""lockfileVersion: '9.0'

packages:

  '@s/foo@1.2.0':
    resolution: {{integrity: {SRI}}}

  bar@1.0.0:
    resolution: {{tarball: https://codeload.example/bar}}
"""
PNPM5 = f"""lockfileVersion: 5.4
packages:
  /@s/foo/1.2.0_react@18.0.0:
    resolution: {{integrity: {SRI}}}
"""
PNPM6 = f"""lockfileVersion: '6.0'
packages:
  /@s/foo@1.2.0(react@18.0.0):
    resolution: {{integrity: {SRI}}}
"""
CARGO = f"""version = 4

[[package]]
name = "foo"
version = "1.2.0"
source = "registry+https://crates.example/index"
checksum = "{A}"

[[package]]
name = "me"
version = "0.1.0"
"""
GO = f"""go.example/foo v1.2.0 h1:{"A" * 43}=
go.example/foo v1.2.0/go.mod h1:{"A" * 43}=
"""
REQUIREMENTS = f"""-i {INDEX}
# a comment
Foo_Bar[extra]==1.2 ; python_version > "3.9" \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
ranged>=2
direct @ https://files.example/direct.whl
-e git+https://git.example/x.git@abc#egg=Editable
./local/thing.tar.gz
--extra-index-url https://more.example/simple
star==1.*
two==1,==2
not a requirement
"""

Row = tuple[str, str, str, str, int, int]
CASES: list[tuple[str, str, list[Row]]] = [
    ("uv.lock", UV, [("foo-bar", "1.2", INDEX, "", 5, 2), ("me", "0", "", "editable .", 14, 0)]),
    ("poetry.lock", POETRY, [("foo", "1.2", "", "", 3, 1), ("mine", "2", "", "git https://git.example/mine", 10, 0)]),
    ("pdm.lock", PDM, [("foo", "1.2", "", "", 3, 1)]),
    ("pylock.toml", PYLOCK, [("foo", "1.2", INDEX, "", 5, 1)]),
    ("Pipfile.lock", PIPFILE, [("foo", "1.2", "", "", 6, 1)]),
    (
        "package-lock.json",
        NPM,
        [
            ("foo", "1.2.0", "https://npm.example", "", 7, 1),
            ("@s/foo", "1.0.0", "", "git+ssh://git.example/foo", 11, 0),
        ],
    ),
    (
        "pnpm-lock.yaml",
        PNPM9,
        [("@s/foo", "1.2.0", "", "", 5, 1), ("bar", "1.0.0", "", "https://codeload.example/bar", 8, 0)],
    ),
    ("pnpm-lock.yaml", PNPM5, [("@s/foo", "1.2.0", "", "", 3, 1)]),
    ("pnpm-lock.yaml", PNPM6, [("@s/foo", "1.2.0", "", "", 3, 1)]),
    (
        "Cargo.lock",
        CARGO,
        [("foo", "1.2.0", "https://crates.example/index", "", 5, 1), ("me", "0.1.0", "", "path", 11, 0)],
    ),
    ("go.sum", GO, [("go.example/foo", "v1.2.0", "", "", 1, 1)]),
    (
        "requirements.txt",
        REQUIREMENTS,
        [
            ("foo-bar", "1.2", INDEX, "", 3, 2),
            ("direct", "", "", "url https://files.example/direct.whl", 7, 0),
            ("editable", "", "", "url git+https://git.example/x.git@abc#egg=Editable", 8, 0),
            ("thing-tar-gz", "", "", "path ./local/thing.tar.gz", 9, 0),
        ],
    ),
]


def reader(name: str) -> Callable[[bytes, str], tuple[Locked, ...]]:
    module, _, attribute = dict(READERS).get(name, "sigstep.ecosystems.readers.requirements:read").partition(":")
    found: Callable[[bytes, str], tuple[Locked, ...]] = getattr(importlib.import_module(module), attribute)
    return found


@pytest.mark.parametrize(("name", "text", "wanted"), CASES)
def test_reads_versions_files_and_lines(name: str, text: str, wanted: list[Row]) -> None:
    """Issue 8: readers with line numbers."""
    found = reader(name)(text.encode(), name)
    assert [(one.name, one.version, one.registry, one.source, one.line, len(one.files)) for one in found] == wanted
    assert all(one.path == name for one in found)


def test_files_have_names_and_digests() -> None:
    """PyPI evidence is matched by file name and SHA-256."""
    files = reader("uv.lock")(UV.encode(), "uv.lock")[0].files
    assert [(one.name, one.digests[0].hex) for one in files] == [
        ("foo_bar-1.2.tar.gz", A),
        ("foo_bar-1.2-py3-none-any.whl", B),
    ]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("uv.lock", "[[package]\n", "toml-malformed"),
        ("uv.lock", "package = 1\n", "lockfile-malformed"),
        ("poetry.lock", "package = [1]\n", "lockfile-malformed"),
        ("Cargo.lock", '[[package]]\nname="a"\nversion="1"\nchecksum="zz"\n', "digest-malformed"),
        ("package-lock.json", '{"name": "me"}', "lockfile-malformed"),
        ("package-lock.json", '{"packages": {"a": 1, "a": 2}}', "json-duplicate-key"),
        (
            "package-lock.json",
            '{"packages": {"node_modules/a": {"version": "1", "integrity": "sha512-!"}}}',
            "lockfile-malformed",
        ),
        ("Pipfile.lock", "[]", "lockfile-malformed"),
        ("pnpm-lock.yaml", "a: 1\n", "lockfile-malformed"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages: 1\n", "lockfile-malformed"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages: {a: 1}\n", "lockfile-malformed"),
        ("go.sum", "a b\n", "lockfile-malformed"),
        ("go.sum", "a v1 h1:zz\n", "lockfile-malformed"),
        ("requirements.txt", "a==1 --hash=sha256:00", "digest-malformed"),
    ],
)
def test_refuses_what_is_no_lockfile(name: str, text: str, code: str) -> None:
    """Every line that refuses has a vector."""
    with pytest.raises(FormatError) as refused:
        reader(name)(text.encode(), name)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["uv.lock", "go.sum", "requirements.txt"])
def test_refuses_large_files(name: str) -> None:
    """Bound, then parse."""
    with pytest.raises(FormatError) as refused:
        reader(name)(b" " * (limits.LOCKFILE_BYTES + 1), name)
    assert refused.value.code in {"toml-too-large", "lockfile-malformed"}


def test_refuses_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lockfile has a bounded number of packages."""
    monkeypatch.setattr(limits, "LOCKED_PACKAGES", 2)
    with pytest.raises(FormatError) as refused:
        reader("requirements.txt")(b"a==1\nb==1\nc==1\n", "requirements.txt")
    assert refused.value.code == "lockfile-too-many"


@pytest.mark.parametrize("data", [b"\xff", b"version = '\xff'"])
def test_refuses_other_encodings(data: bytes) -> None:
    """TOML and requirements are UTF-8."""
    for name, code in (("uv.lock", "toml-malformed"), ("requirements.txt", "lockfile-malformed")):
        with pytest.raises(FormatError) as refused:
            reader(name)(data, name)
        assert refused.value.code == code


def test_a_header_in_a_string_misleads_no_line() -> None:
    """A header in a multi-line string: lines are found by name."""
    text = 'note = """\n[[package]]\n"""\n[[package]]\nname = "a"\nversion = "1"\n'
    assert reader("uv.lock")(text.encode(), "uv.lock")[0].line == 5


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, text, _ in CASES])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_lockfiles_are_read_or_refused(name: str, text: str, data: st.DataObject) -> None:
    """No foreign exception escapes; lines stay inside the file."""
    raw = text.encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    damaged = raw[:at] + data.draw(st.binary(max_size=6)) + raw[at + data.draw(st.integers(0, 6)) :]
    try:
        found = reader(name)(damaged, name)
    except FormatError:
        found = ()
    last = max(len(damaged.splitlines()), damaged.count(b"\n") + 1)
    assert all(1 <= one.line <= last for one in found)


@given(names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
@settings(max_examples=50, deadline=None)
def test_json_lines_are_exact(names: list[str]) -> None:
    """Every package of a written lockfile is found on its own line."""
    packages = {f"node_modules/{name}": {"version": "1.0.0"} for name in names}
    text = json.dumps({"packages": packages}, indent=1, ensure_ascii=True)
    lines = text.split("\n")
    for one in reader("package-lock.json")(text.encode(), "package-lock.json"):
        assert '"version"' in lines[one.line - 1]
