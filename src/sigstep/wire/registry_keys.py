"""Keys with which an npm registry signs, as its TUF target ``keys.json`` lists them."""

from __future__ import annotations

from typing import Any

from sigstep.model import limits
from sigstep.model.trust import TrustedKey, Validity
from sigstep.wire import strict_json
from sigstep.wire.members import as_mapping, decode_base64, parse_time, wrong_type


def parse_registry_keys(data: bytes) -> tuple[TrustedKey, ...]:
    """Every key with its window and the id under which signatures name it.

    Raises:
        FormatError: it is no list of keys.
    """
    whole = as_mapping(strict_json.loads(data, at_most=limits.TRUSTED_ROOT_BYTES, name="registry keys"), "keys")
    listed = whole.get("keys")
    if not isinstance(listed, list):
        raise wrong_type("keys", "an array")
    return tuple(_key(one, f"keys[{at}]") for at, one in enumerate(listed))


def _key(value: Any, path: str) -> TrustedKey:
    entry = as_mapping(value, path)
    public = as_mapping(entry.get("publicKey"), f"{path}.publicKey")
    window = as_mapping(public.get("validFor"), f"{path}.validFor")
    end = window.get("end")
    return TrustedKey(
        key=decode_base64(public.get("rawBytes"), f"{path}.rawBytes", at_most=limits.CERTIFICATE_BYTES),
        validity=Validity(
            start=parse_time(window.get("start"), f"{path}.start"),
            end=parse_time(end, f"{path}.end") if end is not None else None,
        ),
        hint=str(entry.get("keyId", "")),
        usage=str(entry.get("keyUsage", "")),
    )
