"""Tenants of GitHub Enterprise Cloud (``*.ghe.com``): each has GitHub's services under its own domain."""

from __future__ import annotations

import re
from typing import Final

from sigstep.errors import FormatError, ServiceError, TrustError
from sigstep.model import limits
from sigstep.ports.world import World
from sigstep.trust import cache
from sigstep.trust.instances import Instance, tenant
from sigstep.wire import strict_json

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.ghe\.com")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?")
_FILE: Final = "trust-domain"


def is_tenant(name: str) -> bool:
    """Whether this is the host of a tenant, ``octo.ghe.com``."""
    return _HOST.fullmatch(name) is not None


def tenant_instance(host: str, world: World, *, offline: bool) -> Instance:
    """The instance of a tenant; its trust domain, which names its trusted root, is asked for once and kept.

    The address is ``https://api.<host>/meta`` and the member ``domains.artifact_attestations.trust_domain`` (GitHub's
    REST documentation). No credential is sent. What it says only picks one of the roots that GitHub's TUF repository
    signs, so a wrong answer ends in a refusal, never in another root of trust.

    Raises:
        TrustError: ``trust-domain-unknown``.
    """
    address = f"https://api.{host}/meta"
    folder = cache.folder(address, world)
    kept = cache.read(folder / _FILE, limits.ERROR_BODY_BYTES)
    if kept is not None and _DOMAIN.fullmatch(kept.decode("ascii", "replace")):
        return tenant(host, kept.decode())
    if offline:
        raise _unknown(host, "it was not asked for yet, and the network is not to be used")
    domain = _ask(address, host, world)
    cache.write(folder / _FILE, domain.encode())
    return tenant(host, domain)


def _ask(address: str, host: str, world: World) -> str:
    try:
        answer = world.http.request(
            "GET", address, at_most=limits.SERVICE_ANSWER_BYTES, headers={"Accept": "application/json"}
        )
        if answer.status != 200:
            raise _unknown(host, f"{address} answered with status {answer.status}")
        said = strict_json.loads(answer.body, at_most=limits.SERVICE_ANSWER_BYTES, name="answer of /meta")
    except (ServiceError, FormatError) as error:
        raise _unknown(host, error.why or error.what) from error
    for name in ("domains", "artifact_attestations", "trust_domain"):
        said = said.get(name) if isinstance(said, dict) else None
    if not isinstance(said, str) or not _DOMAIN.fullmatch(said):
        raise _unknown(host, f"{address} names none")
    return said


def _unknown(host: str, why: str) -> TrustError:
    return TrustError(
        code="trust-domain-unknown",
        what=f"the trust domain of {host} is not known",
        why=why,
        fix="try again, or give --trust-config FILE with the tenant's trusted root and services",
    )
