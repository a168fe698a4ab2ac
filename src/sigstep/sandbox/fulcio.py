"""Fulcio v2 (fulcio.proto): checks the token and the proof of possession, then certifies the key."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sigstep.ports.world import Clock
from sigstep.sandbox import claims as claims_
from sigstep.sandbox import keys, other_ci
from sigstep.sandbox.authority import CertificateAuthority, Leaf
from sigstep.sandbox.ct_log import CtLog
from sigstep.sandbox.exchange import Refused, Reply, Request, b64, json_reply, member, unb64
from sigstep.sandbox.issuer import AUDIENCE, Issuer

_PEM: Final = serialization.Encoding.PEM


class Fulcio:
    """The handler; without CT logs it answers in the detached form without an SCT, as GitHub's instance does.

    ``detached`` gives the first CT log's SCT beside the certificate instead of inside it.
    """

    def __init__(
        self, authority: CertificateAuthority, issuer: Issuer, ct_logs: tuple[CtLog, ...], clock: Clock
    ) -> None:
        self._authority = authority
        self._issuer = issuer
        self.ct_logs = ct_logs
        self.detached = False
        self._clock = clock

    def handle(self, request: Request) -> Reply:
        """``signingCert``, ``trustBundle`` and ``configuration``.

        Raises:
            Refused: the request does not hold.
        """
        if request.path == "/api/v2/trustBundle":
            return json_reply({"chains": [{"certificates": [_pem(one) for one in self._authority.chain]}]})
        if request.path == "/api/v2/configuration":
            names = ((claims_.GITHUB_ISSUER, "sub"), (claims_.EMAIL_ISSUER, "email"))
            return json_reply(
                {
                    "issuers": [
                        {"issuerUrl": name, "audience": AUDIENCE, "challengeClaim": claim} for name, claim in names
                    ]
                }
            )
        if request.method != "POST":
            raise Refused(405, "a certificate is asked for by POST")
        return self._certify(request)

    def _certify(self, request: Request) -> Reply:
        body = request.json()
        claims = self._issuer.check(_token(body, request))
        name, principal, extensions = _identity(claims)
        key = _proven_key(body, principal)
        leaf = Leaf(key=key, name=name, extensions=extensions, not_before=self._clock.now().replace(microsecond=0))
        wrong = self._authority.wrong if request.spoiled else None
        embedded = () if self.detached else self.ct_logs
        certificate = self._authority.issue(leaf, [log.sct for log in embedded], key=wrong)
        answer: dict[str, Any] = {
            "chain": {"certificates": [_pem(certificate), *(_pem(one) for one in self._authority.chain)]}
        }
        if self.detached:
            der = certificate.public_bytes(serialization.Encoding.DER)
            answer["signedCertificateTimestamp"] = b64(self.ct_logs[0].detached_sct(der))
        kind = "signedCertificateEmbeddedSct" if embedded else "signedCertificateDetachedSct"
        return json_reply({kind: answer})


def _token(body: dict[str, Any], request: Request) -> str:
    credentials = body.get("credentials")
    if isinstance(credentials, dict) and isinstance(credentials.get("oidcIdentityToken"), str):
        return str(credentials["oidcIdentityToken"])
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(400, "the request has no identity token")
    return token


def _identity(claims: dict[str, Any]) -> tuple[x509.GeneralName, str, tuple[tuple[str, bytes], ...]]:
    """Name, principal of the proof of possession, and extensions."""
    if claims["iss"] == claims_.EMAIL_ISSUER:
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise Refused(400, "the token has no verified e-mail address")
        return x509.RFC822Name(email), email, claims_.email_extensions(claims["iss"])
    if claims["iss"] in other_ci.CLAIMS:
        uri, extensions = other_ci.certified(claims)
        return x509.UniformResourceIdentifier(uri), claims["sub"], extensions
    extensions = claims_.github_extensions(claims)
    return (
        x509.UniformResourceIdentifier(f"{claims_.SERVER}/{claims['job_workflow_ref']}"),
        claims["sub"],
        extensions,
    )


def _proven_key(body: dict[str, Any], principal: str) -> keys.PublicKey:
    if "certificateSigningRequest" in body:
        return _requested_key(body["certificateSigningRequest"])
    content = str(member(body, "publicKeyRequest", "publicKey", "content"))
    try:
        key = keys.allowed(serialization.load_pem_public_key(content.encode()))
    except ValueError:
        raise Refused(400, "the public key is not PEM") from None
    proof = unb64(member(body, "publicKeyRequest", "proofOfPossession"), "proofOfPossession")
    keys.check(key, proof, principal.encode())
    return key


def _requested_key(value: Any) -> keys.PublicKey:
    text = value.encode() if isinstance(value, str) and value.startswith("-----BEGIN") else unb64(value, "the CSR")
    try:
        request = x509.load_pem_x509_csr(text)
    except ValueError:
        raise Refused(400, "the certificate signing request is not PEM") from None
    if not request.is_signature_valid:
        raise Refused(400, "the signature of the certificate signing request does not hold")
    return keys.allowed(request.public_key())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(_PEM).decode()
