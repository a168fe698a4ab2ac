"""Files that say where packages come from: what is set, to what, on which line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigstep.errors import FormatError
from sigstep.flows.lockfiles import parse
from sigstep.flows.redirects import read_redirects
from sigstep.model import limits
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.policy.redirects import redirected, shown

E = "https://evil.example"
CASES: dict[str, tuple[str, str | bytes, list[tuple[str, str, int]]]] = {
    "npmrc": (
        ".npmrc",
        f"; registry=no\n# registry=no\nregistry = \"{E}/\"\r\n@acme:registry={E}/a\nalways-auth=true\n//h/:_authToken=x\n",
        [("npm", f"{E}/", 3), ("npm @acme", f"{E}/a", 4)],
    ),
    "npmrc that is no UTF-8": ("a/.npmrc", b"# \xff\nregistry=" + E.encode(), [("npm", E, 2)]),
    "yarn 1": (".yarnrc", f'# a\nregistry "{E}"\n"@a:registry" {E}/a\n', [("npm", E, 2), ("npm @a", f"{E}/a", 3)]),
    "yarn berry": (
        ".yarnrc.yml",
        f"nodeLinker: node-modules\nnpmRegistryServer: {E}\nnpmScopes:\n  acme: {{npmRegistryServer: {E}/a}}\n  b: 1\n",
        [("npm", E, 2), ("npm @acme", f"{E}/a", 4)],
    ),
    "pnpm": (
        "pnpm-workspace.yaml",
        f"packages: ['a/*']\nregistry: {E}\nregistries:\n  '@a': {E}/a\n  default: {E}/d\nnamedRegistries:\n  work: {E}/w\n",
        [("npm", E, 2), ("npm work", f"{E}/w", 7), ("npm @a", f"{E}/a", 4), ("npm", f"{E}/d", 5)],
    ),
    "pnpm by address": (
        "pnpm-workspace.yaml",
        f"registries:\n  {E}/a:\n    scopes: ['@a', '@b']\n    prefix: work\n  {E}/b: {{serverType: npm}}\n",
        [("npm @a", f"{E}/a", 2), ("npm @b", f"{E}/a", 2), ("npm work", f"{E}/a", 2), ("npm", f"{E}/b", 5)],
    ),
    "bun": (
        "bunfig.toml",
        f'[install]\nregistry = {{ url = "{E}", token = "t" }}\n[install.scopes]\n"@a" = "{E}/a"\n',
        [("npm", E, 2), ("npm @a", f"{E}/a", 4)],
    ),
    "requirements": (
        "requirements-dev.txt",
        f"# --index-url no\n-i {E}\n--extra-index-url={E}/2 # x\n--find-links \\\n  ./w --trusted-host evil.example\na==1 --hash=sha256:aa\n",
        [
            ("pypi", E, 2),
            ("pypi extra index", f"{E}/2", 3),
            ("pypi find-links", "./w", 4),
            ("pypi trusted-host", "evil.example", 4),
        ],
    ),
    "names that pip takes cut short": (
        "requirements.txt",
        f"--extra {E}\n-f{E}/f\n--ind={E}/i\n",
        [("pypi extra index", E, 1), ("pypi find-links", f"{E}/f", 2), ("pypi", f"{E}/i", 3)],
    ),
    "files that pip includes": (
        "a/requirements.txt",
        f"-r ../requirements/dev.txt\n-rrequirements-x.txt\n-c b/pins.txt\n--requirement={E}/r.txt\n",
        [("pypi requirements", "./a/b/pins.txt", 3), ("pypi requirements", f"{E}/r.txt", 4)],
    ),
    "quotes as pip takes them": (
        "requirements.txt",
        f"\ufeff--\"index-url\" {E}\n-'f' {E}/f\n--trusted\\-host evil.example\n",
        [("pypi", E, 1), ("pypi find-links", f"{E}/f", 2), ("pypi trusted-host", "evil.example", 3)],
    ),
    "constraints that are read too": ("requirements.in", "-c constraints.txt\n-c ../dev-constraints.txt\n", []),
    "constraints": ("constraints.txt", f"-i {E}\n", [("pypi", E, 1)]),
    "names as pip takes them in its file": (
        "pip.conf",
        f"[global]\n--Index_URL: {E}\nFind-Links = wheels\n",
        [("pypi", E, 2), ("pypi find-links", "./wheels", 3)],
    ),
    "keys of npm that are not what they look like": (
        ".npmrc",
        f'"re\\u0067istry"={E}\n${{NOT_SET?}}registry={E}/2\nregistry[]={E}/3\n//${{HOST}}/:_authToken=x\n# ${{a}}=b\n',
        [("npm re\\u0067istry", E, 1), ("npm ${NOT_SET?}registry", f"{E}/2", 2), ("npm", f"{E}/3", 3)],
    ),
    "keys of yarn 1 in quotes": (".yarnrc", f'"re\\u0067istry" "{E}"\n', [("npm re\\u0067istry", E, 1)]),
    "vendored crates": (
        "x/.cargo/config.toml",
        ('[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "vendor"\n'
        '[patch.crates-io]\na = { path = "crates/a" }\nb = { path = "/b" }\n'),
        [
            ("cargo source crates-io", "./vendor", 1),
            ("cargo patch a", "./crates/a", 6),
            ("cargo patch b", "/b", 7),
        ],
    ),
    "pip.conf": (
        "pip.conf",
        f"[global]\nindex-url = {E}\nextra_index_url =\n    {E}/1\n    {E}/2\ntimeout = 6\n",
        [("pypi", E, 2), ("pypi extra index", f"{E}/1", 4), ("pypi extra index", f"{E}/2", 5)],
    ),
    "uv and poetry": (
        "pyproject.toml",
        (f'[tool.uv]\nextra-index-url = ["{E}/1"]\n[[tool.uv.index]]\nurl = "{E}"\ndefault = true\n'
        f'[[tool.poetry.source]]\nname = "x"\nurl = "{E}/p"\npriority = "supplemental"\n'),
        [("pypi", E, 4), ("pypi extra index", f"{E}/p", 8), ("pypi extra index", f"{E}/1", 2)],
    ),
    "cargo": (
        ".cargo/config.toml",
        (f'[source.crates-io]\nreplace-with = "m"\n[source.m]\nregistry = "sparse+{E}/"\n'
        f'[registries.own]\nindex = "{E}/own"\n[source.c]\nreplace-with = "d"\n[source.d]\nreplace-with = "c"\n'),
        [
            ("cargo source crates-io", f"sparse+{E}/", 1),
            ("cargo source c", "c", 7),
            ("cargo source d", "d", 9),
            ("cargo registry own", f"{E}/own", 6),
        ],
    ),
    "cargo patch": (
        "x/Cargo.toml",
        f'[patch.crates-io]\nserde = {{ git = "{E}/serde" }}\nlocal = {{ path = "../l" }}\n',
        [("cargo patch serde", f"{E}/serde", 2), ("cargo patch local", "../l", 3)],
    ),
    "go": (
        "go.mod",
        ("module m\nrequire a.example/x v1.0.0 // replace no => no\nreplace a.example/x v1.0.0 => evil.example/x v1.0.1\n"
        'replace (\n\t// b => c\n\t"b.example/y" => ../y\n\n)\nreplace(\n c => d v1\n)\n'),
        [
            ("golang replace a.example/x", "evil.example/x", 3),
            ("golang replace b.example/y", "../y", 6),
            ("golang replace c", "d", 10),
        ],
    ),
    "a module that stays where it is": ("go.mod", "replace k8s.io/api => k8s.io/api v0.29.0\n", []),
    "flags of Go": (
        ".github/workflows/a.yml",
        ("env:\n  GOFLAGS: -mod=readonly -trimpath\njobs:\n  a: {env: {GOFLAGS: '-v \"--modfile=x.mod\"'}}\n"
        "  b:\n    env: {GOFLAGS: '${{ vars.X }}'}\n"),
        [("the variable GOFLAGS", '-v "--modfile=x.mod"', 4), ("the variable GOFLAGS", "${{ vars.X }}", 6)],
    ),
    "a container, a scope and a mirror": (
        ".github/workflows/a.yml",
        (f'jobs:\n  a:\n    container:\n      env: {{PIP_INDEX_URL: {E}}}\n    steps:\n    - env:\n        "npm_config_@a:registry": {E}/a\n'
        f"        BUNDLE_MIRROR__ALL: {E}/b\n"),
        [
            ("the variable PIP_INDEX_URL", E, 4),
            ("the variable npm_config_@a:registry", f"{E}/a", 7),
            ("the variable BUNDLE_MIRROR__ALL", f"{E}/b", 8),
        ],
    ),
    "files of settings": (
        ".github/workflows/a.yml",
        "env: {PIP_CONFIG_FILE: ci/pip.conf, npm_config_userconfig: ci/npmrc, GOENV: ci/go.env}\n",
        [
            ("the variable PIP_CONFIG_FILE", "ci/pip.conf", 1),
            ("the variable npm_config_userconfig", "ci/npmrc", 1),
            ("the variable GOENV", "ci/go.env", 1),
        ],
    ),
    "a Dockerfile": (
        "images/build.Dockerfile",
        (f"\ufeffARG UV_INDEX_URL={E}/0\nFROM scratch\n# ENV PIP_INDEX_URL={E}/no\nENV A=b \\\n  \"PIP_INDEX_URL\"='{E}'\nenv UV_INDEX {E}/2\n"
        f"ARG GOPROXY={E}/3\nARG GOSUMDB\nENV ${{A}}_INDEX_URL={E}/4\nENV\nRUN echo GOPROXY={E}/5\n"
        f"ONBUILD ENV GOPRIVATE=*\nONBUILD\n"),
        [
            ("the variable UV_INDEX_URL", f"{E}/0", 1),
            ("the variable PIP_INDEX_URL", E, 4),
            ("the variable UV_INDEX", f"{E}/2", 6),
            ("the variable GOPROXY", f"{E}/3", 7),
            ("the variable ${A}_INDEX_URL", f"{E}/4", 9),
            ("the variable GOPRIVATE", "*", 12),
        ],
    ),
    "pdm": (
        "pdm.toml",
        f'[pypi]\nurl = "{E}"\nverify_ssl = false\n[pypi.own]\nurl = "{E}/own"\n[strategy]\nsave = "exact"\n',
        [("pypi", E, 2), ("pypi extra index", f"{E}/own", 5)],
    ),
    "the other name of pip's index": (
        "requirements.txt",
        f"--pypi-url {E}\n--py={E}/2\n--pre\n",
        [("pypi", E, 1), ("pypi", f"{E}/2", 2)],
    ),
    "the other name in pip's settings": ("pip.conf", f"[global]\npypi_url = {E}\n", [("pypi", E, 2)]),
    "bundler": (
        ".bundle/config",
        f'---\nBUNDLE_PATH: "vendor"\nBUNDLE_MIRROR__HTTPS://GEMS__EXAMPLE/: "{E}"\n',
        [("the variable BUNDLE_MIRROR__HTTPS://GEMS__EXAMPLE/", E, 3)],
    ),
    "an action": (
        "setup/action.yml",
        f"runs:\n  using: composite\n  steps:\n  - run: make\n    env: {{UV_INDEX: {E}}}\n",
        [("the variable UV_INDEX", E, 5)],
    ),
    "workflow": (
        ".github/workflows/ci.yml",
        (f"env: {{GOFLAGS: -mod=mod, OTHER: x}}\njobs:\n  a:\n    env:\n      NPM_CONFIG_REGISTRY: {E}\n    steps:\n"
        "    - run: go build\n      env:\n        GONOSUMDB: '*'\n    - 1\n"),
        [("the variable GOFLAGS", "-mod=mod", 1), ("the variable NPM_CONFIG_REGISTRY", E, 5), ("the variable GONOSUMDB", "*", 9)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_redirected(case: str) -> None:
    """Each form that its package manager reads, with its line."""
    path, text, wanted = CASES[case]
    data = text if isinstance(text, bytes) else text.encode()
    assert [(one.setting, one.to, one.line) for one in read_redirects(data, path)] == wanted


@pytest.mark.parametrize("path", ["pyproject.toml", "bunfig.toml", ".yarnrc.yml", "Cargo.toml", ".cargo/config"])
@pytest.mark.parametrize("data", [b"[[[", b"\xff", b"- 1: [", b'x = "\x00"'])
def test_what_is_no_such_file(path: str, data: bytes) -> None:
    """It is refused, never read as one that redirects nothing."""
    with pytest.raises(FormatError):
        read_redirects(data, path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "tool = 1\n"),
        ("pyproject.toml", "[tool.uv]\nindex = 1\nextra-index-url = 2\n[tool.poetry]\nsource = [1]\n"),
        ("bunfig.toml", "install = 1\n"),
        ("Cargo.toml", "patch = 1\nreplace = [1]\n"),
        (".cargo/config", "source = 1\nregistries = [1]\n"),
        (".yarnrc.yml", "- 1\n"),
        ("pnpm-workspace.yaml", "- 1\n"),
        (".bundle/config", "- 1\n"),
        (
            "pnpm-workspace.yaml",
            "registry: 1\nregistries: {1: 2, default: []}\nnamedRegistries: [1]\n",
        ),
        (".github/workflows/a.yml", "jobs: [1]\nenv: 1\n"),
        ("go.mod", "=>\nreplace =>\nreplace (\n=>\n)"),
        ("requirements.txt", "--index-url\n-i\n--\n-\n"),
    ],
)
def test_other_shapes_redirect_nothing(path: str, text: str) -> None:
    """Nothing is found, and nothing breaks."""
    assert read_redirects(text.encode(), path) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"# -*- coding: utf-7 -*-\n+AC0-i https://evil.example\n",
        b"\n# coding=UTF_7\n# a+AAo--i https://evil.example\n",
        "\ufeff-i https://evil.example\n".encode("utf-16-le"),
        "-i https://evil.example\n".encode("utf-32"),
    ],
)
def test_encodings_of_requirements(data: bytes) -> None:
    """pip decodes what a mark or comment says, so that other lines come out than those that stand there."""
    for read in (read_redirects, parse):
        with pytest.raises(FormatError) as refused:
            read(data, "requirements.txt")
        assert refused.value.code == "lockfile-malformed"
    assert read_redirects(
        b"# coding: UTF-8\n# encoding = x\n# coding: utf-7\n-i https://a.example\n", "requirements.txt"
    )


@pytest.mark.parametrize(
    ("path", "head", "one"),
    [
        (".cargo/config.toml", "", '[source.s%d]\nreplace-with = "s%d"\n'),
        ("Cargo.toml", "[patch.crates-io]\n", 's%d = { git = "https://evil.example/%d" }\n'),
        ("bunfig.toml", "[install.scopes]\n", 's%d = "https://evil.example/%d"\n'),
    ],
)
def test_too_many_redirects(path: str, head: str, one: str) -> None:
    """Each is looked up in the file for its line, and followed: a file of many would take hours."""
    text = head + "".join(one % (at, at + 1) for at in range(limits.REDIRECTS + 1))
    with pytest.raises(FormatError) as refused:
        read_redirects(text.encode(), path)
    assert refused.value.code == "lockfile-too-many"


def test_a_long_chain_of_sources() -> None:
    """It is followed some way, and told by the last that was reached."""
    text = "".join(f'[source.s{at}]\nreplace-with = "s{at + 1}"\n' for at in range(100))
    assert [one.to for one in read_redirects(text.encode(), ".cargo/config")][:2] == ["s20", "s21"]


def test_a_priority_of_another_type() -> None:
    """A table where a text belongs: the source is one of several."""
    text = '[[tool.poetry.source]]\nurl = "https://evil.example"\npriority.a = 1\ndefault = {}\n'
    assert [one.setting for one in read_redirects(text.encode(), "pyproject.toml")] == ["pypi extra index"]


@settings(max_examples=200)
@given(
    case=st.sampled_from(sorted(CASES)),
    cut=st.tuples(st.integers(0, 300), st.integers(0, 20)),
    put=st.binary(max_size=8),
)
def test_any_bytes(case: str, cut: tuple[int, int], put: bytes) -> None:
    """A changed file is read or refused, nothing else."""
    path, text, _ = CASES[case]
    data = text if isinstance(text, bytes) else text.encode()
    try:
        found = read_redirects(data[: cut[0]] + put + data[sum(cut) :], path)
    except FormatError as error:
        assert error.why
    else:
        assert all(one.line >= 1 and one.to.strip() for one in found)


def test_what_counts_as_a_change() -> None:
    """New and changed ones, an address that is no longer set; not what another file has, nor what the policy allows."""
    policy = DependencyPolicy(sources=frozenset({"https://allowed.example"}))
    base = [
        *read_redirects(
            b"registry=https://me:s3cret@corp.example/\n@old:registry=https://corp.example/old\n", ".npmrc"
        ),
        *read_redirects(b"replace a => ../a\n", "go.mod"),
    ]
    head = [
        *read_redirects(b"registry=https://corp.example\n", "packages/x/.npmrc"),
        *read_redirects(b"-i https://allowed.example/\n--extra-index-url https://u:t0ken@evil.example/\n", "requirements.txt"),
        *read_redirects(b"replace a => evil.example/a v1.0.0\nreplace b => ./b\n", "go.mod"),
    ]  # fmt: skip
    found = list(redirected(base, head, policy))
    assert [(one.rule, one.path, one.line) for one in found] == [
        ("source-redirected", "requirements.txt", 2),
        ("source-redirected", "go.mod", 1),
        ("source-not-registry", "go.mod", 2),
        ("source-redirected", ".npmrc", 1),
    ]
    assert "golang replace a is set to evil.example/a; before ../a" in found[1].message
    assert all("s3cret" not in one.message and "t0ken" not in one.message for one in found)
    assert list(redirected(base, base, policy)) == []


def test_logins_are_not_shown() -> None:
    """User names, passwords and tokens stay out of reports."""
    assert shown("https://a:b@c@h.example/x/") == "https://h.example/x"
