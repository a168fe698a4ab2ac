"""Rekor v1: hashedrekord 0.0.1 for messages, dsse 0.0.1 for envelopes (rekor openapi.yaml)."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final

from sigstep.errors import ServiceError, SigstepError
from sigstep.model import limits
from sigstep.model.bundle import InclusionProof, LogEntry, MessageSignature
from sigstep.model.services import Service
from sigstep.ports.http import Response
from sigstep.ports.world import World
from sigstep.services import call
from sigstep.services.submission import Submission
from sigstep.wire import strict_json
from sigstep.wire.dsse import envelope_bytes
from sigstep.wire.members import Members, decode_base64
from sigstep.wire.rekor_body import encode_pem

_TIMEOUT_SECONDS: Final = 60.0
_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}
_UUID: Final = re.compile(r"[0-9a-f]{64}(?:[0-9a-f]{16})?")


def submit(service: Service, submission: Submission, world: World) -> LogEntry:
    """Submit one entry, once; an equivalent entry that is there already (409) is fetched.

    Raises:
        ServiceError: those of `services.call`.
    """
    name = f"the transparency log {service.url}"
    address = f"{service.url}/api/v1/log/entries"
    body = json.dumps(proposal(submission)).encode()
    response = call.post(
        world, address, body, service=name, headers=_HEADERS, timeout=_TIMEOUT_SECONDS, allowed=(200, 201, 409)
    )
    if response.status == 409:
        known = _known_uuid(response)
        if known is None:
            raise call.unreadable(name, "it says that the entry is there already, but not where")
        response = call.get(world, f"{address}/{known}", service=name, headers=_HEADERS, timeout=_TIMEOUT_SECONDS)
    return entry_of(call.json_object(response, name), name)


def proposal(submission: Submission) -> dict[str, Any]:
    """The entry that the log is asked to take."""
    pem = encode_pem(submission.verifier, "CERTIFICATE" if submission.certificate else "PUBLIC KEY")
    key = base64.b64encode(pem.encode()).decode()
    if isinstance(submission.content, MessageSignature):
        digest = {"algorithm": submission.digest.algorithm.value, "value": submission.digest.hex}
        signature = {"content": base64.b64encode(submission.signature).decode(), "publicKey": {"content": key}}
        return {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {"data": {"hash": digest}, "signature": signature},
        }
    envelope = envelope_bytes(submission.content).decode()
    proposed = {"envelope": envelope, "verifiers": [key]}
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}}


def _known_uuid(response: Response) -> str | None:
    """The UUID in ``Location``, else in the message; only its last segment counts, never its host."""
    last = response.headers.get("location", "").rsplit("/", 1)[-1]
    if _UUID.fullmatch(last):
        return last
    found = _UUID.findall(call.server_message(response.body))
    return found[-1] if found else None


def entry_of(answer: dict[str, Any], name: str) -> LogEntry:
    """The only entry of an answer ``{uuid: entry}``; ``name`` is the service's, for messages.

    Raises:
        ServiceError: ``service-answer-unreadable``.
    """
    if len(answer) != 1:
        raise call.unreadable(name, f"it holds {len(answer)} entries")
    try:
        members = Members(next(iter(answer.values())), "entry")
        verification = members.need("verification")
        proof = verification.need("inclusionProof")
        body = members.bytes("body", at_most=limits.LOG_BODY_BYTES)
        kind = Members(strict_json.loads(body, at_most=limits.LOG_BODY_BYTES, name="log entry"), "body")
        promise = verification.take("signedEntryTimestamp")
        return LogEntry(
            log_index=members.integer("logIndex"),
            log_id=bytes.fromhex(members.text("logID")),
            kind=kind.text("kind"),
            kind_version=kind.text("apiVersion"),
            integrated_time=members.integer("integratedTime") or None,
            promise=decode_base64(promise, "signedEntryTimestamp", at_most=limits.SIGNATURE_BYTES) if promise else None,
            proof=InclusionProof(
                log_index=proof.integer("logIndex"),
                tree_size=proof.integer("treeSize"),
                root_hash=bytes.fromhex(proof.text("rootHash")),
                hashes=tuple(bytes.fromhex(str(one)) for one in proof.array("hashes", at_most=limits.PROOF_HASHES)),
                checkpoint=proof.text("checkpoint"),
            ),
            body=body,
        )
    except ServiceError:
        raise
    except (SigstepError, ValueError) as error:
        raise call.unreadable(name, str(error)[:300]) from None
