"""Trusted roots from single PEM keys and certificates, as policies of other programs name their own instances."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.trust import Authority, Log, Thresholds, TrustedRoot, Validity
from sigstep.proofs.authority import issued_by
from sigstep.proofs.keys import load_pem_key

_ALWAYS: Final = Validity(start=datetime(1970, 1, 1, tzinfo=timezone.utc))


def root_of_pems(
    name: str,
    *,
    authorities: Sequence[str] = (),
    logs: Sequence[tuple[str, str]] = (),
    ct_logs: Sequence[str] = (),
    timestamp_authorities: Sequence[str] = (),
    thresholds: Thresholds | None = None,
) -> TrustedRoot:
    """An instance that counts at any time.

    Args:
        name: for reports.
        authorities: PEM certificates of CAs, any number and order in each text.
        logs: address and PEM key of each transparency log.
        ct_logs: PEM keys.
        timestamp_authorities: PEM chains, stamping certificate first where there is one.
        thresholds: of the instance; one entry, time and SCT where none are given.

    Raises:
        FormatError: ``key-malformed``, ``certificate-malformed``.
        ProofError: ``key-unsupported``.
    """
    return TrustedRoot(
        name=name,
        logs=tuple(_log(url, pem) for url, pem in logs),
        ct_logs=tuple(_log("", pem) for pem in ct_logs),
        certificate_authorities=tuple(one for text in authorities for one in _authorities(text)),
        timestamp_authorities=tuple(_stamping(text) for text in timestamp_authorities),
        thresholds=thresholds or Thresholds(),
    )


def root_for_keys(roots: Sequence[TrustedRoot]) -> TrustedRoot:
    """The logs and time stamp authorities of all instances: what a signature of a plain key can be held against."""
    return TrustedRoot(
        name="key",
        logs=tuple(log for one in roots for log in one.logs),
        ct_logs=(),
        certificate_authorities=(),
        timestamp_authorities=tuple(tsa for one in roots for tsa in one.timestamp_authorities),
        thresholds=Thresholds(entries=0, times=0, scts=0),
    )


def certificates_of(pem: str) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text, at least one.

    Raises:
        FormatError: ``certificate-malformed``.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError as error:
        raise FormatError(
            code="certificate-malformed", what="this is no PEM certificate", why=str(error)[:200], fix="give it in PEM"
        ) from None
    if len(found) > limits.CHAIN_CERTIFICATES:
        raise FormatError(
            code="certificate-malformed",
            what="there are too many certificates",
            why=f"{len(found)}; at most {limits.CHAIN_CERTIFICATES} are read",
            fix="name the authority's own certificates",
        )
    return found


def _authorities(pem: str) -> tuple[Authority, ...]:
    """Every certificate as the issuer of leaves, with the chain above it as far as the text has it."""
    found = certificates_of(pem)
    return tuple(_authority(_upwards(one, found)) for one in found)


def _upwards(certificate: x509.Certificate, known: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    chain = [certificate]
    while len(chain) <= len(known):
        above = [one for one in known if one not in chain and issued_by(chain[-1], one)]
        if not above:
            break
        chain.append(above[0])
    return chain


def _stamping(pem: str) -> Authority:
    return _authority(list(certificates_of(pem)))


def _authority(chain: Sequence[x509.Certificate]) -> Authority:
    ders = tuple(one.public_bytes(Encoding.DER) for one in chain)
    return Authority(uri=chain[0].subject.rfc4514_string(), certificates=ders, validity=_ALWAYS)


def _log(url: str, pem: str) -> Log:
    key = load_pem_key(pem.encode())
    log_id = hashlib.sha256(key.spki).digest()
    return Log(base_url=url, key=key.spki, key_details="", validity=_ALWAYS, log_id=log_id)
