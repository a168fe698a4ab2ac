"""Everything that a repository locks at a commit, read from Git without a check-out."""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sigstep.ecosystems.readers import MANIFESTS, READERS
from sigstep.errors import FormatError, SigstepError, UsageError
from sigstep.model import limits
from sigstep.model.dependency import Locked
from sigstep.ports.world import World

_GIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is locked at a commit.

    Attributes:
        commit: as it was given.
        locked: every locked version.
        paths: lockfiles and manifests that were read.
        unread: files that could not be read, with the reason.
    """

    commit: str = ""
    locked: tuple[Locked, ...] = ()
    paths: frozenset[str] = frozenset()
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Git:
    """A Git work tree, read by object; what was read and parsed is kept by its object's id."""

    folder: Path
    world: World
    _parsed: dict[tuple[str, str], tuple[Locked, ...]] = field(default_factory=dict)

    def snapshot(self, commit: str, *, strict: bool) -> Snapshot:
        """What is locked at a commit.

        Args:
            commit: any name of a commit.
            strict: whether a lockfile that cannot be read is an error; manifests that cannot be are always told only.

        Raises:
            UsageError: ``git-failed``.
            FormatError: of a lockfile; ``lockfile-malformed`` for one that is too large.
        """
        listed = {path: entry for path, entry in self.files(commit).items() if _reader(path)}
        wanted = [path for path, (oid, _) in listed.items() if (path, oid) not in self._parsed]
        for path in wanted:
            if listed[path][1] > limits.LOCKFILE_BYTES:
                raise too_large(path)
        contents = self.read([listed[path][0] for path in wanted])
        unread: list[tuple[str, str]] = []
        for path, data in zip(wanted, contents, strict=True):
            try:
                self._parsed[path, listed[path][0]] = parse(data, path)
            except SigstepError as error:
                if strict and not is_manifest(path):
                    raise
                unread.append((path, f"{error.what}: {error.why}"))
        read = {path: self._parsed[path, oid] for path, (oid, _) in listed.items() if (path, oid) in self._parsed}
        locked = tuple(one for found in read.values() for one in found)
        return Snapshot(commit=commit, locked=locked, paths=frozenset(read), unread=tuple(unread))

    def files(self, commit: str, *, mode: str = "100") -> dict[str, tuple[str, int]]:
        """Every regular file at a commit, or what else has a mode that begins so: path to object id and size in bytes.

        Raises:
            UsageError: ``git-failed``.
        """
        listed = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", commit)
        found: dict[str, tuple[str, int]] = {}
        for line in listed.decode("utf-8", "surrogateescape").split("\0"):
            head, tab, path = line.partition("\t")
            parts = head.split()
            if tab and len(parts) == 4 and parts[0].startswith(mode):
                found[path] = (parts[2], int(parts[3]))
        return found

    def read(self, oids: Sequence[str]) -> list[bytes]:
        """The contents of objects, in order.

        Raises:
            UsageError: ``git-failed``.
        """
        if not oids:
            return []
        answer = self._run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in oids).encode())
        found, at = [], 0
        for _ in oids:
            end = answer.find(b"\n", at)
            parts = answer[at:end].split()
            if end < 0 or len(parts) != 3:
                raise git_error("an object is missing")
            size = int(parts[2])
            found.append(answer[end + 1 : end + 1 + size])
            at = end + 1 + size + 1
        return found

    def file(self, commit: str, path: str) -> bytes | None:
        """One file at a commit, or None where there is none.

        Raises:
            UsageError: ``git-failed``.
        """
        entry = self.files(commit).get(path)
        return self.read([entry[0]])[0] if entry else None

    def resolve(self, commit: str) -> str:
        """The full id of a commit.

        Raises:
            UsageError: ``git-failed``.
        """
        done = self._run("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
        return done.decode("ascii", "replace").split("\n")[0]

    def _run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        program = self.world.process.which("git")
        if program is None:
            raise git_error("git is not installed")
        command = [program, "-C", str(self.folder), *arguments]
        done = self.world.process.run(command, timeout=_GIT_SECONDS, stdin=stdin)
        if done.status:
            raise git_error(done.stderr.decode("utf-8", "replace").strip()[:300])
        return done.stdout


def parse(data: bytes, path: str) -> tuple[Locked, ...]:
    """What one lockfile or manifest locks.

    Raises:
        FormatError: it cannot be read.
    """
    module, _, attribute = _reader(path).partition(":")
    read: Callable[[bytes, str], tuple[Locked, ...]] = getattr(importlib.import_module(module), attribute)
    return read(data, path)


def is_manifest(path: str) -> bool:
    """Whether a file is no lockfile that a tool wrote, but something people write that also names artifacts."""
    return _reader(path) in MANIFESTS


def too_large(path: str) -> FormatError:
    """The error of a file that is not read because of its size."""
    return FormatError(
        code="lockfile-malformed",
        what=f"{path} is too large",
        why=f"at most {limits.LOCKFILE_BYTES} bytes are read",
        fix="split the project",
    )


def git_error(why: str) -> UsageError:
    """The error of Git not telling what is asked."""
    return UsageError(
        code="git-failed",
        what="git could not tell what is locked",
        why=why,
        fix="run it in a work tree that has both commits; fetch the base first",
    )


def place_of(path: str, patterns: Sequence[tuple[str, str]]) -> str:
    """The reader of a path: the first of these patterns that fits, of whole paths where it has a slash; else empty."""
    name = path.rpartition("/")[2]
    return next((place for one, place in patterns if fnmatch.fnmatchcase(f"/{path}" if "/" in one else name, one)), "")


def _reader(path: str) -> str:
    return place_of(path, READERS)
