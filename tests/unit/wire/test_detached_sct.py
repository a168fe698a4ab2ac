"""A detached SCT, as Fulcio hands it over."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.unit.refusals import code_of

from sigstep.wire.detached_sct import parse_detached_sct

GOOD: dict[str, Any] = {
    "sctVersion": 0,
    "id": base64.b64encode(bytes(32)).decode(),
    "timestamp": 1,
    "extensions": "",
    "signature": base64.b64encode(b"\x04\x03\x00\x02ab").decode(),
}


def encoded(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_taken() -> None:
    """RFC 6962, 3.2: the signature without its header."""
    sct = parse_detached_sct(encoded())
    assert (sct.log_id, sct.timestamp, sct.signature) == (bytes(32), 1, b"ab")


@pytest.mark.parametrize(
    "changes",
    [
        {"sctVersion": 1},
        {"id": base64.b64encode(bytes(31)).decode()},
        {"signature": base64.b64encode(b"\x04\x03\x00\x03ab").decode()},
        {"signature": base64.b64encode(b"\x04").decode()},
    ],
)
def test_refused(changes: dict[str, Any]) -> None:
    """Another version, and lengths that do not fit."""
    assert code_of(lambda: parse_detached_sct(encoded(**changes))) == "sct-malformed"
