"""A key with the certificate that names its holder, checked before it is used, and renewed before it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sigstep.errors import ServiceError, SigstepError
from sigstep.model.services import Service
from sigstep.model.token import IdentityToken
from sigstep.oidc.claims import principal
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.world import World
from sigstep.proofs.certificate import load_leaf
from sigstep.proofs.chain import find_roots, verify_path
from sigstep.proofs.prepared import PreparedTrust
from sigstep.proofs.sct import verify_detached, verify_embedded
from sigstep.services.fulcio import CsrRequest, Issued, KeyRequest, request_certificate
from sigstep.signing.keys import SigningKey, ephemeral_key
from sigstep.wire.detached_sct import parse_detached_sct

MARGIN: Final = timedelta(seconds=60)  # a certificate with less left is renewed: a log and a TSA still have to answer

_ROUNDING: Final = timedelta(seconds=5)  # who waited until `MARGIN` before the end must get a new one


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key and its leaf certificate (DER), or a managed key without one; ``ends`` is the certificate's last moment."""

    key: SigningKey
    leaf: bytes | None = None
    ends: datetime | None = None


class CredentialSource:
    """Credentials for a batch: one certificate serves it until it nears its end. Threads may share it."""

    def __init__(self, mint: Callable[[], Credential], world: World) -> None:
        self._mint = mint
        self._world = world
        self._lock = threading.Lock()
        self._current: Credential | None = None

    def current(self) -> Credential:
        """A credential that has at least `MARGIN` left.

        Raises:
            SigstepError: what minting raises.
        """
        with self._lock:
            kept = self._current
            if kept is None or (kept.ends is not None and self._world.clock.now() + MARGIN + _ROUNDING >= kept.ends):
                self._current = kept = self._mint()
            return kept


def certify(
    service: Service,
    token: Callable[[], IdentityToken],
    trust: PreparedTrust,
    *,
    algorithm: str,
    csr: bool = False,
    budget: Budget,
    world: World,
) -> Credential:
    """A fresh key and a certificate for it, checked: our key, a trusted authority, valid now, logged (RFC 6962).

    Args:
        token: gives a token that is still valid; it is asked on each try, as outages outlive tokens.
        csr: prove the key by a certificate signing request instead of a signature over the token's subject.

    Raises:
        TokenError: ``token-refused``, ``token-malformed``.
        ServiceError: ``certificate-wrong``, and those of `services.call`.
    """
    key = ephemeral_key(algorithm)

    def once() -> Credential:
        fresh = token()
        request: KeyRequest | CsrRequest = CsrRequest(pem=key.csr_pem)
        if not csr:
            proof = key.sign_message(principal(fresh).encode())
            request = KeyRequest(algorithm=key.fulcio_name, public_key_pem=key.public_pem, proof=proof)
        return _checked(request_certificate(service, request, fresh, world), key, trust, service, world)

    return retrying(once, service=f"the certificate authority {service.url}", budget=budget, world=world)


def _checked(issued: Issued, key: SigningKey, trust: PreparedTrust, service: Service, world: World) -> Credential:
    detached: tuple[str, ...] = ()
    try:
        leaf = load_leaf(issued.certificates[0])
        if leaf.key.spki != key.spki:
            raise _wrong(service, "it is about another key")
        root, issuers = find_roots(leaf, trust)[0]
        issuer = verify_path(leaf, issuers, [world.clock.now()])
        logs = verify_embedded(leaf, issuer, root.ct_logs)
        if issued.detached_sct is not None:
            detached = verify_detached(leaf, parse_detached_sct(issued.detached_sct), root.ct_logs)
    except ServiceError:
        raise
    except SigstepError as error:
        raise _wrong(service, f"{error.what}: {error.why}") from None
    if len(logs) < root.root.thresholds.scts:
        if detached:
            raise _wrong(service, "its SCT is detached; a bundle cannot carry it, and verifiers ask for one inside")
        raise _wrong(service, "no CT log of the trusted root vouches for it")
    return Credential(key=key, leaf=leaf.der, ends=leaf.certificate.not_valid_after_utc)


def _wrong(service: Service, why: str) -> ServiceError:
    return ServiceError(
        code="certificate-wrong",
        what=f"the certificate of {service.url} is not used",
        why=why,
        fix="check that the trusted root belongs to this authority and that the clock is right",
        retryable=True,
    )
