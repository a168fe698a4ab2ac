"""Files as subjects: paths and globs, each file once, hashed once."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigstep.errors import NothingToExamine, UsageError
from sigstep.model.digest import Algorithm
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.subjects.digest import hash_files
from sigstep.subjects.hashing import unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSubjects:
    """Files by paths and globs (``*``, ``?``, ``[…]``, ``**``); ``!pattern`` takes files out again.

    A path that exists is that file, whatever characters it has. Every pattern has to match: what is missing is never
    left out silently.

    Attributes:
        patterns: paths and globs, relative to ``base``.
        base: the folder they are relative to.
        name_base: subjects are named by their path relative to this folder instead of their base name.
        name: one name for all of them.
        descend: a folder means every file below it, hidden ones too, as actions/attest reads patterns.
        algorithms: digests to compute, in one reading.
    """

    patterns: tuple[str, ...]
    base: Path = Path()
    name_base: Path | None = None
    name: str = ""
    descend: bool = False
    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA256,)

    def resolve(self, world: World) -> Sequence[Subject]:  # noqa: ARG002 - the family's signature
        """The files that were named, each once, in the order of the patterns.

        Raises:
            NothingToExamine: ``no-subject``, ``subject-missing``.
            UsageError: ``subject-is-directory``, ``subject-not-a-file``, ``subject-outside-base``.
            Undecided: ``subject-unreadable``.
        """
        paths = self._paths()
        digests = hash_files(paths, self.algorithms)
        return tuple(
            Subject(name=self._name(path), digests=found, location=str(path))
            for path, found in zip(paths, digests, strict=True)
        )

    def _paths(self) -> tuple[Path, ...]:
        seen: dict[Path, Path] = {}
        taken_out: set[Path] = set()
        for pattern in self.patterns:
            if pattern.startswith("!") and not (self.base / pattern).exists():
                taken_out.update(path.resolve() for path in self._matches(pattern[1:]))
                continue
            matches = self._matches(pattern)
            if not matches:
                raise _missing(pattern)
            for path in matches:
                seen.setdefault(path.resolve(), path)
        kept = tuple(path for real, path in seen.items() if real not in taken_out)
        if not kept:
            raise NothingToExamine(
                code="no-subject",
                what="no file is named",
                why="every file was taken out again" if seen else "the list of files is empty",
                fix="name at least one file",
            )
        return kept

    def _matches(self, pattern: str) -> tuple[Path, ...]:
        literal = self.base / pattern
        try:
            if literal.is_dir() and self.descend:
                return tuple(sorted(_below(literal)))
            if literal.is_dir():
                raise UsageError(
                    code="subject-is-directory",
                    what=f"{pattern!r} is a directory",
                    why="a directory has no digest",
                    fix=f"name its files, e.g. {pattern.rstrip('/')}/**",
                )
            if literal.is_file():
                return (literal,)
            if literal.exists():
                raise UsageError(
                    code="subject-not-a-file",
                    what=f"{pattern!r} is neither a file nor a directory",
                    why="pipes, sockets and devices have no fixed content",
                    fix="write it to a file first",
                )
            found = sorted(_hidden_too(str(literal)) if self.descend else glob.glob(str(literal), recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
        except OSError as error:
            raise unreadable(literal, error) from None
        files = [Path(name) for name in found]
        if self.descend:
            files = [one for path in files for one in (sorted(_below(path)) if path.is_dir() else (path,))]
        return tuple(path for path in files if path.is_file())

    def _name(self, path: Path) -> str:
        if self.name or self.name_base is None:
            return self.name or path.name
        try:
            return path.resolve().relative_to(self.name_base.resolve()).as_posix()
        except ValueError:
            raise UsageError(
                code="subject-outside-base",
                what=f"{str(path)!r} is outside of {str(self.name_base)!r}",
                why="names are to be relative to that folder",
                fix="name a folder that holds all files",
            ) from None


def _below(folder: Path) -> Iterator[Path]:
    """Every file below, through links to folders, each folder once."""
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(where) / name for name in names)


def _hidden_too(pattern: str) -> Iterator[str]:
    """Matches of a glob whose wildcards match a leading dot too (`glob` of Python 3.10 has no option for it)."""
    parts = Path(pattern).parts
    fixed = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return (str(path) for path in _match(Path(*parts[:fixed]), parts[fixed:]))


def _match(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        if folder.exists():
            yield folder
        return
    head, rest = parts[0], parts[1:]
    if head == "**":
        yield from _match(folder, rest) if rest else _below(folder)
        if folder.is_dir():
            for child in folder.iterdir():
                if child.is_dir() and not child.is_symlink() and rest:
                    yield from _match(child, parts)
    elif not glob.has_magic(head):
        yield from _match(folder / head, rest)
    elif folder.is_dir():
        shape = re.compile(fnmatch.translate(head))
        for child in folder.iterdir():
            if shape.fullmatch(child.name):
                yield from _match(child, rest)


def _missing(pattern: str) -> NothingToExamine:
    return NothingToExamine(
        code="subject-missing",
        what=f"{pattern!r} matches no file",
        why="what is missing is not left out silently",
        fix="check the path and the working directory",
    )
