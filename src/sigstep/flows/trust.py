"""Loading trust: which roots count for verifying, and which services to sign with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sigstep.errors import FormatError, TrustError, UsageError
from sigstep.model import limits
from sigstep.model.trust import TrustedKey, TrustedRoot, TrustMaterial
from sigstep.ports.world import World
from sigstep.trust import cache
from sigstep.trust.instances import GITHUB, PUBLIC_GOOD, Instance, github_services, instance_of
from sigstep.trust.tenants import is_tenant, tenant_instance
from sigstep.wire.registry_keys import parse_registry_keys
from sigstep.wire.trusted_root import parse_trusted_root, parse_trusted_roots

if TYPE_CHECKING:
    from sigstep.model.services import SigningConfig

REGISTRY_KEYS = "/keys.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """Whom to trust, as the user said it; files win over instances.

    Attributes:
        instances: names or TUF addresses; none: public-good and GitHub for verifying.
        trusted_roots: files with one trusted root, or several as JSON Lines.
        trust_config: a client trust config: trusted root and signing config in one file.
        signing_config: a signing config; it stands for the one of the instance.
        tuf_root: the first root.json of a custom TUF repository.
        offline: use what is cached, or what the package carries; ask no network.
        update: ask the TUF repositories even if the cache is fresh.
    """

    instances: tuple[str, ...] = ()
    trusted_roots: tuple[Path, ...] = ()
    trust_config: Path | None = None
    signing_config: Path | None = None
    tuf_root: Path | None = None
    offline: bool = False
    update: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningTrust:
    """One instance to sign with: its trusted root, its services, and whether everybody can read its logs."""

    root: TrustedRoot
    services: SigningConfig
    writes_publicly: bool
    custom: bool


def load_trust(request: TrustRequest, world: World) -> TrustMaterial:
    """The roots to verify with.

    Raises:
        TrustError: ``tuf-refused``, ``tuf-unreachable``, ``trust-not-cached``.
        UsageError: ``trust-file-unreadable``, ``instance-unknown``, ``tuf-root-missing``.
        FormatError: a file is not what it should be.
    """
    roots: list[TrustedRoot] = []
    for path in request.trusted_roots:
        roots.extend(parse_trusted_roots(_read(path), name=path.name))
    if request.trust_config is not None:
        data, _ = _trust_config(request.trust_config)
        roots.append(parse_trusted_root(data, name=request.trust_config.name))
    names = request.instances or (() if roots else (PUBLIC_GOOD.name, GITHUB.name))
    roots.extend(_root(_instance(name, request, world), request, world) for name in names)
    return TrustMaterial(roots=tuple(roots))


def load_registry_keys(request: TrustRequest, world: World) -> tuple[TrustedKey, ...]:
    """The keys by which npm's registry signs, of the public-good repository's delegated target ``…/keys.json``.

    None where own roots are trusted, or nothing is cached and the network must not be asked.

    Raises:
        TrustError: as `load_trust`.
        FormatError: the target is no list of keys.
    """
    own = request.trusted_roots or request.trust_config
    if own or (request.instances and PUBLIC_GOOD.name not in request.instances):
        return ()
    from sigstep.trust import repository

    found = repository.delegated(PUBLIC_GOOD, REGISTRY_KEYS, world, offline=request.offline)
    return tuple(key for data in found.values() for key in parse_registry_keys(data))


def load_signing(request: TrustRequest, world: World) -> SigningTrust:
    """The instance to sign with: exactly one.

    Raises:
        UsageError: ``signing-instance``: none or several were named; and those of `load_trust`.
        TrustError: as `load_trust`.
    """
    if request.trust_config is not None:
        data, config = _trust_config(request.trust_config)
        return _custom(parse_trusted_root(data, name=request.trust_config.name), _own(request) or config)
    if request.trusted_roots:
        own = _own(request)
        roots = load_trust(request, world).roots
        if own is None or len(roots) != 1:
            raise _which("a trusted root file needs --signing-config beside it, and stands for one instance")
        return _custom(roots[0], own)
    if len(request.instances) != 1:
        raise _which(f"{len(request.instances)} are named")
    instance = _instance(request.instances[0], request, world)
    root = _root(instance, request, world)
    services = _own(request) or _services(instance, request, world)
    return SigningTrust(
        root=root, services=services, writes_publicly=_public(services, instance), custom=not instance.embedded
    )


def export_root(request: TrustRequest, world: World) -> bytes:
    """The trusted root of the first instance that is named, as its bytes.

    Raises:
        SigstepError: as `load_trust`.
    """
    instance = _instance(request.instances[0], request, world)
    return _target(instance, instance.root_target, request, world)


def _custom(root: TrustedRoot, services: SigningConfig) -> SigningTrust:
    return SigningTrust(root=root, services=services, writes_publicly=_public(services, None), custom=True)


def _public(services: SigningConfig, instance: Instance | None) -> bool:
    """Whether a log of the public instances may be written to, whoever's config names it."""
    if instance is not None and instance.writes_publicly:
        return True
    used = (*services.certificate_authorities, *services.logs)
    hosts = {one.url.partition("://")[2].partition("/")[0].partition(":")[0].lower() for one in used}
    return any(host.endswith((".sigstore.dev", ".sigstage.dev")) for host in hosts)


