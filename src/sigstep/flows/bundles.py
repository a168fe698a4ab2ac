"""Read bundles of every format without judging them, and write them as version 0.3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigstep.errors import FormatError
from sigstep.model.bundle import Bundle, BundleVersion, Envelope, PublicKeyMaterial
from sigstep.model.statement import PAYLOAD_TYPE
from sigstep.stores.beside import read_bundles, read_file
from sigstep.wire.bundle import encode_bundle
from sigstep.wire.signed_document import Signed, parse_signed
from sigstep.wire.statement import parse_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """One bundle as it was found: claims only, nothing of it is verified. ``source`` is the file, and its line."""

    source: str
    signed: Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Detached:
    """A signature in files of its own: with its certificate (or a key that the caller gives) and a time stamp."""

    signature: Path
    certificate: Path | None = None
    timestamp: Path | None = None


def read_detached(files: Detached) -> Signed:
    """What the files hold together.

    Raises:
        NothingToExamine, Undecided, FormatError: see `read_claims` and `parse_detached`.
    """

    def read(path: Path | None) -> bytes | None:
        return None if path is None else read_file(path)

    from sigstep.wire.detached import parse_detached

    return parse_detached(read_file(files.signature), read(files.certificate), read(files.timestamp))


def read_claims(path: Path) -> tuple[Claims, ...]:
    """The bundles in a file, whatever its format.

    Raises:
        NothingToExamine: ``bundle-missing``.
        Undecided: ``bundle-unreadable``.
        FormatError: the bytes are no bundle of a known format.
    """
    found = read_bundles(path)
    return tuple(Claims(source=one.source, signed=signed) for one in found for signed in parse_signed(one.data))


def read_unsigned(path: Path) -> tuple[Claims, ...]:
    """A statement that nobody signed, as a claim without a signer.

    Raises:
        NothingToExamine, Undecided: see `read_claims`.
        FormatError: the file holds no statement.
    """
    data = read_file(path)
    parse_statement(data)
    bundle = Bundle(
        version=BundleVersion.V0_3,
        material=PublicKeyMaterial(hint=""),
        entries=(),
        timestamps=(),
        content=Envelope(payload=data, payload_type=PAYLOAD_TYPE, signatures=()),
    )
    return (Claims(source=str(path), signed=Signed(bundle=bundle)),)


def convert(claims: Sequence[Claims], complete: Callable[[Signed], Signed] | None = None) -> bytes:
    """The bundles as version 0.3: one JSON document, or one on each line where there are several.

    The proofs are taken as they are and nothing is verified; further certificates of a chain are left out, as they
    are only hints (protobuf-specs sigstore_bundle.proto).

    Args:
        claims: the bundles.
        complete: fetches what a bundle lacks (`sigstep.flows.lookup.complete_from_log`); None asks nobody.

    Raises:
        FormatError: ``bundle-not-convertible``: version 0.3 cannot hold what the bundle has.
        SigstepError: what is missing could not be fetched.
    """
    return b"".join(encode_bundle(_upgraded(one, complete)) + b"\n" for one in claims)


def _upgraded(claims: Claims, complete: Callable[[Signed], Signed] | None) -> Bundle:
    signed = claims.signed
    lacking = signed.entry_elsewhere or any(entry.proof is None for entry in signed.bundle.entries)
    if lacking and complete is not None:
        signed = complete(signed)
    bundle = signed.bundle
    if not bundle.entries and not bundle.timestamps and not bundle.pending:
        raise _not_convertible(claims, "it has no log entry and no time stamp, so nothing would say when it was made")
    for entry in bundle.entries:
        if entry.proof is None:
            raise _not_convertible(claims, "its log entry has a promise only, and version 0.3 needs an inclusion proof")
        if (entry.kind, entry.kind_version) == ("intoto", "0.0.1") and signed.original is not None:
            raise _not_convertible(claims, "its log entry holds the digest of the envelope's exact bytes")
    return replace(bundle, version=BundleVersion.V0_3)


def _not_convertible(claims: Claims, why: str) -> FormatError:
    return FormatError(
        code="bundle-not-convertible",
        what=f"{claims.source} cannot become a bundle of version 0.3",
        why=why,
        fix="online the missing proof is fetched from the log; else keep it as it is (sigstep verifies it)",
    )
