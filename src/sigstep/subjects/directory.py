"""Folders as subjects: every file below, so that none is passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sigstep.errors import NothingToExamine, UsageError
from sigstep.model.bundle import FILE_ENDINGS


def files_below(folder: Path, *, named: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """Every file below a folder, sorted by path, hidden ones too.

    Left out are bundles that stand beside the file they are named after, and the files of ``named``. A bundle file
    without its artifact is a file like any other.

    Raises:
        NothingToExamine: ``directory-empty``.
        UsageError: ``subject-not-a-file``: a link to a folder, a pipe, a device; ``subject-unreadable-folder``.
    """
    found = sorted(_walk(folder))
    there = set(found)
    real = {one.resolve() for one in named}
    kept = tuple(one for one in found if one.resolve() not in real and not is_bundle(one, there))
    if not kept:
        raise NothingToExamine(
            code="directory-empty",
            what=f"{folder} has no file to examine",
            why="every file of a folder is examined; this one has none besides bundles",
            fix="check the path",
        )
    return kept


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise UsageError(
            code="subject-unreadable-folder",
            what=f"{error.filename} cannot be listed",
            why=error.strerror or "",
            fix="check its permissions",
        ) from None

    for where, folders, names in os.walk(folder, onerror=refuse):
        for name in (*folders, *names):
            path = Path(where) / name
            if path.is_dir() and not path.is_symlink():
                continue
            if not path.is_file():
                raise UsageError(
                    code="subject-not-a-file",
                    what=f"{str(path)!r} is neither a file nor a directory",
                    why="links to folders, broken links, pipes and devices have no fixed content to examine",
                    fix="take it out of the folder, or name the files",
                )
            yield path


def is_bundle(path: Path, there: set[Path]) -> bool:
    ending = next((one for one in FILE_ENDINGS if path.name.endswith(one)), "")
    stem = path.name.removesuffix(ending)
    if not ending or not stem:
        return False
    base, _, kind = stem.rpartition(".")
    return any(path.with_name(name) in there for name in (stem, base if kind else "") if name)
