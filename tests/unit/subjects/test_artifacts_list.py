"""The runner's list of artifacts, read and written; and patterns as actions/attest reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import worlds

from sigstep.errors import SigstepError
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.subjects.artifacts_list import DeclaredSubjects, declaration
from sigstep.subjects.files import FileSubjects

ONE = {"name": "a", "digest": f"sha256:{'0' * 64}", "kind": "file"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no-subject"),
        (json.dumps({"version": 2, "subjects": []}), "artifacts-list"),
        (json.dumps([1]), "artifacts-list"),
        (json.dumps({"version": 1, "subjects": {}}), "artifacts-list"),
        (json.dumps({"version": 1, "subjects": [ONE] * 501}), "artifacts-list"),
        (json.dumps({"version": 1, "subjects": [{**ONE, "kind": "x"}]}), "artifacts-list"),
        (json.dumps({"version": 1, "subjects": [{**ONE, "name": ""}]}), "artifacts-list"),
        (json.dumps({"version": 1, "subjects": [{**ONE, "digest": "md5:00"}]}), "digest-algorithm-unsupported"),
    ],
)
def test_lists_that_are_none(text: str, code: str, tmp_path: Path) -> None:
    """Version 1 of the runner's format, bounded; an empty file is what there is where the feature is off."""
    file = tmp_path / "list"
    file.write_text(text)
    with pytest.raises(SigstepError) as refusal:
        DeclaredSubjects(path=file).resolve(worlds.world())
    assert refusal.value.code == code


def test_a_missing_list(tmp_path: Path) -> None:
    """It is not an empty one."""
    with pytest.raises(SigstepError) as refusal:
        DeclaredSubjects(path=tmp_path / "none").resolve(worlds.world())
    assert refusal.value.code == "subject-unreadable"


def test_what_is_declared(tmp_path: Path) -> None:
    """Files by path, images by digest; what could break the runner's file is not declared at all."""
    digest = Digest.of(b"x")
    for name in ("a", "b=c"):
        (tmp_path / name).write_text("x")
    file = Subject(name="a", digests=(digest,), location=str(tmp_path / "a"))
    image = Subject(name="ghcr.io/acme/app", digests=(digest,), location=str(digest))
    assert declaration([file, image]) == f"{tmp_path / 'a'}\noci://ghcr.io/acme/app@{digest}\n"
    assert declaration([Subject(name="b", digests=(digest,), location=str(tmp_path / "b=c"))]) == ""
    assert declaration([Subject(name="x\n::error::", digests=(digest,), location=str(digest))]) == ""


def test_patterns_descend_and_see_hidden_files(tmp_path: Path) -> None:
    """A folder is every file below; ``**`` and ``*`` match leading dots; links to folders end."""
    for name in ("a/.x", "a/b/y.txt", "a/b/.z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path / "a")

    def names(pattern: str) -> set[str]:
        found = FileSubjects(patterns=(pattern,), base=tmp_path, descend=True).resolve(worlds.world())
        return {one.name for one in found}

    assert names("a") == {".x", "y.txt", ".z.txt"}
    assert names("a/*") == {".x", "y.txt", ".z.txt"}
    assert names("a/**/*.txt") == {"y.txt", ".z.txt"}
    assert names("**") == {".x", "y.txt", ".z.txt"}
    assert names("a/[b]/?.txt") == {"y.txt"}
