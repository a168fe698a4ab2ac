"""RFC 3161 time stamps over a signature."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier
from rfc3161_client import decode_timestamp_response

from sigstep.errors import ProofError
from sigstep.proofs.authority import AuthorityChain
from sigstep.proofs.certificate import UNREADABLE
from sigstep.proofs.keys import verify_with
from sigstep.wire.rfc3161 import TokenSignature, parse_token_signature

_IMPRINTS: Final = {
    ObjectIdentifier(f"2.16.840.1.101.3.4.2.{at}"): name
    for at, name in enumerate(("sha256", "sha384", "sha512"), start=1)
}


def verify_timestamp(
    stamp: bytes, signature: bytes, authorities: Sequence[AuthorityChain]
) -> tuple[datetime, AuthorityChain] | None:
    """The time that a trusted authority vouches for.

    Args:
        stamp: a TimeStampResp, DER.
        signature: the raw signature bytes that were stamped.
        authorities: those of the trusted root.

    Returns:
        The time (aware, UTC) and the authority; None where no trusted authority made the stamp: it proves nothing.

    Raises:
        ProofError: ``timestamp-malformed``, ``timestamp-invalid``, ``timestamp-window``.
    """
    try:
        response = decode_timestamp_response(stamp)
        token = parse_token_signature(stamp)
        if response.status != 0:
            raise _refuse_malformed(f"its status is {response.status}")
        info = response.tst_info
        (signer,) = ((one.issuer, one.serial_number) for one in response.signed_data.signer_infos)
        made = info.gen_time
        imprint, stamped = info.message_imprint.hash_algorithm, info.message_imprint.message
    except UNREADABLE as error:
        raise _refuse_malformed(str(error)[:200]) from None
    known = [one for one in authorities if (one.certificates[0].issuer, one.certificates[0].serial_number) == signer]
    if not known:
        return None
    digest = _IMPRINTS.get(imprint)
    if digest is None:
        raise _refuse("its digest algorithm is too weak")
    if hashlib.new(digest, signature).digest() != stamped:
        raise _refuse("it is over other bytes")
    for authority in known:
        _verify(token, authority)
        if authority.valid_at(made):
            return made, authority
    raise ProofError(
        code="timestamp-window",
        what="the timestamp authority did not count at the time it states",
        why=f"{made:%Y-%m-%dT%H:%M:%SZ} lies outside its window in the trusted root, or its certificates' validity",
        fix="sign again, or take a current trusted root",
    )


def _verify(token: TokenSignature, authority: AuthorityChain) -> None:
    """The signature over the signed attributes, and what they bind (RFC 5652 section 5.4, RFC 5816).

    The authority's own chain was checked when the trusted root was prepared; certificates in the token are hints.
    """
    leaf = authority.certificates[0]
    der = leaf.public_bytes(Encoding.DER)
    if token.certificates and der not in token.certificates:
        raise _refuse("the certificate in it is not the authority's")
    if token.certificate_hash is not None:
        algorithm, digest = token.certificate_hash
        if hashlib.new(algorithm.value, der).digest() != digest:
            raise _refuse("it was signed for another certificate")
    if hashlib.new(token.digest_algorithm.value, token.content).digest() != token.message_digest:
        raise _refuse("its content is not what was signed")
    if not verify_with(authority.key, token.signature, token.signed, token.algorithm):
        raise _refuse("its signature does not hold")


def _refuse(why: str) -> ProofError:
    return ProofError(
        code="timestamp-invalid",
        what="a time stamp of a trusted authority does not hold",
        why=why,
        fix="stamp the signature again",
    )


def _refuse_malformed(why: str) -> ProofError:
    return ProofError(
        code="timestamp-malformed", what="a time stamp is malformed", why=why, fix="stamp the signature again"
    )
