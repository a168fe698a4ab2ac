"""Targets of a TUF repository, by python-tuf's client over our own network door (TUF specification, section 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Metadata, Root, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from sigstep.errors import ServiceError, TrustError
from sigstep.model import limits
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.world import World
from sigstep.trust import cache
from sigstep.trust.instances import Instance

FRESH: Final = timedelta(days=1)
_TIMEOUT_SECONDS: Final = 30.0
_OUTAGE_SECONDS: Final = 20.0  # a repository that is down does not hold up a run whose cache is fresh
_METADATA_BYTES: Final = 5_000_000  # python-tuf's own bound on targets metadata, the largest of its bounds


class WorldFetcher(FetcherInterface):
    """python-tuf's downloads over ``World.http``; no credential is ever sent."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _fetch(self, url: str) -> Iterator[bytes]:
        budget = Budget.starting_now(_OUTAGE_SECONDS, self._world)
        return iter(
            (retrying(lambda: self._once(url), service=f"the TUF repository {url}", budget=budget, world=self._world),)
        )

    def _once(self, url: str) -> bytes:
        answer = self._world.http.request("GET", url, at_most=_METADATA_BYTES, timeout=_TIMEOUT_SECONDS)
        if answer.status >= 500 or answer.status == 429:
            raise ServiceError(code="service-failed", what=f"{url} answered {answer.status}", retryable=True)
        if answer.status != 200:
            raise DownloadHTTPError(f"status {answer.status}", answer.status)
        return answer.body


def targets(instance: Instance, names: Sequence[str], world: World, *, update: bool = False) -> dict[str, bytes]:
    """The named targets, newest first from the repository, then from the cache where it was asked within a day.

    Args:
        names: names of targets.
        update: ask the repository even if the cache is fresh.

    Raises:
        TrustError: ``tuf-refused`` (an attack, or an operator's mistake: nothing of it is used), ``tuf-unreachable``.
    """
    folder = cache.folder(instance.tuf_url, world)
    if not update and cache.checked_lately(folder, world, FRESH):
        kept = cached(instance, names, world)
        if len(kept) == len(names):
            return kept
    try:
        found = _download(instance, names, folder, world)
        cache.mark_checked(folder, world)
    except DownloadLengthMismatchError as error:
        raise _refused(instance, str(error)) from error
    except DownloadError as error:
        cause = error.__cause__
        if isinstance(cause, ServiceError) and cause.code == "answer-too-large":
            raise _refused(instance, cause.what) from error
        kept = cached(instance, names, world)
        down = isinstance(cause, ServiceError) and cause.retryable
        if down and len(kept) == len(names) and _timestamp_holds(folder, world):
            return kept
        raise TrustError(
            code="tuf-unreachable",
            what=f"the TUF repository {instance.tuf_url} cannot be read",
            why=f"{error}" + (f": {error.__cause__}" if error.__cause__ else ""),
            fix="check the network; --offline uses what is cached or comes with sigstep",
        ) from error
    except (RepositoryError, ValueError) as error:
        raise _refused(instance, str(error)) from error
    except OSError as error:
        raise TrustError(
            code="trust-cache-unwritable",
            what=f"the trust cache {folder} cannot be written",
            why=str(error),
            fix="set SIGSTEP_CACHE_DIR to a folder that can be written",
        ) from error
    return found


def delegated(instance: Instance, suffix: str, world: World, *, offline: bool = False) -> dict[str, bytes]:
    """Targets below a delegation whose path is written out and ends so: how the public repository has npm's keys.

    The repository has to have been read before (see `targets`); ``offline`` takes what is cached.

    Raises:
        TrustError: as `targets`.
    """
    folder = cache.folder(instance.tuf_url, world)
    names = _delegated_names(folder, suffix)
    if offline or not names:
        return cached(instance, names, world)
    return targets(instance, names, world)


def _delegated_names(folder: Path, suffix: str) -> tuple[str, ...]:
    """Paths of the delegations of the cached top-level targets, which the client verified when it wrote them."""
    data = cache.read(folder / "metadata" / "targets.json", _METADATA_BYTES)
    if data is None:
        return ()
    try:
        delegations = Metadata[Targets].from_bytes(data).signed.delegations
    except (RepositoryError, ValueError):
        return ()
    roles = delegations.roles.values() if delegations and delegations.roles else ()
    paths = [path for role in roles for path in role.paths or () if path.endswith(suffix)]
    return tuple(path for path in dict.fromkeys(paths) if not set("*?[") & set(path))


