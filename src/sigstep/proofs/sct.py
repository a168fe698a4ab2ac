"""Signed certificate timestamps, embedded in a certificate or detached (RFC 6962 sections 3.2 and 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

from sigstep.errors import ProofError
from sigstep.proofs.authority import AuthorityChain
from sigstep.proofs.certificate import Leaf
from sigstep.proofs.keys import verify_message
from sigstep.proofs.prepared import PreparedLog

if TYPE_CHECKING:
    from sigstep.wire.detached_sct import DetachedSct

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
SCTS: Final = 32
_LAST_MILLISECOND: Final = 253_402_300_799_999  # of the year 9999


def verify_embedded(leaf: Leaf, issuer: AuthorityChain, logs: Sequence[PreparedLog]) -> tuple[str, ...]:
    """The distinct CT logs (base URLs) whose SCT in the leaf holds; SCTs of unknown logs are not counted.

    Raises:
        ProofError: ``sct-invalid`` (a known log's SCT does not hold), ``sct-window`` (its key did not count then),
            ``certificate-malformed``.
    """
    scts = leaf.value(x509.PrecertificateSignedCertificateTimestamps)
    if scts is None:
        return ()
    body = leaf.certificate.tbs_precertificate_bytes
    entry = b"\x00\x01" + issuer.sct_key_hash + len(body).to_bytes(3, "big") + body
    by_id = {one.log.log_id: one for one in logs}
    proved: dict[bytes, str] = {}
    for sct in list(scts)[:SCTS]:
        log = by_id.get(sct.log_id)
        if log is not None:
            _verify(_stamp(sct), sct.extension_bytes, sct.signature, entry, log)
            proved[sct.log_id] = log.log.base_url
    return tuple(proved.values())


def unknown_logs(leaf: Leaf, logs: Sequence[PreparedLog]) -> tuple[bytes, ...]:
    """Ids of the CT logs that the leaf has an SCT of and that are not among ``logs``.

    Raises:
        ProofError: ``certificate-malformed``.
    """
    scts = leaf.value(x509.PrecertificateSignedCertificateTimestamps)
    known = {one.log.log_id for one in logs}
    return tuple(one.log_id for one in list(scts or ())[:SCTS] if one.log_id not in known)


def verify_detached(leaf: Leaf, sct: DetachedSct, logs: Sequence[PreparedLog]) -> tuple[str, ...]:
    """The CT log (base URL) whose detached SCT about the leaf holds; none where the log is unknown.

    Raises:
        ProofError: ``sct-invalid``, ``sct-window``.
    """
    log = next((one for one in logs if one.log.log_id == sct.log_id), None)
    if log is None:
        return ()
    entry = b"\x00\x00" + len(leaf.der).to_bytes(3, "big") + leaf.der
    _verify(sct.timestamp, sct.extensions, sct.signature, entry, log)
    return (log.log.base_url,)


def _stamp(sct: SignedCertificateTimestamp) -> int:
    """Milliseconds since the epoch, by integers."""
    return (sct.timestamp.replace(tzinfo=timezone.utc) - _EPOCH) // timedelta(milliseconds=1)


def _verify(stamp: int, extensions: bytes, signature: bytes, entry: bytes, log: PreparedLog) -> None:
    made = _EPOCH + timedelta(milliseconds=min(stamp, _LAST_MILLISECOND))
    signed = b"\x00\x00" + stamp.to_bytes(8, "big") + entry + len(extensions).to_bytes(2, "big") + extensions
    if verify_message(log.key, signature, signed) is None:
        raise ProofError(
            code="sct-invalid",
            what="a CT log's timestamp about the certificate does not hold",
            why=f"the signature is not one of {log.log.base_url}",
            fix="sign again; a certificate that was not logged may be mis-issued",
        )
    if not log.valid_at(made):
        raise ProofError(
            code="sct-window",
            what="a CT log's timestamp about the certificate does not count",
            why=f"the key of {log.log.base_url} was not valid at {made:%Y-%m-%dT%H:%M:%SZ}",
            fix="sign again, or take a current trusted root",
        )
