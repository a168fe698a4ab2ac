"""Writing bundles beside the files they are about; `sigstep.stores.beside` finds them again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigstep.errors import UsageError
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.world import World

SUFFIX: Final = ".sigstore.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStore:
    """Bundle files: ``<file>.sigstore.json``, ``<file>.<kind>.sigstore.json``.

    Attributes:
        folder: write here instead of beside each file.
        kind: of the attestation, where one file gets several.
        path: write exactly this file (one bundle).
    """

    folder: Path | None = None
    kind: str = ""
    path: Path | None = None

    @property
    def name(self) -> str:
        """See `Store.name`."""
        return "files"

    def place(self, subject: Subject) -> Path:
        """The file that holds the bundle about one subject."""
        if self.path is not None:
            return self.path
        middle = f".{self.kind}" if self.kind else ""
        beside = Path(subject.location or subject.name)
        folder = beside.parent if self.folder is None else self.folder
        return folder / f"{beside.name}{middle}{SUFFIX}"

    def publish(self, bundle: bytes, subjects: Sequence[Subject], world: World) -> tuple[Receipt, ...]:  # noqa: ARG002 - the family's signature
        """See `Store.publish`; the old file stays whole until the new one is.

        Raises:
            UsageError: ``output-unwritable``.
        """
        path = self.place(subjects[0])
        write_whole(path, bundle + b"\n")
        return (Receipt(store=self.name, location=str(path)),)


def write_whole(path: Path, data: bytes) -> None:
    """Write a whole file or nothing (temporary file in the same folder, fsync, rename).

    Raises:
        UsageError: ``output-unwritable``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".sigstep-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            code="output-unwritable",
            what=f"{str(path)!r} cannot be written",
            why=error.strerror or type(error).__name__,
            fix="check the folder and its permissions, or give another one with --output-dir",
        ) from None
