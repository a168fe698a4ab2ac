"""What bundles claim, for people and machines; never to be taken for a verdict."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any, Final

from sigstep.errors import SigstepError
from sigstep.flows.bundles import Claims
from sigstep.model.bundle import Bundle, CertificateMaterial, Envelope, LogEntry
from sigstep.proofs.certificate import identity_of, load_leaf
from sigstep.rendering.statement import SHOWN, statements_mermaid, story
from sigstep.rendering.text import plain
from sigstep.wire.statement import parse_statement

SCHEMA: Final = "sigstep/claims/v1"


def claims_json(claims: Sequence[Claims]) -> str:
    """The claims in the versioned form ``sigstep/claims/v1``; ``verified`` is always false."""
    documents = [{"source": one.source, **_claims(one.signed.bundle)} for one in claims]
    return json.dumps({"schema": SCHEMA, "verified": False, "bundles": documents}, indent=2, ensure_ascii=True)


def claims_text(claims: Sequence[Claims]) -> str:
    """A few lines for each bundle."""
    lines = ["Claims only: nothing of this has been verified."]
    for one in claims:
        lines.append(plain(one.source))
        lines += [f"  {name}: {plain(value)}" for name, value in _lines(_claims(one.signed.bundle))]
    return "\n".join(lines)


def claims_mermaid(claims: Sequence[Claims]) -> str:
    """The statements among the claims as one Mermaid flow chart; signatures over files have none."""
    drawn = []
    for one in claims:
        content = one.signed.bundle.content
        if not isinstance(content, Envelope):
            continue
        try:
            statement = parse_statement(content.payload)
        except SigstepError:
            continue
        signer = _signer(one.signed.bundle)
        drawn.append((str(signer.get("subject") or signer.get("keyHint") or "nobody"), statement))
    return statements_mermaid(drawn)


def _claims(bundle: Bundle) -> dict[str, Any]:
    signer = _signer(bundle)
    return {
        "version": bundle.version.value,
        "signer": signer,
        "askFor": _options(signer),
        "content": _content(bundle),
        "entries": [_entry(entry) for entry in bundle.entries],
        "timestamps": len(bundle.timestamps),
        "pending": bundle.pending,
    }


def _signer(bundle: Bundle) -> dict[str, Any]:
    if not isinstance(bundle.material, CertificateMaterial):
        return {"keyHint": bundle.material.hint}
    try:
        leaf = load_leaf(bundle.material.leaf)
        identity = identity_of(leaf)
    except SigstepError as error:
        return {"unreadable": error.why or error.what, "code": error.code}
    certificate = leaf.certificate
    return {
        "subject": identity.subject,
        "issuer": identity.issuer,
        "notBefore": certificate.not_valid_before_utc.isoformat(),
        "notAfter": certificate.not_valid_after_utc.isoformat(),
        "extensions": dict(identity.extensions),
    }


def _options(signer: dict[str, Any]) -> str:
    """Options of ``sigstep verify`` that this signer would satisfy, if the claims hold."""
    if "subject" not in signer:
        return "--key FILE" if "keyHint" in signer else ""
    if not signer["issuer"]:
        return ""  # no option takes a name that nobody vouched for
    return f"--identity {shlex.quote(signer['subject'])} --issuer {shlex.quote(signer['issuer'])}"


def _content(bundle: Bundle) -> dict[str, Any]:
    content = bundle.content
    if not isinstance(content, Envelope):
        return {"kind": "message", "digest": str(content.digest) if content.digest else None}
    try:
        statement = parse_statement(content.payload)
    except SigstepError as error:
        return {"kind": "envelope", "payloadType": content.payload_type, "unreadable": error.what, "code": error.code}
    return {
        "kind": "envelope",
        "payloadType": content.payload_type,
        "predicateType": statement.predicate_type,
        "subjects": [{"name": one.name, "digest": dict(one.digests)} for one in statement.subjects],
        "says": list(story(statement)),
        "predicate": statement.predicate,
    }


def _entry(entry: LogEntry) -> dict[str, Any]:
    return {
        "logId": entry.log_id.hex(),
        "logIndex": entry.log_index,
        "kind": f"{entry.kind} {entry.kind_version}",
        "integratedTime": entry.integrated_time,
        "promise": entry.promise is not None,
        "treeSize": entry.proof.tree_size if entry.proof else None,
    }


def _lines(claims: dict[str, Any]) -> list[tuple[str, str]]:
    signer, content = claims["signer"], claims["content"]
    lines = [("version", claims["version"])]
    lines += [(f"signer {name}", str(value)) for name, value in signer.items() if name != "extensions" and value]
    lines += [(f"signer {name}", value) for name, value in signer.get("extensions", {}).items()]
    apart = ("subjects", "says", "predicate")
    lines += [(f"content {name}", str(value)) for name, value in content.items() if name not in apart and value]
    said = content.get("says", [])
    lines += [("says", line) for line in said[:SHOWN]]
    lines += [("says", f"{len(said) - SHOWN} more lines; --format json has all")] if len(said) > SHOWN else []
    subjects = content.get("subjects", [])
    for one in subjects[:SHOWN]:
        digests = ", ".join(f"{name}:{value}" for name, value in one["digest"].items())
        lines.append(("about", f"{one['name'] or 'an unnamed subject'} ({digests})"))
    if len(subjects) > SHOWN:
        lines.append(("about", f"{len(subjects) - SHOWN} more"))
    lines += [("log entry", f"{one['kind']}, index {one['logIndex']}") for one in claims["entries"]]
    lines.append(("time stamps", str(claims["timestamps"])))
    lines += [("ask for", claims["askFor"])] if claims["askFor"] else []
    if claims["pending"]:
        lines.append(("pending", "its log entry is still to come"))
    return lines