def initialise(url: str, tuf_root: Path, world: World) -> TrustedRoot:
    """Read a TUF repository from its anchor, and keep the anchor: from then on its address alone names it.

    Raises:
        TrustError: ``tuf-refused``, ``tuf-unreachable``, ``trust-cache-unwritable``.
        UsageError: ``trust-file-unreadable``, ``instance-unknown``.
    """
    request = TrustRequest(instances=(url,), tuf_root=tuf_root, update=True)
    instance = _instance(url, request, world)
    root = _root(instance, request, world)
    cache.keep_anchor(instance.tuf_url, instance.tuf_root or b"", world)
    return root


def _instance(name: str, request: TrustRequest, world: World) -> Instance:
    if is_tenant(name):
        return tenant_instance(name, world, offline=request.offline)
    given = _read(request.tuf_root) if request.tuf_root else cache.anchor(name, world)
    return instance_of(name, tuf_root=given)


def _root(instance: Instance, request: TrustRequest, world: World) -> TrustedRoot:
    data = _target(instance, instance.root_target, request, world)
    return parse_trusted_root(data, name=instance.name, thresholds=instance.thresholds)


def _services(instance: Instance, request: TrustRequest, world: World) -> SigningConfig:
    if not instance.config_target:
        return github_services("githubapp.com" if instance.name == GITHUB.name else instance.name)
    from sigstep.wire import signing_config

    return signing_config.parse(_target(instance, instance.config_target, request, world))


def _target(instance: Instance, name: str, request: TrustRequest, world: World) -> bytes:
    if not request.offline:
        from sigstep.trust import repository

        return repository.targets(instance, (name,), world, update=request.update)[name]
    kept = cache.read(cache.folder(instance.tuf_url, world) / "targets" / name, limits.TRUSTED_ROOT_BYTES)
    data = kept or instance.file(name)
    if data is None:
        raise TrustError(
            code="trust-not-cached",
            what=f"nothing is known of the instance {instance.name} without the network",
            why="it is not in the cache, and the package carries nothing of it",
            fix="run sigstep trust update once with the network, or give --trusted-root FILE",
        )
    return data


def _own(request: TrustRequest) -> SigningConfig | None:
    if request.signing_config is None:
        return None
    from sigstep.wire import signing_config

    return signing_config.parse(_read(request.signing_config))


def _trust_config(path: Path) -> tuple[bytes, SigningConfig]:
    from sigstep.wire import signing_config

    return signing_config.split_trust_config(_read(path))


def _read(path: Path) -> bytes:
    at_most = limits.TRUSTED_ROOT_BYTES * limits.TRUST_ROOTS
    try:
        with path.open("rb") as file:
            data = file.read(at_most + 1)
    except OSError as error:
        raise UsageError(
            code="trust-file-unreadable",
            what=f"{path} cannot be read",
            why=error.strerror or type(error).__name__,
            fix="check the path and its permissions",
        ) from None
    if len(data) > at_most:
        raise FormatError(
            code="trust-file-too-large",
            what=f"{path} is larger than {at_most} bytes",
            why="trust files are bounded",
            fix="give one trusted root",
        )
    return data


def _which(why: str) -> UsageError:
    return UsageError(
        code="signing-instance",
        what="signing needs exactly one Sigstore instance",
        why=why,
        fix="give --instance public-good, staging or github, or --trust-config FILE",
    )
