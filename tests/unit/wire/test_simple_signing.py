"""Layers of cosign's tags: what they must say, and a code for each way not to."""

from __future__ import annotations

import json

import pytest

from sigstep.errors import FormatError
from sigstep.model.digest import Digest
from sigstep.wire.simple_signing import PAYLOAD_TYPE, check_payload, parse_layer

IMAGE = Digest.of(b"image")


def payload(digest: str = str(IMAGE), kind: str = "cosign container image signature", **more: object) -> bytes:
    """A simple signing payload."""
    critical = {"identity": {"docker-reference": "a"}, "image": {"docker-manifest-digest": digest}, "type": kind}
    return json.dumps({"critical": critical, "optional": None, **more}).encode()


def test_reads() -> None:
    """Only texts of the optional part are annotations."""
    assert check_payload(payload(), IMAGE) == {}
    assert check_payload(payload(optional={"a": "b", "n": 1}), IMAGE) == {"a": "b"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (payload(digest=str(Digest.of(b"other"))), "simple-signing-image"),
        (payload(digest=str(IMAGE).upper()), "simple-signing-image"),
        (payload(kind="atomic container signature"), "simple-signing"),
        (b"{}", "simple-signing"),
        (b"[]", "simple-signing"),
        (b'{"critical":{"image":5}}', "simple-signing"),
        (b"{", "json-malformed"),
    ],
)
def test_refuses(data: bytes, code: str) -> None:
    """A payload of another image, or none at all."""
    with pytest.raises(FormatError) as caught:
        check_payload(data, IMAGE)
    assert caught.value.code == code


def test_another_layer() -> None:
    """Only two media types are read."""
    with pytest.raises(FormatError) as caught:
        parse_layer("text/html", b"", {})
    assert caught.value.code == ("legacy-layer")


def test_no_certificate() -> None:
    """A layer of a managed key has neither certificate nor entry; the key comes from the caller."""
    bundle = parse_layer(PAYLOAD_TYPE, payload(), {"dev.cosignproject.cosign/signature": "AAAA"})
    assert (bundle.entries, bundle.timestamps) == ((), ())
