"""Subjects by digest, and the hashing of files over all cores in constant memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.subjects.hashing import hash_file


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSubject:
    """A subject that the caller names by digest (``sha256:…``), without its bytes."""

    digest: str
    name: str = ""

    def resolve(self, world: World) -> Sequence[Subject]:  # noqa: ARG002 - the family's signature
        """The one subject.

        Raises:
            FormatError: ``digest-malformed``, ``digest-algorithm-unsupported``.
        """
        digest = Digest.parse(self.digest)
        return (Subject(name=self.name, digests=(digest,), location=str(digest)),)


def hash_files(paths: Sequence[Path], algorithms: Sequence[Algorithm]) -> tuple[tuple[Digest, ...], ...]:
    """The digests of each file, in order; each file is read once, in pieces, and files are read in parallel.

    Raises:
        NothingToExamine, Undecided: ``subject-missing``, ``subject-unreadable``.
    """
    workers = max(1, min(len(paths), os.cpu_count() or 1))
    if workers == 1:
        return tuple(hash_file(path, algorithms) for path in paths)
    with ThreadPoolExecutor(workers) as pool:
        return tuple(pool.map(lambda path: hash_file(path, algorithms), paths))
