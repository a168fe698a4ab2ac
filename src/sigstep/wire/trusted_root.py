"""``trusted_root.json`` (protobuf-specs sigstore_trustroot.proto, TrustedRoot v0.1 and v0.2)."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.trust import Authority, Log, Thresholds, TrustedRoot, Validity
from sigstep.wire import strict_json
from sigstep.wire.members import Members, decode_base64

_MEDIA_TYPES: Final = frozenset(
    {
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    }
)


def parse_trusted_roots(data: bytes, *, name: str) -> tuple[TrustedRoot, ...]:
    """One trusted root, or several as JSON Lines; the last line may lack its newline.

    Args:
        data: the bytes of the file.
        name: the name of the root, for reports; several get ``name#1``, ``name#2`` …

    Raises:
        FormatError: ``trusted-root-malformed``, or a code of strict JSON.
    """
    lines = [line for line in map(bytes.strip, data.splitlines()) if line]
    one_each = len(lines) > 1 and all(line.startswith(b"{") and line.endswith(b"}") for line in lines)
    if not one_each:
        return (parse_trusted_root(data, name=name),)
    if len(lines) > limits.TRUST_ROOTS:
        raise _malformed(f"it has {len(lines)} lines; at most {limits.TRUST_ROOTS} are read")
    return tuple(parse_trusted_root(line, name=f"{name}#{at}") for at, line in enumerate(lines, start=1))


def parse_trusted_root(data: bytes, *, name: str, thresholds: Thresholds | None = None) -> TrustedRoot:
    """One trusted root.

    Args:
        data: its JSON.
        name: its name, for reports.
        thresholds: those of its profile; without them a root that lists no logs at all asks for one signed time,
            and any other for one entry, one time and one SCT.

    Raises:
        FormatError: ``trusted-root-malformed``, or a code of strict JSON.
    """
    return trusted_root_of(
        strict_json.loads(data, at_most=limits.TRUSTED_ROOT_BYTES, name="trusted root"),
        name=name,
        thresholds=thresholds,
    )


def trusted_root_of(value: Any, *, name: str, thresholds: Thresholds | None = None) -> TrustedRoot:
    """One trusted root from its parsed JSON; see `parse_trusted_root`.

    Raises:
        FormatError: see `parse_trusted_root`.
    """
    members = Members(value, "trustedRoot")
    media_type = members.text("mediaType", "")
    if media_type not in _MEDIA_TYPES:
        raise _malformed(f"its media type is {media_type[:120]!r}")
    logs, ct_logs, cas, tsas = (
        members.array(kind, at_most=limits.AUTHORITIES)
        for kind in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
    )
    members.done()
    signed_time_only = Thresholds(entries=0, times=1, signed_times=1, scts=0)
    return TrustedRoot(
        name=name,
        logs=tuple(_log(one, f"tlogs[{at}]") for at, one in enumerate(logs)),
        ct_logs=tuple(_log(one, f"ctlogs[{at}]") for at, one in enumerate(ct_logs)),
        certificate_authorities=tuple(_authority(one, f"certificateAuthorities[{at}]") for at, one in enumerate(cas)),
        timestamp_authorities=tuple(_authority(one, f"timestampAuthorities[{at}]") for at, one in enumerate(tsas)),
        thresholds=thresholds or (Thresholds() if logs or ct_logs else signed_time_only),
    )


def encode_trusted_root(root: TrustedRoot) -> bytes:
    """The JSON document of a trusted root, version 0.1; kinds of which there is none are left out."""
    document: dict[str, Any] = {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log_json(one) for one in root.logs],
        "certificateAuthorities": [_authority_json(one) for one in root.certificate_authorities],
        "ctlogs": [_log_json(one) for one in root.ct_logs],
        "timestampAuthorities": [_authority_json(one) for one in root.timestamp_authorities],
    }
    return json.dumps({name: part for name, part in document.items() if part}, indent=2).encode() + b"\n"


def _log_json(log: Log) -> dict[str, Any]:
    return {
        "baseUrl": log.base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64.b64encode(log.key).decode(),
            "keyDetails": log.key_details,
            "validFor": _validity_json(log.validity),
        },
        "logId": {"keyId": base64.b64encode(log.log_id).decode()},
        **({"operator": log.operator} if log.operator else {}),
    }


def _authority_json(authority: Authority) -> dict[str, Any]:
    certificates = [{"rawBytes": base64.b64encode(one).decode()} for one in authority.certificates]
    return {
        "subject": {"organization": authority.organization, "commonName": authority.common_name},
        "uri": authority.uri,
        "certChain": {"certificates": certificates},
        "validFor": _validity_json(authority.validity),
        **({"operator": authority.operator} if authority.operator else {}),
    }


def _validity_json(validity: Validity) -> dict[str, str]:
    times = {"start": validity.start, "end": validity.end}
    return {name: time.isoformat().replace("+00:00", "Z") for name, time in times.items() if time is not None}


def _log(value: Any, path: str) -> Log:
    members = Members(value, path)
    key = members.need("publicKey")
    log_id = members.need("logId")
    short_id = members.object("checkpointKeyId")
    details = key.take("keyDetails")
    log = Log(
        base_url=members.text("baseUrl", ""),
        key=key.bytes("rawBytes", at_most=limits.CERTIFICATE_BYTES),
        key_details=str(details or ""),
        validity=_validity(key.object("validFor")),
        log_id=log_id.bytes("keyId", at_most=64),
        checkpoint_key_id=short_id.bytes("keyId", at_most=64) if short_id else None,
        operator=members.text("operator", ""),
    )
    members.take("hashAlgorithm")
    for part in (key, log_id, short_id, members):
        if part is not None:
            part.done()
    return log


def _authority(value: Any, path: str) -> Authority:
    members = Members(value, path)
    subject = members.object("subject")
    chain = members.need("certChain")
    certificates = []
    for at, one in enumerate(chain.array("certificates", at_most=limits.CHAIN_CERTIFICATES)):
        part = Members(one, f"{path}.certChain.certificates[{at}]")
        raw = decode_base64(part.take("rawBytes"), f"{part.path}.rawBytes", at_most=limits.CERTIFICATE_BYTES)
        part.done()
        certificates.append(raw)
    if not certificates:
        raise _malformed(f"{path} has no certificate")
    authority = Authority(
        uri=members.text("uri", ""),
        certificates=tuple(certificates),
        validity=_validity(members.object("validFor")),
        organization=subject.text("organization", "") if subject else "",
        common_name=subject.text("commonName", "") if subject else "",
        operator=members.text("operator", ""),
    )
    for part2 in (subject, chain, members):
        if part2 is not None:
            part2.done()
    return authority


def _validity(members: Members | None) -> Validity:
    if members is None:
        return Validity(start=None)
    validity = Validity(start=members.time("start"), end=members.time("end"))
    members.done()
    return validity


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="trusted-root-malformed",
        what="this is not a trusted root",
        why=why,
        fix="take trusted_root.json from the instance's TUF repository: `sigstep trust export`",
    )
