"""Every redirect of where packages come from, at a commit, read from Git without a check-out."""

from __future__ import annotations

import importlib
import posixpath
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from sigstep.ecosystems.redirects import REDIRECTS
from sigstep.errors import FormatError, SigstepError
from sigstep.flows.lockfiles import Git, Snapshot, place_of, too_large
from sigstep.model import limits
from sigstep.model.dependency import Judged, Redirect
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.policy.redirects import redirected

_Files = dict[str, tuple[str, int]]  # path to object id and size in bytes
_FIX: Final = "write it so that it can be read; until then where packages come from is not known"


def read_redirects(data: bytes, path: str) -> tuple[Redirect, ...]:
    """The redirects of one file.

    Raises:
        FormatError: it cannot be read; ``lockfile-too-many``.
    """
    module, _, attribute = place_of(path, REDIRECTS).partition(":")
    read: Callable[[bytes, str], Iterable[Redirect]] = getattr(importlib.import_module(module), attribute)
    found = tuple(islice(read(data, path), limits.REDIRECTS + 1))
    if len(found) > limits.REDIRECTS:
        raise FormatError(
            code="lockfile-too-many",
            what=f"{path} redirects too much",
            why=f"it has more than {limits.REDIRECTS} settings of where packages come from",
            fix="split it",
        )
    return found


def changed_redirects(git: Git, base: Snapshot, head: Snapshot, policy: DependencyPolicy) -> Iterator[Judged]:
    """Findings about what ``head`` redirects otherwise than ``base``; nothing where the files are the same.

    Raises:
        UsageError: ``git-failed``.
        FormatError: ``lockfile-malformed``: a file of ``head`` is too large.
    """
    old_links, links = (_files(git, one.commit, "120") for one in (base, head))
    for path in sorted(path for path, entry in links.items() if old_links.get(path) != entry):
        yield policy.finding("source-redirected", f"{path} is a link, and links are not followed; {_FIX}", path=path)
    then, now = (_files(git, one.commit) for one in (base, head))
    if then == now:
        return
    for path, (_, size) in now.items():
        if size > limits.LOCKFILE_BYTES:
            raise too_large(path)
    before, unread_before = _read(git, then)
    after, unread = _read(git, now)
    gone = base.paths - head.paths
    yield from redirected(before, after, policy, removed=gone | _with_projects(then, gone, git.files(head.commit)))
    told = {path for path, _ in head.unread}
    for path, why in unread.items():
        if path not in told and path not in unread_before:
            yield policy.finding("source-redirected", f"{path} cannot be read: {why}; {_FIX}", path=path)


def _with_projects(paths: Iterable[str], gone: frozenset[str], left: Iterable[str]) -> set[str]:
    """Those of ``paths`` in folders that had a lockfile which is gone, and of which nothing is left."""
    folders = {posixpath.dirname(one) for one in gone} - {""}
    for path in left:
        while path := posixpath.dirname(path):
            folders.discard(path)
    return {one for one in paths if posixpath.dirname(one).removesuffix("/.cargo") in folders}


def _files(git: Git, commit: str, mode: str = "100") -> _Files:
    return {path: entry for path, entry in git.files(commit, mode=mode).items() if place_of(path, REDIRECTS)}


def _read(git: Git, files: _Files) -> tuple[list[Redirect], dict[str, str]]:
    wanted = [path for path, (_, size) in files.items() if size <= limits.LOCKFILE_BYTES]
    found: list[Redirect] = []
    unread: dict[str, str] = {}
    for path, data in zip(wanted, git.read([files[one][0] for one in wanted]), strict=True):
        try:
            found += read_redirects(data, path)
        except SigstepError as error:
            unread[path] = error.why
    return found, unread
