"""A small DER writer and reader (X.690): what the sandbox's certificates and time stamps need."""

from __future__ import annotations

from datetime import datetime

from sigstep.sandbox.exchange import Refused

BOOLEAN, INTEGER, OCTET_STRING, NULL, OID, UTF8_STRING = 0x01, 0x02, 0x04, 0x05, 0x06, 0x0C
SEQUENCE, SET = 0x30, 0x31


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element with a definite, shortest length."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes, tag: int = SET) -> bytes:
    """SET OF, its members sorted as DER asks (X.690, 11.6)."""
    return tlv(tag, *sorted(parts))


def integer(number: int) -> bytes:
    """INTEGER, not negative."""
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(data: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, data)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8_STRING, text.encode())


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = b""
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        body += bytes(reversed(groups))
    return tlv(OID, body)


def generalized_time(time: datetime) -> bytes:
    """GeneralizedTime in whole seconds, UTC."""
    return tlv(0x18, time.strftime("%Y%m%d%H%M%SZ").encode())


def read(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element: its tag, its content, and what follows it.

    Raises:
        Refused: these bytes are not DER.
    """
    if len(data) < 2:
        raise Refused(400, "the request is not DER")
    size, at = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < at + size:
        raise Refused(400, "the request is cut short")
    return data[0], data[at : at + size], data[at + size :]
