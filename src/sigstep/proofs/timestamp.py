"""RFC 3161 time stamps over a signature."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.x509.oid import ObjectIdentifier
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from sigstep.errors import ProofError
from sigstep.proofs.authority import AuthorityChain
from sigstep.proofs.certificate import UNREADABLE

_IMPRINTS = frozenset(
    ObjectIdentifier(oid) for oid in ("2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3")
)


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
        if response.status != 0:
            raise _refuse_malformed(f"its status is {response.status}")
        info = response.tst_info
        signers = [(one.issuer, one.serial_number) for one in response.signed_data.signer_infos]
        made = info.gen_time
        imprint = info.message_imprint.hash_algorithm
    except UNREADABLE as error:
        raise _refuse_malformed(str(error)[:200]) from None
    if len(signers) != 1:
        raise _refuse_malformed(f"it has {len(signers)} signers")
    known = [
        one for one in authorities if (one.certificates[0].issuer, one.certificates[0].serial_number) == signers[0]
    ]
    if not known:
        return None
    if imprint not in _IMPRINTS:
        raise _refuse("its digest algorithm is too weak")
    for authority in known:
        _verify(response, signature, authority)
        if authority.valid_at(made):
            return made, authority
    raise ProofError(
        code="timestamp-window",
        what="the timestamp authority did not count at the time it states",
        why=f"{made:%Y-%m-%dT%H:%M:%SZ} lies outside its window in the trusted root, or its certificates' validity",
        fix="sign again, or take a current trusted root",
    )


def _verify(response: object, signature: bytes, authority: AuthorityChain) -> None:
    builder = VerifierBuilder().tsa_certificate(authority.certificates[0])
    for one in authority.certificates[1:-1]:
        builder = builder.add_intermediate_certificate(one)
    builder = builder.add_root_certificate(authority.certificates[-1])
    try:
        builder.build().verify_message(response, signature)  # type: ignore[arg-type]
    except (VerificationError, *UNREADABLE) as error:
        raise _refuse(str(error)[:200]) from None


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
