"""``.github/workflows/actions.lock``: each action's commit, and the numeric ids of its repository and owner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.readers.common import bounded, malformed, text_of
from sigstep.model import limits
from sigstep.model.dependency import Locked
from sigstep.wire import strict_yaml

_COMMIT: Final = re.compile(r"sha1-(?P<hex>[0-9a-f]{40})")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked action, those that actions use included.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    text_of(data, path)
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    found = strict_yaml.documents(data, at_most=limits.LOCKFILE_BYTES, name=path)
    whole = found[0].value if found else None
    if not isinstance(whole, Mapping) or "dependencies" not in whole:
        raise malformed(path, "it has no dependencies")
    entries = whole["dependencies"].value
    for key, node in entries.items() if isinstance(entries, Mapping) else ():
        entry = strict_yaml.plain(node)
        match = _COMMIT.fullmatch(str(entry.get("commit"))) if isinstance(entry, Mapping) else None
        name, at, ref = key.partition("@")
        if match is None or not at or name.count("/") < 1:
            raise malformed(path, f"the entry {key[:80]!r} has no repository, ref and commit")
        yield Locked(
            ecosystem="githubactions",
            name=name.lower(),
            version=match["hex"],
            path=path,
            line=node.value["commit"].line,
            ref=ref,
            commit=match["hex"],
            repository_id=str(entry.get("repo_id", "")),
            owner_id=str(entry.get("owner_id", "")),
        )
