"""The change set: what two states of the lockfiles lock, paired; and what is wrong without asking anybody."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sigstep.model.dependency import Change, Locked, LockedFile

LOCAL: Final = ("editable", "path", "virtual", "directory", "file", "workspace", "link", "portal", "patch", "variable")
_WHOLE_VERSION: Final = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+].*)?")
_ACTIONS_LOCK: Final = ".github/workflows/actions.lock"
_Key = tuple[str, str]


def pair(base: Sequence[Locked], head: Sequence[Locked]) -> tuple[Change, ...]:
    """Every locked version of ``head`` that is not locked so in ``base``, with what it replaces.

    A new version replaces a removed one of the same name and lockfile: the nearest lower with the same major number,
    else the nearest lower, else the highest. Where none was removed the version that stays is compared with instead.
    """
    by_name, by_place = defaultdict[_Key, list[Locked]](list), defaultdict[tuple[str, _Key], list[Locked]](list)
    for one in base:
        by_name[_key(one)].append(one)
        by_place[one.path, _key(one)].append(one)
    kept = {(one.path, *_key(one), one.version) for one in head}
    changes: dict[tuple[object, ...], Change] = {}
    for new in head:
        before = by_place.get((new.path, _key(new))) or by_name.get(_key(new), [])
        same = [one for one in before if one.version == new.version]
        if any(_covers(one, new) for one in same):
            continue
        removed = [one for one in before if (new.path, *_key(one), one.version) not in kept]
        old = same[0] if same else _nearest(removed or before, new)
        changes.setdefault((new.path, _key(new), new.version, new.source, new.registry, new.files), _change(new, old))
    return tuple(changes.values())


def hash_changed(change: Change) -> bool:
    """Whether the same version now has another hash: a file of the same name, or the hashes as a whole."""
    old, new = change.old, change.new
    if old is None or old.version != new.version or not old.files or not new.files:
        return False
    before = {one.name: one for one in old.files if one.name}
    if any(_contradict(before[one.name], one) for one in new.files if one.name in before):
        return True
    known, stated = _all(old), _all(new)
    common = {name for name, _ in known} & {name for name, _ in stated}
    return bool(common) and not known & stated


def ref_moved(change: Change) -> bool:
    """Whether a tag that names one whole version now stands for another commit."""
    old, new = change.old, change.new
    if old is None or not old.commit or not new.commit or old.commit == new.commit:
        return False
    return old.ref == new.ref and bool(_WHOLE_VERSION.fullmatch(new.ref))


def with_locked_commits(locked: Sequence[Locked]) -> tuple[Locked, ...]:
    """Actions that workflows name by a ref, with the commit that an ``actions.lock`` has for it."""
    pins = (one for one in locked if one.path == _ACTIONS_LOCK)  # GitHub takes no other
    known = {(one.name, one.ref): one for one in pins if one.repository_id}
    found = []
    for one in locked:
        open_ref = one.ecosystem == "githubactions" and not one.commit
        pin = known.get((_repository(one.name), one.ref)) if open_ref else None
        found.append(replace(one, commit=pin.commit, version=pin.commit) if pin else one)
    return tuple(found)


def source_change(change: Change, allowed: frozenset[str] = frozenset()) -> tuple[str, str]:
    """The rule and sentence about where a version comes from; empty where nothing is to be said.

    ``allowed`` are registries that the policy lets dependencies move to.
    """
    old, new = change.old, change.new
    if old is None:
        if new.source and not is_local(new):
            return "source-not-registry", f"it comes from {new.source}, not from a registry"
        return "", ""
    if _place(old.source) != _place(new.source) and not (is_local(new) and is_local(old)):
        return "source-changed", f"it came from {old.source or 'a registry'}, now from {new.source or 'a registry'}"
    if old.source != new.source and not is_local(new):
        return "source-not-registry", f"it comes from {new.source}, before from {old.source}"
    if old.registry != new.registry and new.registry and not new.source and new.registry not in allowed:
        return "source-changed", f"the registry was {old.registry or 'the configured one'}, now it is {new.registry}"
    return "", ""


def is_local(locked: Locked) -> bool:
    """Whether it is part of the repository itself."""
    return locked.source.partition(" ")[0] in LOCAL


def _place(source: str) -> tuple[str, ...]:
    """Where a source is, without the revision: host and the first two parts of the path of an address."""
    kind, _, text = source.rpartition(" ")
    rest = text.partition("#")[0].partition("?")[0].partition("://")[2]
    if not rest:
        return kind, text.partition("#")[0]
    host, *parts = rest.split("/")
    return kind, host, *(one.partition("@")[0].removesuffix(".git") for one in parts[:2])


def _key(locked: Locked) -> _Key:
    return locked.ecosystem, locked.name


def _change(new: Locked, old: Locked | None) -> Change:
    return Change(new=new, old=old)


def _covers(old: Locked, new: Locked) -> bool:
    """Whether ``old`` already allowed everything that ``new`` does."""
    if (old.source, old.registry, old.ref) != (new.source, new.registry, new.ref) or (old.files and not new.files):
        return False
    if (old.repository_id, old.owner_id) != (new.repository_id, new.owner_id):
        return False
    return set(new.files) <= set(old.files)


def _repository(name: str) -> str:
    return "/".join(name.split("/")[:2])


def _nearest(candidates: Sequence[Locked], new: Locked) -> Locked | None:
    wanted = _order(new)
    lower = [one for one in candidates if _order(one) <= wanted]
    same_major = [one for one in lower if _order(one)[:1] == wanted[:1]]
    return max(same_major or lower or candidates, key=_order, default=None)


def _order(locked: Locked) -> tuple[int, ...]:
    version = locked.ref or locked.version
    release = re.match(r"v?([0-9]{1,12}(?:\.[0-9]{1,12})*)", version, re.ASCII)
    return tuple(int(one) for one in release[1].split(".")) if release else ()


def _contradict(old: LockedFile, new: LockedFile) -> bool:
    values = {one.algorithm: one.value for one in old.digests}
    return any(values.get(one.algorithm, one.value) != one.value for one in new.digests)


def _all(locked: Locked) -> set[tuple[str, bytes]]:
    return {(one.algorithm.value, one.value) for file in locked.files for one in file.digests}
