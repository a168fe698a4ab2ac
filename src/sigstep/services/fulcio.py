"""Fulcio v2: a certificate for a key and an OIDC token (fulcio.proto, CreateSigningCertificate)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sigstep.errors import ServiceError, TokenError
from sigstep.model import limits
from sigstep.model.services import Service
from sigstep.model.token import IdentityToken
from sigstep.ports.world import World
from sigstep.services import call

_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What Fulcio gave: certificates (DER) leaf first, and a detached SCT (its JSON) where there is one."""

    certificates: tuple[bytes, ...]
    detached_sct: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """A public key (PEM) with a proof of possession: the signature over the token's subject or e-mail address."""

    algorithm: str
    public_key_pem: str
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrRequest:
    """A certificate signing request (PKCS#10, PEM), which proves possession by its own signature."""

    pem: bytes


def request_certificate(
    service: Service, request: KeyRequest | CsrRequest, token: IdentityToken, world: World
) -> Issued:
    """Ask for a certificate, once.

    Args:
        service: the authority; ``url`` is its base.
        request: the key and the proof that we have it.
        token: goes into the request's body and nowhere else.

    Raises:
        TokenError: ``token-refused``: the authority does not take the token.
        ServiceError: those of `services.call`.
    """
    name = f"the certificate authority {service.url}"
    body: dict[str, Any] = {"credentials": {"oidcIdentityToken": token.raw}}
    if isinstance(request, CsrRequest):
        body["certificateSigningRequest"] = base64.b64encode(request.pem).decode()
    else:
        body["publicKeyRequest"] = {
            "publicKey": {"algorithm": request.algorithm, "content": request.public_key_pem},
            "proofOfPossession": base64.b64encode(request.proof).decode(),
        }
    try:
        response = call.post(
            world,
            f"{service.url}/api/v2/signingCert",
            json.dumps(body).encode(),
            service=name,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            timeout=_TIMEOUT_SECONDS,
        )
    except ServiceError as error:
        if error.code != "service-refused":
            raise
        raise TokenError(
            code="token-refused",
            what=f"{name} refused the request with status {error.status}",
            why=_without(error.why, token),
            fix="the token must be fresh and made for the audience sigstore, by an issuer that this authority knows",
        ) from None
    return _issued(call.json_object(response, name), name)


def _issued(answer: dict[str, Any], name: str) -> Issued:
    kinds = [kind for kind in ("signedCertificateEmbeddedSct", "signedCertificateDetachedSct") if answer.get(kind)]
    if len(kinds) != 1 or not isinstance(answer[kinds[0]], dict):
        raise call.unreadable(name, "it holds no certificate")
    signed = answer[kinds[0]]
    chain = signed.get("chain")
    texts = chain.get("certificates") if isinstance(chain, dict) else None
    if not isinstance(texts, list) or not 1 <= len(texts) <= limits.CHAIN_CERTIFICATES:
        raise call.unreadable(name, "it holds no chain of certificates")
    return Issued(
        certificates=tuple(_certificate(text, name) for text in texts),
        detached_sct=_sct(signed.get("signedCertificateTimestamp"), name),
    )


def _certificate(text: Any, name: str) -> bytes:
    if not isinstance(text, str) or len(text) > limits.CERTIFICATE_BYTES:
        raise call.unreadable(name, "a certificate of its chain is not PEM")
    try:
        return x509.load_pem_x509_certificate(text.encode("ascii")).public_bytes(Encoding.DER)
    except ValueError:
        raise call.unreadable(name, "a certificate of its chain is not PEM") from None


def _sct(value: Any, name: str) -> bytes | None:
    if value is None or value == "":
        return None
    try:
        return base64.b64decode(str(value).encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise call.unreadable(name, "its signedCertificateTimestamp is not base64") from None


def _without(text: str, token: IdentityToken) -> str:
    """A server may echo what it was sent."""
    return text.replace(token.raw, "[token]") if token.raw else text
