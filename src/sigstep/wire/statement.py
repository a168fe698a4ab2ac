"""in-toto statements, from the exact bytes that were signed, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.statement import PAYLOAD_TYPE, STATEMENT_V01, STATEMENT_V1, Statement, StatementSubject
from sigstep.wire import strict_json
from sigstep.wire.members import as_mapping, missing, wrong_type


def is_statement_type(payload_type: str) -> bool:
    """Whether an envelope of that payload type holds a statement (in-toto envelope specification)."""
    return payload_type == PAYLOAD_TYPE or (
        payload_type.startswith("application/vnd.in-toto.") and payload_type.endswith("+json")
    )


def parse_statement(payload: bytes) -> Statement:
    """The statement in a payload; unknown members are ignored, as the specification demands of readers.

    Raises:
        FormatError: ``statement-malformed``, ``statement-no-subject``, or a code of strict JSON.
    """
    value = as_mapping(strict_json.loads(payload, at_most=limits.BUNDLE_BYTES, name="statement"), "statement")
    kind = value.get("_type")
    if kind not in {STATEMENT_V1, STATEMENT_V01}:
        raise _malformed(f"its _type is {str(kind)[:80]!r}")
    predicate_type = value.get("predicateType")
    if not isinstance(predicate_type, str):  # an early builder of slsa-github-generator wrote an empty one
        raise _malformed("it has no predicateType")
    predicate = value.get("predicate")
    if isinstance(predicate, str):  # cosign 2 wrote SPDX tag-value so
        predicate = {"Data": predicate}
    if predicate is not None and not isinstance(predicate, dict):
        raise _malformed("its predicate is not an object")
    return Statement(
        type=kind, subjects=_subjects(value.get("subject")), predicate_type=predicate_type, predicate=predicate
    )


def _subjects(value: Any) -> tuple[StatementSubject, ...]:
    if not isinstance(value, list) or not value:
        raise FormatError(
            code="statement-no-subject",
            what="the statement is about nothing",
            why="it has no subject",
            fix="attest at least one artifact",
        )
    if len(value) > limits.SUBJECTS_READ:
        raise _malformed(f"it has {len(value)} subjects; at most {limits.SUBJECTS_READ} are read")
    return tuple(_subject(one, f"statement.subject[{at}]") for at, one in enumerate(value))


def _subject(value: Any, path: str) -> StatementSubject:
    members = as_mapping(value, path)
    digests = as_mapping(members.get("digest"), f"{path}.digest")
    if not digests:
        raise missing(f"{path}.digest")
    if len(digests) > limits.SUBJECT_DIGESTS:
        raise _malformed(f"{path} has {len(digests)} digests")
    for name, digits in digests.items():
        if not isinstance(digits, str):
            raise wrong_type(f"{path}.digest.{name[:40]}", "a string")
    return StatementSubject(
        name=_text(members, "name", path),
        uri=_text(members, "uri", path),
        digests={name: digits.lower() for name, digits in digests.items()},
        annotations=as_mapping(members.get("annotations") or {}, f"{path}.annotations"),
    )


def _text(members: Mapping[str, Any], name: str, path: str) -> str:
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong_type(f"{path}.{name}", "a string")
    return value


def encode_statement(statement: Statement) -> bytes:
    """The bytes to sign: one line of JSON, members in the order of the specification."""
    subjects = []
    for one in statement.subjects:
        subject: dict[str, Any] = {}
        if one.name:
            subject["name"] = one.name
        if one.uri:
            subject["uri"] = one.uri
        subject["digest"] = dict(one.digests)
        if one.annotations:
            subject["annotations"] = dict(one.annotations)
        subjects.append(subject)
    document: dict[str, Any] = {
        "_type": statement.type,
        "subject": subjects,
        "predicateType": statement.predicate_type,
    }
    if statement.predicate is not None:
        document["predicate"] = dict(statement.predicate)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="statement-malformed",
        what="the payload is not an in-toto statement",
        why=why,
        fix="sign a Statement v1 (or v0.1)",
    )
