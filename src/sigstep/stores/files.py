"""Writing bundles beside the files they are about; `sigstep.stores.beside` finds them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole

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