def cached(instance: Instance, names: Sequence[str], world: World) -> dict[str, bytes]:
    """Targets that the cache holds; they were verified when they were written."""
    folder = cache.folder(instance.tuf_url, world) / "targets"
    found = {name: cache.read(folder / _safe(name), limits.TRUSTED_ROOT_BYTES) for name in names}
    return {name: data for name, data in found.items() if data is not None}


def _download(instance: Instance, names: Sequence[str], folder: Path, world: World) -> dict[str, bytes]:
    metadata, kept = folder / "metadata", folder / "targets"
    metadata.mkdir(parents=True, exist_ok=True)
    kept.mkdir(parents=True, exist_ok=True)
    fetcher = WorldFetcher(world)
    updater = Updater(
        str(metadata),
        instance.tuf_url,
        target_dir=str(kept),
        target_base_url=f"{instance.tuf_url}/targets/",
        fetcher=fetcher,
        config=UpdaterConfig(),
        bootstrap=_anchor(instance, fetcher),
    )
    updater.refresh()
    found: dict[str, bytes] = {}
    for name in names:
        info = updater.get_targetinfo(name)
        if info is None:
            raise RepositoryError(f"it has no target {name}")
        if info.length > limits.TRUSTED_ROOT_BYTES:
            raise RepositoryError(f"its target {name} has {info.length} bytes")
        place = str(kept / _safe(name))
        path = updater.find_cached_target(info, place) or updater.download_target(info, place)
        found[name] = Path(path).read_bytes()
    return found


def _anchor(instance: Instance, fetcher: WorldFetcher) -> bytes:
    root = instance.tuf_root or instance.file("root.json")
    if root is not None:
        return root
    keys = instance.file("root-keys.json")
    if keys is None:
        raise _refused(instance, "there is no first root to begin with")
    anchor = json.loads(keys)
    data = fetcher.download_bytes(f"{instance.tuf_url}/{anchor['version']}.root.json", UpdaterConfig().root_max_length)
    check_root_keys(data, version=anchor["version"], threshold=anchor["threshold"], keys=anchor["keys"])
    return data


def check_root_keys(data: bytes, *, version: int, threshold: int, keys: dict[str, str]) -> None:
    """A first root that was fetched has to carry a threshold of signatures of keys that the package carries.

    Args:
        data: the ``root.json``.
        version: the lowest version that is taken.
        threshold: how many of the keys have to have signed.
        keys: key ids to PEM public keys (ECDSA P-256 or Ed25519).

    Raises:
        RepositoryError: it does not.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
    from securesystemslib.signer import SSlibKey

    root = Metadata[Root].from_bytes(data)
    if root.signed.type != "root" or root.signed.version < version:
        raise RepositoryError(f"the first root is older than version {version}")
    signed = root.signed_bytes
    good: set[str] = set()
    for name, pem in keys.items():
        key = SSlibKey.from_crypto(load_pem_public_key(pem.encode()), keyid=name)
        signature = root.signatures.get(name)
        try:
            if signature is not None:
                key.verify_signature(signature, signed)
                good.add(pem)
        except (UnverifiedSignatureError, VerificationError):
            continue
    if len(good) < threshold:
        raise RepositoryError(f"the first root carries {len(good)} of {threshold} needed signatures of known keys")


def _timestamp_holds(folder: Path, world: World) -> bool:
    data = cache.read(folder / "metadata" / "timestamp.json", _METADATA_BYTES)
    if data is None:
        return False
    try:
        signed = Metadata[Timestamp].from_bytes(data).signed
    except (RepositoryError, ValueError):
        return False
    return not signed.is_expired(world.clock.now())


def _safe(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _refused(instance: Instance, why: str) -> TrustError:
    return TrustError(
        code="tuf-refused",
        what=f"what the TUF repository {instance.tuf_url} says is not taken",
        why=why,
        fix="compare with another network; if it persists, tell the operator of the repository",
    )
