"""RFC 3161 timestamp authorities: a signed time for a signature."""

from __future__ import annotations

from typing import Final

from sigstep.model import limits
from sigstep.model.digest import Algorithm
from sigstep.model.services import Service
from sigstep.ports.world import World
from sigstep.services import call

_TIMEOUT_SECONDS: Final = 30.0


def request_timestamp(service: Service, signature: bytes, world: World) -> bytes:
    """Ask for a time stamp over the raw bytes of a signature, once; the nonce and the imprint are checked.

    Args:
        service: the authority; ``url`` is the whole address.
        signature: what is stamped (its SHA-256 is sent).

    Returns:
        The TimeStampResp, DER.

    Raises:
        ServiceError: those of `services.call`; ``service-answer-unreadable`` also for another nonce or imprint.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

    name = f"the timestamp authority {service.url}"
    request = (
        TimestampRequestBuilder()
        .data(signature)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=False)
        .build()
    )
    response = call.post(
        world,
        service.url,
        request.as_bytes(),
        service=name,
        headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
        timeout=_TIMEOUT_SECONDS,
    )
    if len(response.body) > limits.TIMESTAMP_BYTES:
        raise call.unreadable(name, f"it is larger than {limits.TIMESTAMP_BYTES} bytes")
    try:
        stamp = decode_timestamp_response(response.body)
        if stamp.status != 0:
            raise call.unreadable(name, f"its status is {stamp.status}, not granted (0)")
        info = stamp.tst_info
        nonce, imprint = info.nonce, info.message_imprint.message
    except ValueError as error:
        raise call.unreadable(name, f"it is not a time stamp: {str(error)[:200]}") from None
    if nonce != request.nonce:
        raise call.unreadable(name, "its nonce is not the one that was sent")
    if imprint != _sha256(signature):
        raise call.unreadable(name, "it stamps something else")
    return response.body


def _sha256(data: bytes) -> bytes:
    digest = Algorithm.SHA256.new()
    digest.update(data)
    return digest.digest()
