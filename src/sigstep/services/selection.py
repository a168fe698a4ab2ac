"""Which services of a signing config to use now (protobuf-specs, SigningConfig v0.2; the order of sigstore-go)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sigstep.errors import TrustError
from sigstep.model.services import Choice, Selector, Service, SigningConfig

_FULCIO_VERSIONS: Final = (1,)
_LOG_VERSIONS: Final = (1, 2)
_TIMESTAMP_VERSIONS: Final = (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Services of one kind: ``needed`` of the ``candidates`` have to answer; the first are asked first."""

    candidates: tuple[Service, ...]
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What one run uses."""

    certificate_authority: Service
    logs: Group
    timestamp_authorities: Group


def select(config: SigningConfig, now: datetime) -> Selected:
    """Select the services of a run.

    Args:
        config: the instance's signing config.
        now: aware UTC.

    Raises:
        TrustError: ``no-service`` where a kind that is needed has no service, ``no-timestamp-authority`` where the log
            gives no time (Rekor v2) and the config has no timestamp authority.
    """
    authorities = _newest(config.certificate_authorities, _FULCIO_VERSIONS, now)
    if not authorities:
        raise _no_service("certificate authority", "caUrls")
    logs = _group(config.logs, _LOG_VERSIONS, config.log_choice, now, "transparency log")
    stamps = _group(
        config.timestamp_authorities, _TIMESTAMP_VERSIONS, config.timestamp_choice, now, "timestamp authority"
    )
    if logs.candidates and logs.candidates[0].major_api_version > 1 and not stamps.candidates:
        raise TrustError(
            code="no-timestamp-authority",
            what="the signing config has no timestamp authority that may be used now",
            why="a Rekor v2 log gives no time, so that nothing would say when the certificate was used",
            fix="add a tsaUrls entry to the signing config",
        )
    if not logs.candidates and not stamps.candidates:
        raise _no_service("transparency log or timestamp authority", "rekorTlogUrls and tsaUrls")
    return Selected(certificate_authority=authorities[0], logs=logs, timestamp_authorities=stamps)


def _group(services: Sequence[Service], versions: Sequence[int], choice: Choice, now: datetime, kind: str) -> Group:
    if not services:
        return Group(candidates=(), needed=0)
    candidates = tuple(_one_per_operator(_newest(services, versions, now)))
    if not candidates:
        raise _no_service(kind, "entry")
    needed = {Selector.ANY: 1, Selector.ALL: len(candidates), Selector.EXACT: choice.count}[choice.selector]
    if needed > len(candidates):
        raise TrustError(
            code="too-few-services",
            what=f"the signing config asks for {needed} services of the kind {kind}",
            why=f"only {len(candidates)} operators have one that may be used now",
            fix="take the newest signing config of the instance (sigstep trust update)",
        )
    return Group(candidates=candidates, needed=needed)


def _newest(services: Sequence[Service], versions: Sequence[int], now: datetime) -> list[Service]:
    """Services valid now, of the highest version that has any, newest first; versions are never mixed."""
    valid = [one for one in services if one.validity.contains(now) and one.major_api_version in versions]
    if not valid:
        return []
    highest = max(one.major_api_version for one in valid)
    same = [one for one in valid if one.major_api_version == highest]
    return sorted(same, key=lambda one: one.validity.start or now, reverse=True)


def _one_per_operator(services: Sequence[Service]) -> list[Service]:
    first: dict[str, Service] = {}
    for service in services:
        first.setdefault(service.operator, service)
    return list(first.values())


def _no_service(kind: str, where: str) -> TrustError:
    return TrustError(
        code="no-service",
        what=f"the signing config has no {kind} that may be used now",
        why=f"every {where} is missing, outside its validity, or of a version that sigstep does not speak",
        fix="take the newest signing config of the instance (sigstep trust update)",
    )
