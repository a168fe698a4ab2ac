"""Subjects from a checksums file (coreutils ``sha256sum``; both its forms, LF and CRLF)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigstep.errors import FormatError, NothingToExamine
from sigstep.model import limits
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.subjects.hashing import unreadable

_CHECKSUMS_BYTES: Final = 16 * 1024 * 1024
_PLAIN: Final = re.compile(r"(\\?)([0-9A-Fa-f]{64,128}) [ *](.+)")
_TAGGED: Final = re.compile(r"(\\?)(SHA(?:256|384|512)) \((.+)\) = ([0-9A-Fa-f]{64,128})")
_BY_SIZE: Final = {one.size * 2: one for one in Algorithm}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksumSubjects:
    """The names and digests of a checksums file; the files themselves are not read.

    Attributes:
        path: of the file; with ``text`` only a name for messages.
        text: the lines themselves instead of a file.
    """

    path: Path
    text: str = ""

    def resolve(self, world: World) -> Sequence[Subject]:  # noqa: ARG002 - the family's signature
        """Its subjects; a line that is there twice counts once.

        Raises:
            NothingToExamine: ``no-subject``.
            FormatError: ``checksums-malformed``: a line is not understood; no line is passed over.
            Undecided: ``subject-unreadable``.
        """
        try:
            if self.text:
                data = self.text.encode("utf-8", "surrogateescape")
            else:
                with self.path.open("rb") as file:
                    data = file.read(_CHECKSUMS_BYTES + 1)
        except OSError as error:
            raise unreadable(self.path, error) from None
        if len(data) > _CHECKSUMS_BYTES:
            raise _malformed(self.path, 0, f"it is larger than {_CHECKSUMS_BYTES} bytes")
        found: dict[tuple[str, Digest], Subject] = {}
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
            text = line.removesuffix("\r")
            if text.strip():
                name, digest = self._line(text, number)
                found[name, digest] = Subject(name=name, digests=(digest,), location=str(digest))
        if not found:
            raise NothingToExamine(
                code="no-subject", what=f"{self.path} names no file", why="it is empty", fix="check what wrote it"
            )
        if len(found) > limits.SUBJECTS_READ:
            raise _malformed(self.path, 0, f"it names more than {limits.SUBJECTS_READ} files")
        return tuple(found.values())

    def _line(self, text: str, number: int) -> tuple[str, Digest]:
        if plain := _PLAIN.fullmatch(text):
            escaped, digits, name = plain.groups()
            algorithm = _BY_SIZE.get(len(digits))
        elif tagged := _TAGGED.fullmatch(text):
            escaped, tag, name, digits = tagged.groups()
            algorithm = Algorithm(tag.lower())
        else:
            raise _malformed(self.path, number, "it is not written as sha256sum writes it")
        if algorithm is None or len(digits) != algorithm.size * 2:
            raise _malformed(self.path, number, f"{len(digits)} hexadecimal digits are no digest of a known algorithm")
        if escaped:
            name = name.replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\")
        return name, Digest(algorithm=algorithm, value=bytes.fromhex(digits))


def _malformed(path: Path, line: int, why: str) -> FormatError:
    return FormatError(
        code="checksums-malformed",
        what=f"line {line} of {path} is not a checksum" if line else f"{path} is not a checksums file",
        why=why,
        fix="write it with sha256sum",
    )
