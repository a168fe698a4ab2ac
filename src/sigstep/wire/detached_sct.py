"""A detached SCT in Fulcio's answer: base64 of the JSON that RFC 6962 section 4.1 gives for ``add-chain``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.wire import strict_json
from sigstep.wire.members import Members

_BYTES: Final = 16 * 1024
_SIGNATURE_HEADER: Final = 4  # hash, signature algorithm, and the length in two bytes (RFC 5246, 4.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedSct:
    """``log_id`` has 32 bytes; ``timestamp`` is in milliseconds since the epoch; ``signature`` is bare."""

    log_id: bytes
    timestamp: int
    extensions: bytes
    signature: bytes


def parse_detached_sct(data: bytes) -> DetachedSct:
    """Read a detached SCT.

    Raises:
        FormatError: ``sct-malformed``, and the codes of strict JSON and its members.
    """
    members = Members(strict_json.loads(data, at_most=_BYTES, name="detached SCT"), "sct")
    version, time = members.integer("sctVersion", 0), members.integer("timestamp")
    log_id = members.bytes("id", at_most=64)
    extensions = members.bytes("extensions", at_most=limits.SIGNATURE_BYTES, default=b"")
    signed = members.bytes("signature", at_most=limits.SIGNATURE_BYTES)
    members.done()
    if version != 0:
        raise _malformed("its version is not the one of RFC 6962")
    if len(log_id) != 32 or len(signed) != _SIGNATURE_HEADER + int.from_bytes(signed[2:_SIGNATURE_HEADER], "big"):
        raise _malformed("its log id or signature has the wrong length")
    return DetachedSct(log_id=log_id, timestamp=time, extensions=extensions, signature=signed[_SIGNATURE_HEADER:])


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="sct-malformed", what="this is not a detached SCT", why=why, fix="tell the operator of the authority"
    )
