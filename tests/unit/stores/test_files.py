"""Bundle files: where they go, how they are found, and that they are whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests import worlds

from sigstep.errors import UsageError
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.ports.writing import write_whole
from sigstep.stores.beside import find_beside
from sigstep.stores.files import FileStore


def subject(path: Path) -> Subject:
    return Subject(name=path.name, digests=(Digest.of(b"x"),), location=str(path))


def test_a_bundle_goes_beside_its_file(tmp_path: Path) -> None:
    """Design, conventions: bundle files."""
    about, world = subject(tmp_path / "app.whl"), worlds.world()
    FileStore().publish(b"{}", (about,), world)
    FileStore(kind="sbom").publish(b"[]", (about,), world)
    assert sorted(os.listdir(tmp_path)) == ["app.whl.sbom.sigstore.json", "app.whl.sigstore.json"]
    assert [one.data for one in find_beside(tmp_path / "app.whl")] == [b"[]\n", b"{}\n"]


def test_another_folder_or_an_exact_path(tmp_path: Path) -> None:
    """--output-dir and --bundle."""
    about, world = subject(tmp_path / "app.whl"), worlds.world()
    [receipt] = FileStore(folder=tmp_path / "out").publish(b"{}", (about,), world)
    assert receipt.location == str(tmp_path / "out" / "app.whl.sigstore.json")
    exact = FileStore(path=tmp_path / "one.json")
    exact.publish(b"{}", (about,), world)
    assert (tmp_path / "one.json").read_bytes() == b"{}\n"


def test_an_unwritable_folder_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    """Issue 2, bad input."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        FileStore(folder=tmp_path / "file").publish(b"{}", (subject(tmp_path / "app"),), worlds.world())
    assert caught.value.code == "output-unwritable"
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_that_is_interrupted_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design, rules: writes are atomic."""
    path = tmp_path / "bundle.json"
    write_whole(path, b"old")

    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["bundle.json"]
