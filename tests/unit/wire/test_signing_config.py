"""Signing configs: read strictly, written again, and selected from in sigstore-go's order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.worlds import NOW

from sigstep.errors import FormatError, TrustError
from sigstep.model.services import SigningConfig
from sigstep.services.selection import select
from sigstep.wire import signing_config


def service(url: str, version: int = 1, start: str = "2025-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    end = more.pop("end", None)
    window = {"start": start} | ({"end": end} if end else {})
    return {"url": url, "majorApiVersion": version, "validFor": window, "operator": "one.example", **more}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "mediaType": signing_config.MEDIA_TYPE,
        "caUrls": [service("https://ca.example/")],
        "oidcUrls": [],
        "rekorTlogUrls": [service("https://log.example")],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [service("https://tsa.example/api/v1/timestamp")],
        "tsaConfig": {"selector": "ANY"},
        **changes,
    }


def read(**changes: Any) -> SigningConfig:
    return signing_config.parse(json.dumps(document(**changes)).encode())


def test_a_config_survives_writing_and_reading() -> None:
    """protobuf-specs SigningConfig v0.2."""
    config = read(
        rekorTlogConfig={"selector": "EXACT", "count": 1},
        tsaUrls=[service("https://t.example", end="2027-01-01T00:00:00.5Z")],
    )
    assert signing_config.parse(signing_config.encode(config)) == config
    assert config.certificate_authorities[0].url == "https://ca.example"


@pytest.mark.parametrize(
    "change",
    [
        {"mediaType": "application/json"},
        {"more": 1},
        {"caUrls": {}},
        {"caUrls": [1]},
        {"caUrls": [service("ftp://ca.example")]},
        {"caUrls": [service("https://ca.example", version=True)]},
        {"caUrls": [{"url": "https://ca.example", "majorApiVersion": 1, "validFor": {}}]},
        {"caUrls": [service("https://ca.example", start="yesterday")]},
        {"caUrls": [service("https://ca.example", start="2025-02-31T00:00:00Z")]},
        {"caUrls": [service("https://ca.example", operator=1)]},
        {"rekorTlogConfig": {"selector": "SERVICE_SELECTOR_UNDEFINED"}},
        {"rekorTlogConfig": {"selector": "EXACT"}},
        {"rekorTlogConfig": {"selector": "EXACT", "count": 99}},
        {"rekorTlogConfig": None},
    ],
)
def test_what_is_not_a_config_is_refused(change: dict[str, Any]) -> None:
    """One change from the accepted document each."""
    with pytest.raises(FormatError) as caught:
        read(**change)
    assert caught.value.code == "signing-config-malformed"


def test_a_client_trust_config_gives_its_two_parts() -> None:
    """protobuf-specs ClientTrustConfig v0.1."""
    whole = {"mediaType": signing_config.TRUST_CONFIG_MEDIA_TYPE, "trustedRoot": {"a": 1}, "signingConfig": document()}
    root, config = signing_config.split_trust_config(json.dumps(whole).encode())
    assert json.loads(root) == {"a": 1}
    assert config == read()


def test_another_document_is_no_client_trust_config() -> None:
    """The media type decides."""
    with pytest.raises(FormatError) as caught:
        signing_config.split_trust_config(json.dumps(document()).encode())
    assert caught.value.code == "signing-config-malformed"


def test_the_highest_version_and_the_newest_of_each_operator_are_taken() -> None:
    """sigstore-go: versions are never mixed; one per operator; newest first."""
    logs = [
        service("https://v1.example"),
        service("https://old.example", 2, "2025-01-01T00:00:00Z"),
        service("https://new.example", 2, "2026-01-01T00:00:00Z"),
        service("https://future.example", 2, "2027-01-01T00:00:00Z"),
        service("https://ended.example", 2, "2026-03-01T00:00:00Z", end="2026-04-01T00:00:00Z"),
        service("https://other.example", 2, "2025-06-01T00:00:00Z", operator="two.example"),
        service("https://v3.example", 3, "2026-05-01T00:00:00Z"),
    ]
    selected = select(read(rekorTlogUrls=logs, rekorTlogConfig={"selector": "ALL"}), NOW)
    assert [one.url for one in selected.logs.candidates] == ["https://new.example", "https://other.example"]
    assert selected.logs.needed == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"caUrls": []}, "no-service"),
        ({"rekorTlogUrls": [service("https://l.example", 7)]}, "no-service"),
        ({"tsaConfig": {"selector": "EXACT", "count": 2}}, "too-few-services"),
        ({"rekorTlogUrls": [service("https://l.example", 2)], "tsaUrls": []}, "no-timestamp-authority"),
        ({"rekorTlogUrls": [], "tsaUrls": []}, "no-service"),
    ],
)
def test_a_config_that_lacks_a_service_cannot_be_used(change: dict[str, Any], code: str) -> None:
    """Nothing is signed that could not be verified later."""
    with pytest.raises(TrustError) as caught:
        select(read(**change), NOW)
    assert caught.value.code == code
