"""The files of a saved image: those of a folder, or the members of a tar archive."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from sigstep.errors import FormatError, NothingToExamine, Undecided
from sigstep.model import limits

_PIECE_BYTES: Final = 1 << 20


class Files(Protocol):
    """Files by their path, written with slashes."""

    @property
    def name(self) -> str:
        """Where they are."""
        ...

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        ...

    def size(self, path: str) -> int:
        """Its bytes."""
        ...

    def below(self, folder: str) -> tuple[str, ...]:
        """The files in a folder, in order."""
        ...

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece.

        Raises:
            Undecided: ``layout-unreadable``.
        """
        ...


class Folder:
    """The files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)

    def has(self, path: str) -> bool:
        """See `Files.has`."""
        return (self._root / path).is_file()

    def size(self, path: str) -> int:
        """See `Files.size`."""
        try:
            return (self._root / path).stat().st_size
        except OSError as error:
            raise unreadable(f"{self.name}/{path}", error.strerror or "") from None

    def below(self, folder: str) -> tuple[str, ...]:
        """See `Files.below`."""
        return tuple(sorted(f"{folder}/{one.name}" for one in (self._root / folder).glob("*") if one.is_file()))

    def pieces(self, path: str) -> Iterator[bytes]:
        """See `Files.pieces`."""
        if (self._root / path).exists() and not self.has(path):  # opening a named pipe waits for ever
            raise unreadable(f"{self.name}/{path}", "it is no regular file")
        try:
            with (self._root / path).open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise unreadable(f"{self.name}/{path}", error.strerror or "") from None


class Archive:
    """The regular files of an uncompressed tar archive; nothing is unpacked."""

    def __init__(self, path: Path) -> None:
        """Read the table of contents.

        Raises:
            NothingToExamine: ``layout-missing``.
            FormatError: ``layout-archive``.
        """
        self._path = path
        self.name = str(path)
        try:
            with tarfile.open(path, "r:") as tar:
                self._members = _members(tar, self.name)
        except FileNotFoundError:
            raise NothingToExamine(
                code="layout-missing", what=f"{path} is not there", why="", fix="check the path"
            ) from None
        except tarfile.TarError as error:
            raise _archive(self.name, f"it is no uncompressed tar archive ({type(error).__name__})") from None
        except OSError as error:
            raise unreadable(self.name, error.strerror or "") from None

    def has(self, path: str) -> bool:
        """See `Files.has`."""
        return path in self._members

    def size(self, path: str) -> int:
        """See `Files.size`."""
        return self._at(path)[1]

    def below(self, folder: str) -> tuple[str, ...]:
        """See `Files.below`."""
        return tuple(sorted(one for one in self._members if one.rpartition("/")[0] == folder))

    def pieces(self, path: str) -> Iterator[bytes]:
        """See `Files.pieces`."""
        start, left = self._at(path)
        with self._path.open("rb") as file:
            file.seek(start)
            while left and (piece := file.read(min(left, _PIECE_BYTES))):
                left -= len(piece)
                yield piece

    def _at(self, path: str) -> tuple[int, int]:
        if path not in self._members:
            raise unreadable(f"{self.name}: {path}", "it is not in the archive")
        return self._members[path]


def read(files: Files, path: str, at_most: int) -> bytes:
    """A whole small file.

    Raises:
        Undecided: ``layout-unreadable``.
        FormatError: ``registry-blob-too-large``.
    """
    if files.size(path) > at_most:
        raise FormatError(
            code="registry-blob-too-large",
            what=f"{files.name}: {path} is too large",
            why=f"at most {at_most} bytes are read",
            fix="look at what the manifest lists",
        )
    return b"".join(files.pieces(path))[: at_most + 1]


def unreadable(name: str, why: str) -> Undecided:
    """The error for a file of a saved image that cannot be read."""
    return Undecided(code="layout-unreadable", what=f"{name} cannot be read", why=why, fix="save the image again")


def _members(tar: tarfile.TarFile, name: str) -> dict[str, tuple[int, int]]:
    """Where each regular file begins, and its bytes."""
    found: dict[str, tuple[int, int]] = {}
    for count, member in enumerate(tar):
        if count >= limits.ARCHIVE_MEMBERS:
            raise _archive(name, f"it has more than {limits.ARCHIVE_MEMBERS} members")
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            continue
        path = member.name.removeprefix("./")
        if path in found:
            raise _archive(name, f"it has {path[:200]!r} twice")
        found[path] = (member.offset_data, member.size)
    return found


def _archive(name: str, why: str) -> FormatError:
    return FormatError(
        code="layout-archive",
        what=f"the archive {name} cannot be used",
        why=why,
        fix="save the image again, uncompressed: docker save -o FILE, skopeo copy … oci-archive:FILE",
    )
