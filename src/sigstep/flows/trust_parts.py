"""Trust files of an instance of one's own, made from its parts: trusted root, signing config, and both in one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from sigstep.errors import FormatError, SigstepError, UsageError
from sigstep.model import limits
from sigstep.model.services import Choice, Service, SigningConfig
from sigstep.model.trust import Authority, Log, Thresholds, TrustedRoot, TrustMaterial, Validity
from sigstep.proofs.keys import load_pem_key
from sigstep.proofs.prepared import prepare
from sigstep.signing.keys import registry_name
from sigstep.wire import signing_config
from sigstep.wire.trusted_root import encode_trusted_root, parse_trusted_root

NAMES: Final = ("trusted_root.json", "signing_config.v0.2.json", "client_trust_config.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One service of an instance.

    Attributes:
        kind: ``fulcio``, ``ctfe``, ``rekor``, ``tsa`` or ``oidc``.
        url: its address; of a timestamp authority the whole of it.
        validity: when its key or chain counts, and when it may be used.
        file: its certificate chain (``fulcio``, ``tsa``: PEM, issuing certificate or leaf first) or its public key
            (``ctfe``, ``rekor``: PEM); None for ``oidc``.
        origin: of a Rekor v2 log's checkpoints; its host name by default.
        version: of its interface.
        operator: who runs it; of several services of one operator a signer uses one.
    """

    kind: str
    url: str
    validity: Validity
    file: Path | None = None
    origin: str = ""
    version: int = 1
    operator: str = ""


def create(parts: Sequence[Part], log_choice: Choice, timestamp_choice: Choice) -> Mapping[str, bytes]:
    """The three files of an instance, by name (protobuf-specs: TrustedRoot, SigningConfig v0.2, ClientTrustConfig).

    Raises:
        UsageError: ``trust-part-unusable``: a file is not what it should be, or its chain or key would not be taken.
    """
    root = TrustedRoot(
        name="created",
        logs=tuple(_log(one) for one in parts if one.kind == "rekor"),
        ct_logs=tuple(_log(one) for one in parts if one.kind == "ctfe"),
        certificate_authorities=tuple(_authority(one) for one in parts if one.kind == "fulcio"),
        timestamp_authorities=tuple(_authority(one) for one in parts if one.kind == "tsa"),
        thresholds=Thresholds(),
    )
    _check(root)
    services = {kind: tuple(_service(one) for one in parts if one.kind == kind) for kind in _KINDS}
    config = SigningConfig(
        certificate_authorities=services["fulcio"],
        issuers=services["oidc"],
        logs=services["rekor"],
        log_choice=log_choice,
        timestamp_authorities=services["tsa"],
        timestamp_choice=timestamp_choice,
    )
    encoded = (encode_trusted_root(root), signing_config.encode(config))
    try:
        parse_trusted_root(encoded[0], name="created")
        signing_config.parse(encoded[1])
    except FormatError as error:
        raise UsageError(
            code="trust-part-unusable",
            what="the parts do not make a trusted root and a signing config",
            why=error.why or error.what,
            fix="give http(s) addresses and times, as `sigstep trust create --help` shows",
        ) from None
    both = {
        "mediaType": signing_config.TRUST_CONFIG_MEDIA_TYPE,
        "trustedRoot": json.loads(encoded[0]),
        "signingConfig": json.loads(encoded[1]),
    }
    return MappingProxyType(dict(zip(NAMES, (*encoded, json.dumps(both, indent=2).encode() + b"\n"), strict=True)))


_KINDS: Final = ("fulcio", "oidc", "rekor", "tsa")


def _service(part: Part) -> Service:
    return Service(
        url=part.url.rstrip("/"), major_api_version=part.version, validity=part.validity, operator=part.operator
    )


def _log(part: Part) -> Log:
    pem = _read(part)
    try:
        key = load_pem_key(pem)
    except SigstepError as error:
        raise _unusable(part, error.what) from None
    origin = part.origin or urlsplit(part.url).hostname or ""
    log_id = hashlib.sha256(key.spki).digest()
    if part.version > 1 and isinstance(key.key, ed25519.Ed25519PublicKey):
        raw = key.key.public_bytes_raw()
        log_id = hashlib.sha256(origin.encode() + b"\n\x01" + raw).digest()  # C2SP signed-note
    scheme = urlsplit(part.url).scheme
    base = f"{scheme}://{origin}" if part.version > 1 and origin != urlsplit(part.url).hostname else part.url
    details, _ = registry_name(key)
    return Log(
        base_url=base.rstrip("/"),
        key=key.spki,
        key_details=details,
        validity=part.validity,
        log_id=log_id,
        operator=part.operator,
    )


def _authority(part: Part) -> Authority:
    try:
        chain = x509.load_pem_x509_certificates(_read(part))
    except ValueError:
        raise _unusable(part, "it holds no PEM certificates") from None
    if not 1 <= len(chain) <= limits.CHAIN_CERTIFICATES:
        raise _unusable(part, f"it holds {len(chain)} certificates")
    subject = chain[-1].subject

    def named(oid: x509.ObjectIdentifier) -> str:
        found = subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else ""

    return Authority(
        uri=part.url.rstrip("/"),
        certificates=tuple(one.public_bytes(serialization.Encoding.DER) for one in chain),
        validity=part.validity,
        organization=named(x509.NameOID.ORGANIZATION_NAME),
        common_name=named(x509.NameOID.COMMON_NAME),
        operator=part.operator,
    )


def _check(root: TrustedRoot) -> None:
    """A verifier looks over what it cannot use; whoever makes a root is told."""
    prepared = prepare(TrustMaterial(roots=(root,))).roots[0]
    chains = (*prepared.certificate_authorities, *prepared.timestamp_authorities)
    usable = {id(one.authority) for one in chains if len(one.certificates) == len(one.authority.certificates)}
    for authority in (*root.certificate_authorities, *root.timestamp_authorities):
        if id(authority) not in usable:
            raise UsageError(
                code="trust-part-unusable",
                what=f"the chain of {authority.uri} would be looked over by every verifier",
                why="it is no chain of a certificate or timestamp authority, issuing certificate first and root last",
                fix="give the whole chain in that order",
            )


def _read(part: Part) -> bytes:
    if part.file is None:
        raise _unusable(part, "no file is given")
    try:
        with part.file.open("rb") as file:
            data = file.read(limits.TRUSTED_ROOT_BYTES)
    except OSError as error:
        raise _unusable(part, f"{part.file}: {error.strerror or type(error).__name__}") from None
    return data


def _unusable(part: Part, why: str) -> UsageError:
    return UsageError(
        code="trust-part-unusable",
        what=f"{part.kind} {part.url} cannot become a part of a trusted root",
        why=why,
        fix="give certificate-chain=FILE for fulcio and tsa, public-key=FILE for rekor and ctfe, each PEM",
    )
