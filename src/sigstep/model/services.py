"""Services of a Sigstore instance, as a signing config names them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sigstep.model.trust import Validity


class Selector(enum.Enum):
    """How many services of a kind a signer has to use (protobuf-specs, ServiceSelector)."""

    ANY = "ANY"
    ALL = "ALL"
    EXACT = "EXACT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: where it is, the version of its interface, when it may be used, and who runs it.

    ``url`` has no ``/`` at its end; for timestamp authorities it is the whole address, for others the base.
    """

    url: str
    major_api_version: int
    validity: Validity
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How many of the services that fit are used; ``count`` belongs to `Selector.EXACT`."""

    selector: Selector = Selector.ANY
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningConfig:
    """All services of one instance (protobuf-specs, SigningConfig v0.2)."""

    certificate_authorities: tuple[Service, ...]
    issuers: tuple[Service, ...] = ()
    logs: tuple[Service, ...] = ()
    log_choice: Choice = Choice()
    timestamp_authorities: tuple[Service, ...] = ()
    timestamp_choice: Choice = Choice()
