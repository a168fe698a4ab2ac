"""The families: every member, by name. A new member is one file and one line here, and shows in a review."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from sigstep.ecosystems import ECOSYSTEMS
from sigstep.ecosystems.readers import READERS
from sigstep.ecosystems.redirects import REDIRECTS
from sigstep.predicates import KINDS

SOURCE = Path(__file__).parents[2] / "src" / "sigstep"
PREDICATES = (
    *("slsa_provenance", "spdx", "cyclonedx", "vulnerability", "test_result", "vex", "summary", "scai", "link"),
    *("release", "reference", "custom"),
)
PURLS = ("npm", "pypi", "githubactions", "oci", "cargo", "gem", "github", "golang", "maven")
BY_METHOD = {
    # family: (folder, the method that makes a member, its members)
    "token sources": ("oidc", "obtain", {"AmbientCredential", "GitHubActions", "TokenFile", "TokenVariable"}),
    "subject sources": (
        "subjects",
        "resolve",
        {"ChecksumSubjects", "DeclaredSubjects", "DigestSubject", "FileSubjects"},
    ),
    "stores": ("stores", "publish", {"FileStore", "GitHubStore", "Pep740Store", "ReleaseStore"}),
}


def members(folder: str, method: str) -> set[str]:
    """Public classes of a folder that have the method."""
    return {
        node.name
        for file in (SOURCE / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and any(isinstance(one, ast.FunctionDef) and one.name == method for one in node.body)
    }


def test_the_tuples() -> None:
    """Design, idea 6: names only; each is imported when it is used, and is there."""
    assert tuple(entry.partition(":")[0].rpartition(".")[2] for entry in KINDS) == PREDICATES
    assert tuple(name for name, _ in ECOSYSTEMS) == PURLS
    for entry in (*KINDS, *(place for _, place in (*ECOSYSTEMS, *READERS, *REDIRECTS))):
        module, _, attribute = entry.partition(":")
        assert hasattr(importlib.import_module(module), attribute), entry


@pytest.mark.parametrize("family", BY_METHOD)
def test_families_without_a_tuple(family: str) -> None:
    """Those whose members are chosen by an option, each by its own."""
    folder, method, expected = BY_METHOD[family]
    assert members(folder, method) == expected
