"""Rekor v2: hashedrekord 0.0.2 for messages and for the PAE of envelopes (rekor-tiles, rekor_service.proto)."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model.bundle import LogEntry
from sigstep.model.services import Service
from sigstep.ports.world import World
from sigstep.services import call
from sigstep.services.submission import Submission
from sigstep.wire.log_entry import parse_log_entry

_TIMEOUT_SECONDS: Final = 90.0  # the log answers when a checkpoint includes the entry


def submit(service: Service, submission: Submission, world: World) -> LogEntry:
    """Submit one entry, once.

    Raises:
        ServiceError: those of `services.call`. An entry that is there already (``status`` 409: its answer was lost) is
            a refusal, as the log does not hand it out; a new signature is a new entry.
    """
    name = f"the transparency log {service.url}"
    response = call.post(
        world,
        f"{service.url}/api/v2/log/entries",
        json.dumps(_request(submission)).encode(),
        service=name,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        timeout=_TIMEOUT_SECONDS,
    )
    try:
        return parse_log_entry(call.json_object(response, name), "entry")
    except FormatError as error:
        raise call.unreadable(name, error.why or error.what) from None


def _request(submission: Submission) -> dict[str, Any]:
    raw = {"rawBytes": base64.b64encode(submission.verifier).decode()}
    verifier = {
        "keyDetails": submission.key_details,
        "x509Certificate" if submission.certificate else "publicKey": raw,
    }
    signature = {"content": base64.b64encode(submission.signature).decode(), "verifier": verifier}
    digest = base64.b64encode(submission.digest.value).decode()
    return {"hashedRekordRequestV002": {"digest": digest, "signature": signature}}
