"""PEP 740 attestation objects beside Python distributions, as upload tools of package indexes take them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigstep.errors import UsageError
from sigstep.model.bundle import Envelope
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.pep740 import encode_attestation
from sigstep.wire.statement import parse_statement

PROVENANCE: Final = "https://slsa.dev/provenance/v1"
SUFFIX: Final = ".slsa.attestation"
_DISTRIBUTION: Final = re.compile(r"[A-Za-z0-9._+!]+(?:-[A-Za-z0-9._+!]+){1,5}(?:\.whl|\.tar\.gz|\.zip)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pep740Store:
    """``<distribution>.slsa.attestation``, for bundles with SLSA provenance v1; other kinds are not part of PEP 740.

    ``folder`` is where to write instead of beside each distribution.
    """

    folder: Path | None = None

    @property
    def name(self) -> str:
        """See `Store.name`."""
        return "pep740"

    def publish(self, bundle: bytes, subjects: Sequence[Subject], world: World) -> tuple[Receipt, ...]:  # noqa: ARG002 - the family's signature
        """See `Store.publish`.

        Raises:
            UsageError: ``pep740-subject``, ``pep740-log``, ``output-unwritable``.
        """
        parsed = parse_bundle(bundle)
        if not isinstance(parsed.content, Envelope):
            return ()
        if parse_statement(parsed.content.payload).predicate_type != PROVENANCE:
            return ()
        name = Path(subjects[0].location or subjects[0].name).name
        if len(subjects) != 1 or subjects[0].name != name or not _DISTRIBUTION.fullmatch(name):
            raise UsageError(
                code="pep740-subject",
                what=f"there is no PEP 740 attestation for {name[:100]!r}",
                why="it is about one wheel or source distribution, named by its file name",
                fix="leave out --one-statement and --relative-names, and name distributions only",
            )
        if not parsed.entries or parsed.entries[0].kind_version != "0.0.1":
            raise UsageError(
                code="pep740-log",
                what=f"the attestation of {name} cannot become a PEP 740 object",
                why="it has no place for time stamps, so that an entry of a Rekor v1 log is needed",
                fix="sign with an instance whose signing config names Rekor v1",
            )
        folder = Path(subjects[0].location).parent if self.folder is None else self.folder
        place = folder / f"{name}{SUFFIX}"
        write_whole(place, json.dumps(encode_attestation(parsed), separators=(",", ":")).encode() + b"\n")
        return (Receipt(store=self.name, location=str(place)),)
