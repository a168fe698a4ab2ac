"""The sandbox's trusted root, signing config and client trust config (protobuf-specs)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

from sigstep.sandbox import keys
from sigstep.sandbox.authority import CertificateAuthority
from sigstep.sandbox.ct_log import CtLog
from sigstep.sandbox.exchange import b64
from sigstep.sandbox.log_v1 import LogV1
from sigstep.sandbox.log_v2 import LogV2
from sigstep.sandbox.timestamp import TimestampAuthority

OPERATOR: Final = "sandbox.example"
_EARLIER: Final = timedelta(days=1)


def moment(time: datetime) -> str:
    """A time as the protobufs write it."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def trusted_root(
    base_url: str,
    now: datetime,
    *,
    logs: tuple[LogV1 | LogV2, ...],
    ct_logs: tuple[CtLog, ...],
    authority: CertificateAuthority,
    timestamp_authority: TimestampAuthority,
) -> dict[str, Any]:
    """``trusted_root.json``; without logs it has no such members at all, as GitHub's has none."""
    window = {"start": moment(now - _EARLIER)}
    chain = [b64(one) for one in _ders(authority)]
    tsa = [b64(timestamp_authority.leaf.der), b64(timestamp_authority.root.der)]
    document: dict[str, Any] = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
    if logs:
        document["tlogs"] = [_log(log, base_url, window) for log in logs]
    document["certificateAuthorities"] = [
        {
            "subject": {"organization": "sandbox", "commonName": "sandbox-root"},
            "uri": base_url,
            "certChain": {"certificates": [{"rawBytes": one} for one in chain]},
            "validFor": window,
        }
    ]
    if ct_logs:
        document["ctlogs"] = [_log(log, base_url, window) for log in ct_logs]
    document["timestampAuthorities"] = [
        {
            "subject": {"organization": "sandbox", "commonName": "sandbox-tsa"},
            "uri": f"{base_url}/api/v1/timestamp",
            "certChain": {"certificates": [{"rawBytes": one} for one in tsa]},
            "validFor": window,
        }
    ]
    return document


def signing_config(base_url: str, now: datetime, *, log_version: int | None, timestamps: bool = True) -> dict[str, Any]:
    """``signing_config.v0.2.json``: Rekor of one API version, or None for no log."""

    def service(path: str, version: int) -> dict[str, Any]:
        return {
            "url": base_url + path,
            "majorApiVersion": version,
            "validFor": {"start": moment(now - _EARLIER)},
            "operator": OPERATOR,
        }

    return {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service("", 1)],
        "oidcUrls": [service("", 1)],
        "rekorTlogUrls": [] if log_version is None else [service("", log_version)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [service("/api/v1/timestamp", 1)] if timestamps else [],
        "tsaConfig": {"selector": "ANY"},
    }


def client_trust_config(root: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """A trusted root and a signing config in one file."""
    media_type = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    return {"mediaType": media_type, "trustedRoot": root, "signingConfig": config}


def _ders(authority: CertificateAuthority) -> tuple[bytes, bytes]:
    return authority.intermediate.der, authority.root.der


def _log(log: LogV1 | LogV2 | CtLog, base_url: str, window: dict[str, str]) -> dict[str, Any]:
    public = log.key.public_key()
    return {
        "baseUrl": base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": b64(keys.spki(public)), "keyDetails": keys.key_details(public), "validFor": window},
        "logId": {"keyId": b64(log.log_id)},
    }
