"""Files as subjects: paths and globs, each file once, hashed once."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sigstep.errors import NothingToExamine, UsageError
from sigstep.model.digest import Algorithm
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.subjects.digest import hash_files, unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSubjects:
    """Files by paths and globs (``*``, ``?``, ``[…]``, ``**``); ``!pattern`` takes files out again.

    A path that exists is that file, whatever characters it has. Every pattern has to match: what is missing is never
    left out silently.

    Attributes:
        patterns: paths and globs, relative to ``base``.
        base: the folder they are relative to.
        relative_names: subjects are named by their path relative to ``base`` instead of their base name.
        algorithms: digests to compute, in one reading.
    """

    patterns: tuple[str, ...]
    base: Path = Path()
    relative_names: bool = False
    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA256,)

    def resolve(self, world: World) -> Sequence[Subject]:  # noqa: ARG002 - the family's signature
        """The files that were named, each once, in the order of the patterns.

        Raises:
            NothingToExamine: ``no-subject``, ``subject-missing``.
            UsageError: ``subject-is-directory``, ``subject-not-a-file``.
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
            found = sorted(glob.glob(str(literal), recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
        except OSError as error:
            raise unreadable(literal, error) from None
        return tuple(path for name in found if (path := Path(name)).is_file())

    def _name(self, path: Path) -> str:
        if not self.relative_names:
            return path.name
        try:
            return path.resolve().relative_to(self.base.resolve()).as_posix()
        except ValueError:
            return path.name


def _missing(pattern: str) -> NothingToExamine:
    return NothingToExamine(
        code="subject-missing",
        what=f"{pattern!r} matches no file",
        why="what is missing is not left out silently",
        fix="check the path and the working directory",
    )
