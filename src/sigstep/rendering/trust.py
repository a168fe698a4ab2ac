"""Trusted roots for people."""

from __future__ import annotations

from collections.abc import Iterator

from sigstep.model.trust import TrustedRoot, Validity
from sigstep.rendering.text import plain


def trust_text(roots: tuple[TrustedRoot, ...]) -> str:
    """What is trusted: the logs and authorities of each instance with their windows."""
    return "\n".join(line for root in roots for line in _root(root))


def _root(root: TrustedRoot) -> Iterator[str]:
    needed = root.thresholds
    yield f"{plain(root.name)}: {needed.entries} log entries, {needed.times} times, {needed.scts} SCTs are needed"
    for log in root.logs:
        yield f"  log {plain(log.base_url)} {_window(log.validity)}"
    for log in root.ct_logs:
        yield f"  CT log {plain(log.base_url)} {_window(log.validity)}"
    for kind, authorities in (
        ("certificate authority", root.certificate_authorities),
        ("timestamp authority", root.timestamp_authorities),
    ):
        for one in authorities:
            yield f"  {kind} {plain(one.uri)} {plain(one.common_name)} {_window(one.validity)}"


def _window(validity: Validity) -> str:
    start = validity.start.date().isoformat() if validity.start else "never"
    return f"from {start}" + (f" to {validity.end.date().isoformat()}" if validity.end else "")
