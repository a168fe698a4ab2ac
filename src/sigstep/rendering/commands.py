"""The commands that check at home what a run has made."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath

from sigstep.model.subject import Subject


def verify_commands(
    subjects: Sequence[Subject], bundles: Sequence[str], repository: str, *, published: bool
) -> tuple[str, ...]:
    """Lines for the first subject: with sigstep, and with GitHub's command line where it can find the attestation.

    Args:
        subjects: at least one.
        bundles: files with the bundles.
        repository: ``owner/name`` of the run; without it there is no line.
        published: whether GitHub's API has them.
    """
    if not repository or not subjects:
        return ()
    first = subjects[0]
    name = PurePath(first.location).name if first.location and ":" not in first.location else ""
    target, slug = shlex.quote(name or str(first.digests[0])), shlex.quote(repository)
    if published:
        lines = [f"sigstep verify {target} --repo {slug}"]
        if name:
            lines.append(f"gh attestation verify {target} --repo {slug}")
        return tuple(lines)
    if not bundles:
        return ()
    bundle = shlex.quote(PurePath(bundles[0]).name)
    return (f"sigstep verify {target} --bundle {bundle} --repo {slug}",)
