"""Signing configs and client trust configs (protobuf-specs, SigningConfig v0.2 and ClientTrustConfig v0.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final, NoReturn

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.services import Choice, Selector, Service, SigningConfig
from sigstep.model.trust import Validity
from sigstep.wire import strict_json

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
TRUST_CONFIG_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?Z")
_MEMBERS: Final = frozenset(
    {"mediaType", "caUrls", "oidcUrls", "rekorTlogUrls", "rekorTlogConfig", "tsaUrls", "tsaConfig"}
)
_COUNT_AT_MOST: Final = 32  # as many entries as a bundle may have


def parse(data: bytes) -> SigningConfig:
    """Read a signing config.

    Args:
        data: the JSON document.

    Raises:
        FormatError: ``signing-config-malformed`` and the codes of `strict_json`.
    """
    return from_json(strict_json.loads(data, at_most=limits.SIGNING_CONFIG_BYTES, name="signing config"))


def from_json(value: Any) -> SigningConfig:
    """Read a signing config from its JSON value.

    Raises:
        FormatError: ``signing-config-malformed``.
    """
    members = _object(value, "the document")
    if members.get("mediaType") != MEDIA_TYPE:
        _refuse(f"mediaType is {str(members.get('mediaType'))[:80]!r}; {MEDIA_TYPE} is read")
    unknown = set(members) - _MEMBERS
    if unknown:
        _refuse(f"the member {min(unknown)[:80]!r} is unknown")
    for urls, choice in (("rekorTlogUrls", "rekorTlogConfig"), ("tsaUrls", "tsaConfig")):
        if members.get(urls) and not members.get(choice):
            _refuse(f"it has {urls} but no {choice}")
    return SigningConfig(
        certificate_authorities=_services(members.get("caUrls"), "caUrls"),
        issuers=_services(members.get("oidcUrls"), "oidcUrls"),
        logs=_services(members.get("rekorTlogUrls"), "rekorTlogUrls"),
        log_choice=_choice(members.get("rekorTlogConfig"), "rekorTlogConfig"),
        timestamp_authorities=_services(members.get("tsaUrls"), "tsaUrls"),
        timestamp_choice=_choice(members.get("tsaConfig"), "tsaConfig"),
    )


def split_trust_config(data: bytes) -> tuple[bytes, SigningConfig]:
    """Read a client trust config: the bytes of its trusted root, and its signing config.

    Raises:
        FormatError: ``signing-config-malformed`` and the codes of `strict_json`.
    """
    at_most = limits.TRUSTED_ROOT_BYTES + limits.SIGNING_CONFIG_BYTES
    members = _object(strict_json.loads(data, at_most=at_most, name="client trust config"), "the document")
    if members.get("mediaType") != TRUST_CONFIG_MEDIA_TYPE:
        _refuse(f"mediaType is {str(members.get('mediaType'))[:80]!r}; {TRUST_CONFIG_MEDIA_TYPE} is read")
    root = _object(members.get("trustedRoot"), "trustedRoot")
    return json.dumps(root).encode(), from_json(members.get("signingConfig"))


def encode(config: SigningConfig) -> bytes:
    """The JSON document of a signing config."""
    document = {
        "mediaType": MEDIA_TYPE,
        "caUrls": [_service_json(one) for one in config.certificate_authorities],
        "oidcUrls": [_service_json(one) for one in config.issuers],
        "rekorTlogUrls": [_service_json(one) for one in config.logs],
        "rekorTlogConfig": _choice_json(config.log_choice),
        "tsaUrls": [_service_json(one) for one in config.timestamp_authorities],
        "tsaConfig": _choice_json(config.timestamp_choice),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _services(value: Any, where: str) -> tuple[Service, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > limits.AUTHORITIES:
        _refuse(f"{where} is not a list of at most {limits.AUTHORITIES} services")
    return tuple(_service(one, where) for one in value)


def _service(value: Any, where: str) -> Service:
    members = _object(value, f"a member of {where}")
    url = members.get("url")
    if not isinstance(url, str) or not re.fullmatch(r"https?://[!-~]{1,2000}", url):
        _refuse(f"a url of {where} is not an http(s) address")
    version = members.get("majorApiVersion")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        _refuse(f"majorApiVersion of {url} is not a number")
    window = _object(members.get("validFor"), f"validFor of {url}")
    start = _time(window.get("start"), url)
    if start is None:
        _refuse(f"validFor of {url} has no start")
    operator = members.get("operator", "")
    if not isinstance(operator, str):
        _refuse(f"operator of {url} is not a text")
    return Service(
        url=url.rstrip("/"),
        major_api_version=version,
        validity=Validity(start=start, end=_time(window.get("end"), url)),
        operator=operator,
    )


def _choice(value: Any, where: str) -> Choice:
    if value is None:
        return Choice()
    members = _object(value, where)
    try:
        selector = Selector(members.get("selector"))
    except ValueError:
        _refuse(f"{where} has the selector {str(members.get('selector'))[:40]!r}; ANY, ALL and EXACT are known")
    count = members.get("count", 0)
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _COUNT_AT_MOST:
        _refuse(f"count of {where} is not a number from 0 to {_COUNT_AT_MOST}")
    if selector is Selector.EXACT and count == 0:
        _refuse(f"{where} asks for exactly 0 services")
    return Choice(selector=selector, count=count)


def _time(value: Any, where: str) -> datetime | None:
    if value is None:
        return None
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        _refuse(f"a time of {where} is not written as 2026-01-31T12:00:00Z")
    try:
        whole = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        _refuse(f"a time of {where} does not exist")
    micros = int(((match[2] or ".0")[1:] + "000000")[:6])
    return whole.replace(microsecond=micros)


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"{where} is not an object")
    return value


def _service_json(service: Service) -> dict[str, Any]:
    window = {"start": _text(service.validity.start)}
    if service.validity.end is not None:
        window["end"] = _text(service.validity.end)
    return {
        "url": service.url,
        "majorApiVersion": service.major_api_version,
        "validFor": window,
        "operator": service.operator,
    }


def _choice_json(choice: Choice) -> dict[str, Any]:
    if choice.selector is Selector.EXACT:
        return {"selector": choice.selector.value, "count": choice.count}
    return {"selector": choice.selector.value}


def _text(time: datetime | None) -> str:
    return "" if time is None else time.isoformat().replace("+00:00", "Z")


def _refuse(why: str) -> NoReturn:
    raise FormatError(
        code="signing-config-malformed",
        what="this is not a signing config",
        why=why,
        fix="take it from the instance's TUF repository",
    )
