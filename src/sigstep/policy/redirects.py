"""Redirects of where packages come from: what a change sets or takes away, without asking anybody."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from sigstep.model.dependency import Judged, Redirect
from sigstep.policy.dependency_rules import DependencyPolicy

_ADDRESS: Final = re.compile(r"(?:[a-z]+\+)?https?://")
_REGISTRIES: Final = ("npm", "pypi", "cargo source", "cargo registry")  # without one, another answers for its packages
_FIX: Final = "undo it, or name it in dependencies.registries of the policy file on the base branch"


def redirected(
    base: Sequence[Redirect],
    head: Sequence[Redirect],
    policy: DependencyPolicy,
    *,
    removed: frozenset[str] = frozenset(),
) -> Iterator[Judged]:
    """A finding for each redirect that no file of the base has, and for each registry that nothing sets any more.

    A folder of the repository is no registry, and its content shows in the change itself: it weighs less.

    Args:
        base, head: every redirect before and after the change.
        policy: levels, and the addresses that are allowed.
        removed: files that are gone with their project, and what they set with them.
    """
    before = defaultdict[str, set[str]](set)
    for one in base:
        before[one.setting].add(shown(one.to))
    was = {(one.path, one.setting): one for one in base}
    for one in head:
        to = shown(one.to)
        if to in before[one.setting] or to in policy.sources:
            continue
        old = was.get((one.path, one.setting))
        message = (
            f"{one.setting} is set to {to}; before {shown(old.to) if old else 'it was not'}: packages come from there"
        )
        rule = "source-not-registry" if _is_folder(to) else "source-redirected"
        yield policy.finding(rule, f"{message}; {_FIX}", path=one.path, line=one.line)
    now = {one.setting for one in head}
    for old in {one.setting: one for one in base}.values():
        if old.setting in now or old.path in removed:
            continue
        if old.setting.startswith(_REGISTRIES) and _ADDRESS.match(old.to):
            message = f"{old.setting} was set to {shown(old.to)}, and is no longer: packages come from elsewhere"
            yield policy.finding("source-redirected", f"{message}; set it again", path=old.path)


def shown(address: str) -> str:
    """An address as reports may say it: without user name and password, and without a slash at its end."""
    return re.sub(r"(?<=://)[^/\s]*@", "", address)[:500].rstrip("/")


def _is_folder(to: str) -> bool:
    return ("://" not in to and to.startswith(("./", "../"))) or to in {".", ".."}
