"""Sigstore bundles v0.1, v0.2 and v0.3 (protobuf-specs sigstore_bundle.proto) to one `Bundle`, and back."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import (
    Bundle,
    BundleVersion,
    CertificateMaterial,
    Envelope,
    LogEntry,
    MessageSignature,
    PublicKeyMaterial,
)
from sigstep.model.digest import Algorithm, Digest
from sigstep.wire import strict_json
from sigstep.wire.dsse import encode_envelope, parse_envelope
from sigstep.wire.log_entry import encode_log_entry, parse_log_entry
from sigstep.wire.members import Members, missing, wrong_type

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_OLD: Final = "application/vnd.dev.sigstore.bundle+json;version="
PENDING_MEMBER: Final = "sigstepPending"
_VERSIONS: Final = {
    f"{_OLD}0.1": BundleVersion.V0_1,
    f"{_OLD}0.2": BundleVersion.V0_2,
    f"{_OLD}0.3": BundleVersion.V0_3,
    "application/vnd.dev.sigstore.bundle.v0.1+json": BundleVersion.V0_1,
    "application/vnd.dev.sigstore.bundle.v0.2+json": BundleVersion.V0_2,
    MEDIA_TYPE: BundleVersion.V0_3,
}
_DIGESTS: Final = {
    "SHA2_256": Algorithm.SHA256,
    "SHA2_384": Algorithm.SHA384,
    "SHA2_512": Algorithm.SHA512,
    1: Algorithm.SHA256,
    2: Algorithm.SHA384,
    3: Algorithm.SHA512,
}
_DIGEST_NAMES: Final = {Algorithm.SHA256: "SHA2_256", Algorithm.SHA384: "SHA2_384", Algorithm.SHA512: "SHA2_512"}


def parse_bundle(data: bytes) -> Bundle:
    """A bundle from the bytes of its file.

    Raises:
        FormatError: the bytes are not a bundle of a known version; ``bundle-version``, ``bundle-material``,
            ``bundle-content``, ``bundle-chain``, ``bundle-proof-missing``, ``bundle-promise-missing``,
            ``bundle-checkpoint-missing``, or a code of strict JSON.
    """
    return bundle_of(strict_json.loads(data, at_most=limits.BUNDLE_BYTES, name="bundle"))


def bundle_of(value: Any) -> Bundle:
    """A bundle from its parsed JSON.

    Raises:
        FormatError: see `parse_bundle`.
    """
    members = Members(value, "bundle")
    version = _version(members.text("mediaType", ""))
    material = members.need("verificationMaterial")
    bundle = Bundle(
        version=version,
        material=_material(material, version),
        entries=_entries(material, version),
        timestamps=_timestamps(material),
        content=_content(members),
        pending=_pending(members.take(PENDING_MEMBER)),
    )
    material.done()
    members.done()
    return bundle


def _pending(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise wrong_type(f"bundle.{PENDING_MEMBER}", "true or false")
    return value is True


def _version(media_type: str) -> BundleVersion:
    version = _VERSIONS.get(media_type)
    if version is None:
        raise FormatError(
            code="bundle-version",
            what="this is not a bundle of a known version",
            why=f"its media type is {media_type[:120]!r}",
            fix="versions 0.1 to 0.3 are read; update sigstep for newer ones",
        )
    return version


def _material(members: Members, version: BundleVersion) -> CertificateMaterial | PublicKeyMaterial:
    chain = members.object("x509CertificateChain")
    certificate = members.object("certificate")
    key = members.object("publicKey")
    if sum(part is not None for part in (chain, certificate, key)) != 1:
        raise FormatError(
            code="bundle-material",
            what="the bundle names no signer, or several",
            why="it has to have exactly one of certificate, x509CertificateChain and publicKey",
            fix="make the bundle again with its own tool",
        )
    if key is not None:
        hint = key.text("hint", "")
        key.take("rawBytes")  # model signing writes the key itself; a key always comes from the caller
        key.take("keyDetails")
        key.done()
        return PublicKeyMaterial(hint=hint)
    if certificate is not None:
        return CertificateMaterial(leaf=_certificate(certificate))
    assert chain is not None
    return _chain(chain, version)


def _chain(members: Members, version: BundleVersion) -> CertificateMaterial:
    found = members.array("certificates", at_most=limits.CHAIN_CERTIFICATES)
    members.done()
    if version is BundleVersion.V0_3 or not found:
        raise FormatError(
            code="bundle-chain",
            what="the bundle's certificate chain is not acceptable",
            why="it is empty" if not found else "version 0.3 has one certificate and no chain",
            fix="make the bundle again with its own tool",
        )
    parsed = [_certificate(Members(one, f"{members.path}.certificates[{at}]")) for at, one in enumerate(found)]
    return CertificateMaterial(leaf=parsed[0], others=tuple(parsed[1:]))


def _certificate(members: Members) -> bytes:
    data = members.bytes("rawBytes", at_most=limits.CERTIFICATE_BYTES)
    members.done()
    if not data:
        raise missing(f"{members.path}.rawBytes")
    return data


def _entries(members: Members, version: BundleVersion) -> tuple[LogEntry, ...]:
    found = members.array("tlogEntries", at_most=limits.LOG_ENTRIES)
    entries = tuple(parse_log_entry(one, f"bundle.tlogEntries[{at}]") for at, one in enumerate(found))
    for entry in entries:
        _check_entry(entry, version)
    return entries


def _check_entry(entry: LogEntry, version: BundleVersion) -> None:
    if entry.proof is not None and entry.proof.checkpoint is None:
        raise FormatError(
            code="bundle-checkpoint-missing",
            what="the bundle's inclusion proof has no checkpoint",
            why="without the log's signature on the tree the proof proves nothing",
            fix="make the bundle again with a current tool",
        )
    if version is BundleVersion.V0_1 and entry.promise is None:
        raise FormatError(
            code="bundle-promise-missing",
            what="the bundle's log entry has no signed entry timestamp",
            why="version 0.1 requires one",
            fix="upgrade the bundle with `sigstep bundle upgrade`",
        )
    if version is not BundleVersion.V0_1 and entry.proof is None:
        raise FormatError(
            code="bundle-proof-missing",
            what="the bundle's log entry has no inclusion proof",
            why=f"version {version.value} requires one",
            fix="upgrade the bundle with `sigstep bundle upgrade`",
        )


def _timestamps(members: Members) -> tuple[bytes, ...]:
    data = members.object("timestampVerificationData")
    if data is None:
        return ()
    stamps = []
    for at, one in enumerate(data.array("rfc3161Timestamps", at_most=limits.TIMESTAMPS)):
        part = Members(one, f"{data.path}.rfc3161Timestamps[{at}]")
        stamps.append(part.bytes("signedTimestamp", at_most=limits.TIMESTAMP_BYTES))
        part.done()
    data.done()
    return tuple(stamps)


def _content(members: Members) -> MessageSignature | Envelope:
    message = members.object("messageSignature")
    envelope = members.take("dsseEnvelope")
    if (message is None) == (envelope is None):
        raise FormatError(
            code="bundle-content",
            what="the bundle signs nothing, or two things",
            why="it has to have exactly one of messageSignature and dsseEnvelope",
            fix="make the bundle again with its own tool",
        )
    if message is None:
        return parse_envelope(envelope, "bundle.dsseEnvelope")[0]
    digest = message.object("messageDigest")
    content = MessageSignature(
        digest=_digest(digest) if digest else None,
        signature=message.bytes("signature", at_most=limits.SIGNATURE_BYTES),
    )
    message.done()
    return content


def _digest(members: Members) -> Digest:
    name = members.take("algorithm")
    if name is None:
        raise missing(f"{members.path}.algorithm")
    algorithm = _DIGESTS.get(name) if isinstance(name, (str, int)) and not isinstance(name, bool) else None
    if algorithm is None:
        raise FormatError(
            code="digest-algorithm-unsupported",
            what=f"{members.path} has the algorithm {str(name)[:40]!r}",
            why="only SHA2_256, SHA2_384 and SHA2_512 identify an artifact",
            fix="sign again with sha256",
        )
    value = members.bytes("digest", at_most=64)
    members.done()
    return Digest(algorithm=algorithm, value=value)


def encode_bundle(bundle: Bundle) -> bytes:
    """The JSON of a bundle, every member written, one line, without a final newline.

    The version of ``bundle`` has to be 0.3, or 0.1 for an entry that has a promise alone; further certificates of a
    chain are not written.
    """
    media_type = MEDIA_TYPE if bundle.version is BundleVersion.V0_3 else f"{_OLD}{bundle.version.value}"
    document: dict[str, Any] = {"mediaType": media_type, "verificationMaterial": _encode_material(bundle)}
    if bundle.pending:
        document[PENDING_MEMBER] = True
    if isinstance(bundle.content, Envelope):
        document["dsseEnvelope"] = encode_envelope(bundle.content)
    else:
        document["messageSignature"] = _encode_message(bundle.content)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _encode_material(bundle: Bundle) -> dict[str, Any]:
    material: dict[str, Any] = {}
    if isinstance(bundle.material, PublicKeyMaterial):
        material["publicKey"] = {"hint": bundle.material.hint}
    else:
        leaf = {"rawBytes": base64.b64encode(bundle.material.leaf).decode()}
        only = bundle.version is BundleVersion.V0_3
        material |= {"certificate": leaf} if only else {"x509CertificateChain": {"certificates": [leaf]}}
    material["tlogEntries"] = [encode_log_entry(entry) for entry in bundle.entries]
    if bundle.timestamps:
        stamps = [{"signedTimestamp": base64.b64encode(stamp).decode()} for stamp in bundle.timestamps]
        material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    return material


def _encode_message(message: MessageSignature) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if message.digest is not None:
        document["messageDigest"] = {
            "algorithm": _DIGEST_NAMES[message.digest.algorithm],
            "digest": base64.b64encode(message.digest.value).decode(),
        }
    document["signature"] = base64.b64encode(message.signature).decode()
    return document
