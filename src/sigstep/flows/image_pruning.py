"""Remove old attachments of an image, by what the registry says of them; nothing is verified here."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sigstep.flows.image_copies import Attached, attachments
from sigstep.model.digest import Digest
from sigstep.oci.client import Client, Settings
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import drop
from sigstep.oci.source import RemoteImage, walk
from sigstep.ports.world import World
from sigstep.stores.referrers import bundle_referrers


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest:
    """What to remove.

    Attributes:
        image: with each image that it lists.
        keep: newest bundles of each predicate type to keep; 0: none.
        types: predicate types to look at; none: all bundles.
        legacy: also cosign's tags ``.sig`` and ``.att``, whole.
        settings: how registries are reached.
    """

    image: Reference
    keep: int = 1
    types: tuple[str, ...] = ()
    legacy: bool = False
    settings: Settings = field(default_factory=Settings)


def removable(request: PruneRequest, world: World) -> tuple[Attached, ...]:
    """What `prune` would remove: of each manifest and type all bundles but the newest. Other artifacts stay.

    Raises:
        SigstepError: the registry could not be asked.
    """
    return _removable(request, RemoteImage(Client(world, request.settings), request.image))


def prune(request: PruneRequest, world: World) -> tuple[Attached, ...]:
    """Remove it; what was removed.

    Raises:
        ServiceError: ``registry-refused`` where the registry does not delete; another ``registry-*`` code.
    """
    client = Client(world, request.settings)
    found = _removable(request, RemoteImage(client, request.image))
    by_subject: dict[Digest, set[Digest]] = defaultdict(set)
    for one in found:
        by_subject[one.subject].add(one.digest)
    for subject, gone in by_subject.items():
        drop(client, request.image, subject, frozenset(gone))
    return found


def _removable(request: PruneRequest, source: RemoteImage) -> tuple[Attached, ...]:
    gone: list[Attached] = []
    for manifest, _ in walk(source, source.manifest()):
        bundles = {one.digest for one in bundle_referrers(source, manifest.digest)}
        groups: dict[str, list[Attached]] = defaultdict(list)
        for one in attachments(source, manifest.digest):
            if one.legacy:
                gone += [one] if request.legacy else []
            elif one.digest in bundles and (not request.types or one.kind in request.types):
                groups[one.kind].append(one)
        for listed in groups.values():
            newest_first = sorted(listed, key=lambda one: one.created, reverse=True)
            gone += newest_first[request.keep :]
    return tuple(gone)
