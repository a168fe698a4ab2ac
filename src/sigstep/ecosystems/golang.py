"""Go modules: the go.sum line against the checksum database, by its signed tree and an inclusion proof.

This is transparency, not provenance: everybody gets the same content for a version. Who published is the module's path.
"""

from __future__ import annotations

import base64
import fnmatch
from typing import Final
from urllib.parse import quote

from sigstep.errors import FormatError, ProofError
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.verdict import Finding
from sigstep.proofs.checksum_database import Record, fold, parse_record, proof_nodes, verify_record
from sigstep.services.registry import Ask

_TILE: Final = 256
_BYTES: Final = 64 * 1024


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """Whether the locked tree hash is the one that the checksum database has for everybody.

    Args:
        locked: the module.
        ask: the checksum database, and its key.

    Raises:
        ServiceError: the database cannot be asked.
        FormatError, ProofError: what it answers does not hold.
    """
    if _private(locked.name, ask):
        return PackageEvidence(state=EvidenceState.NOT_APPLICABLE, why="the module is private here (GOPRIVATE)")
    if not ask.notary:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the database's key is not known; set GOSUMDB")
    path = f"{ask.registry}/lookup/{escaped(locked.name)}@{escaped(locked.version)}"
    answer = ask.get(path, at_most=_BYTES)
    if answer.status != 200:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the checksum database does not know this version")
    about = PackageEvidence(state=EvidenceState.VERIFIED, files=1, attested=1, basis="checksum database")
    try:
        record = parse_record(answer.body)
        verify_record(record, ask.notary, [_node(record, level, index, ask) for level, index in proof_nodes(record)])
    except (FormatError, ProofError) as error:
        problem = Finding(code="attestation-invalid", what=f"the database's proof does not hold ({error.code})")
        return PackageEvidence(state=EvidenceState.INVALID, files=1, problems=(problem,), basis="checksum database")
    stated = [digest.value for file in locked.files for digest in file.digests]
    line = f"{locked.name} {locked.version} h1:"
    logged = [one.removeprefix(line) for one in record.lines if one.startswith(line)]
    if logged != [base64.b64encode(one).decode() for one in stated]:
        what = "go.sum has another hash than the checksum database"
        problem = Finding(code="digest-mismatch", what=what, why=", ".join(logged)[:200])
        return PackageEvidence(state=EvidenceState.INVALID, files=1, problems=(problem,), basis="checksum database")
    return about


def escaped(path: str) -> str:
    """A module path or version as the database's addresses have it (Go modules reference, module proxy)."""
    return quote("".join(f"!{one.lower()}" if "A" <= one <= "Z" else one for one in path), safe="/!@+~.-_")


def _node(record: Record, level: int, index: int, ask: Ask) -> bytes:
    """The hash of a whole subtree of 2**level leaves, computed from the tile that holds it (tiles of height 8)."""
    height, rest = divmod(level, 8)
    first = index << rest
    tile, offset = divmod(first, _TILE)
    width = min(_TILE, (record.tree_size >> (8 * height)) - tile * _TILE)
    digits = str(tile).zfill(-(-len(str(tile)) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([*(f"x{one}" for one in groups[:-1]), groups[-1]])  # x001/x234/567
    partial = "" if width == _TILE else f".p/{width}"
    url = f"{ask.registry}/tile/8/{height}/{number}{partial}"
    answer = ask.get(url, accept="application/octet-stream", at_most=_BYTES, shared=True)
    if answer.status != 200 or len(answer.body) != 32 * width or offset + (1 << rest) > width:
        raise FormatError(
            code="checksum-database",
            what="a tile of the checksum database is not there or has another size",
            why=url[:200],
            fix="try again later",
        )
    hashes = [answer.body[32 * at : 32 * at + 32] for at in range(offset, offset + (1 << rest))]
    return fold(hashes)


def _private(module: str, ask: Ask) -> bool:
    """Whether GONOSUMDB or GOPRIVATE name the module (Go modules reference, private modules)."""
    text = ask.world.environ.get("GONOSUMDB") or ask.world.environ.get("GOPRIVATE", "")
    for pattern in filter(None, text.split(",")):
        parts = pattern.strip("/").count("/") + 1
        if fnmatch.fnmatchcase("/".join(module.split("/")[:parts]), pattern.strip("/")):
            return True
    return False
