"""Rekor v1's signed entry timestamp (SET)."""

from __future__ import annotations

import base64
from datetime import datetime, timezone

from sigstep.errors import ProofError
from sigstep.model.bundle import LogEntry
from sigstep.proofs.keys import verify_message
from sigstep.proofs.prepared import PreparedLog


def verify_promise(entry: LogEntry, log: PreparedLog) -> datetime | None:
    """Prove the log's promise, and with it the integrated time.

    Returns:
        The integrated time (aware, UTC); None where the entry has no promise. A promise without a time is one over
        the time 0, the default of its member.

    Raises:
        ProofError: ``promise-invalid``.
    """
    if entry.promise is None:
        return None
    seconds = entry.integrated_time or 0
    payload = b'{"body":"%b","integratedTime":%d,"logID":"%b","logIndex":%d}' % (  # canonical as it stands (RFC 8785)
        base64.b64encode(entry.body),
        seconds,
        entry.log_id.hex().encode(),
        entry.log_index,
    )
    if verify_message(log.key, entry.promise, payload) is None:
        raise ProofError(
            code="promise-invalid",
            what="the log's signed entry timestamp does not hold",
            why="the signature is not over this entry, time and index",
            fix="fetch the entry from the log again; if it stays so, the bundle is forged",
        )
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        raise ProofError(
            code="promise-invalid", what="the log entry's time is no time", why="it is too large", fix="sign again"
        ) from None
