"""Readers of the later formats: what they find, on which line, and what they refuse."""

from __future__ import annotations

import pytest
from tests.lockfiles import COMMIT, SAMPLES, SRI, Row

from sigstep.errors import FormatError
from sigstep.flows.lockfiles import parse
from sigstep.model import limits


@pytest.mark.parametrize(("path", "text", "wanted"), SAMPLES, ids=[f"{one[0]}-{at}" for at, one in enumerate(SAMPLES)])
def test_reads_versions_and_lines(path: str, text: str, wanted: list[Row]) -> None:
    """Issue 8: readers with line numbers."""
    found = parse(text.encode(), path)
    rows = [(one.ecosystem, one.name, one.version, one.registry, one.source, one.line, one.pinned) for one in found]
    assert rows == wanted
    assert all(one.path == path for one in found)


def test_refs_and_ids() -> None:
    """The tag beside a commit, and the ids of an actions.lock."""
    by_path = {path: parse(text.encode(), path) for path, text, _ in SAMPLES}
    refs = {one.name: (one.ref, one.commit) for one in by_path[".github/workflows/ci.yml"]}
    assert refs["actions/checkout"] == ("v4.2.2", COMMIT)
    assert refs["actions/setup-node"] == ("v4", "")
    assert by_path["tools/action.yaml"][0].ref == "v4.0.0"
    lock = by_path[".github/workflows/actions.lock"][0]
    assert (lock.ref, lock.repository_id, lock.owner_id) == ("v4", "197814629", "44036562")
    assert [one.name for one in by_path["mise.lock"][0].files] == ["tool-linux.tar.gz"]


def test_pylock_identities() -> None:
    """PEP 751: who has to have attested the files."""
    text = """[[packages]]
name = "foo"
version = "1"
[[packages.attestation-identities]]
kind = "GitHub"
repository = "org/foo"
workflow = "release.yml"
[[packages.attestation-identities]]
kind = "Google"
email = "a@b.example"
"""
    (one,) = parse(text.encode(), "pylock.toml")
    assert [(pin.repository, pin.workflow, pin.subject) for pin in one.publishers] == [
        ("https://github.com/org/foo", "release.yml", ""),
        ("", "", "a@b.example"),
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("yarn.lock", "foo@1:\n  version 1\n"),
        ("yarn.lock", "# yarn lockfile v1\nfoo\n"),
        ("yarn.lock", "# yarn lockfile v1\nfoo@1:\n  integrity x\n"),
        ("yarn.lock", "__metadata:\n  version: 8\nfoo: {version: 1}\n"),
        ("yarn.lock", "a\n__metadata:"),
        ("bun.lock", "{}"),
        ("bun.lock", '{"lockfileVersion": 1, "packages": {"a": []}}'),
        ("bun.lock", '{"lockfileVersion": 1, "packages": {"a": ["b"]}}'),
        ("Gemfile.lock", "nothing\n"),
        (".github/workflows/actions.lock", "a: 1\n"),
        (".github/workflows/actions.lock", "dependencies: {'a@v1': {commit: sha1-00}}\n"),
        ("verification-metadata.xml", "<other/>"),
        ("verification-metadata.xml", "<verification-metadata><component name='a'/></verification-metadata>"),
        ("package-lock.json", '{"dependencies": {"a": 1}}'),
        ("pylock.toml", "[[packages]]\nname='a'\nversion='1'\nattestation-identities=[1]\n"),
    ],
)
def test_refuses_what_is_no_lockfile(path: str, text: str) -> None:
    """Every line that refuses has a vector."""
    with pytest.raises(FormatError) as refused:
        parse(text.encode(), path)
    assert refused.value.code in {"lockfile-malformed", "yaml-malformed"}


def test_refuses_a_deep_tree() -> None:
    """A tree of lockfileVersion 1 is bounded by its depth."""
    text = '{"version": "1"}'
    for _ in range(45):
        text = f'{{"version": "1", "dependencies": {{"a": {text}}}}}'
    with pytest.raises(FormatError) as refused:
        parse(text.encode(), "package-lock.json")
    assert refused.value.code == "lockfile-malformed"


@pytest.mark.parametrize("name", ["yarn.lock", "bun.lock", "Gemfile.lock", ".github/workflows/ci.yml"])
def test_refuses_large_files_and_other_encodings(name: str) -> None:
    """Bound, then parse; text is UTF-8."""
    for data in (b" " * (limits.LOCKFILE_BYTES + 1), b"\xff"):
        with pytest.raises(FormatError) as refused:
            parse(data, name)
        assert refused.value.code == "lockfile-malformed"


def test_other_yaml_has_no_images() -> None:
    """Templates, and YAML of other kinds, are left alone."""
    for path, text in (
        ("values.yaml", "image: acme/a\n"),
        ("deploy.yaml", "apiVersion: v1\nkind: Pod\nimage: {{ .Values.image }}\n"),
        ("deploy.yaml", "apiVersion: v1\nimage: acme/a\n"),
        ("compose.yml", "a: {image: acme/a}\n"),
    ):
        assert parse(text.encode(), path) == ()


def test_a_berry_checksum_is_of_the_cache() -> None:
    """It is kept apart from published hashes, and one of another form is none."""
    berry = next(text for path, text, _ in SAMPLES if "__metadata" in text)
    assert parse(berry.encode(), "yarn.lock")[0].files[0].name == "cache 10c0"
    assert parse(berry.replace("10c0/ab", "x").encode(), "yarn.lock")[0].files == ()
    assert SRI not in berry
