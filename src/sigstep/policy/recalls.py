"""Recalls: what is bad, whoever signed it. In the policy file, or in a list of its own, ``sigstep/recalls/v1``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from sigstep.model.digest import Digest
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.conditions import age_of
from sigstep.policy.matcher import Matcher
from sigstep.policy.reading import Section, malformed, matcher_of, section_of
from sigstep.wire import strict_yaml

SCHEMA: Final = "sigstep/recalls/v1"
EXTENSIONS: Final = {
    "commit": "source-repository-digest",
    "run": "run-invocation-uri",
    "repository-id": "source-repository-id",
}
KINDS: Final = ("digest", *EXTENSIONS, "identity")
_COMMIT: Final = re.compile(r"[0-9a-fA-F]{4,64}", re.ASCII)  # Git abbreviates to four digits at least
_GITHUB_RUN: Final = re.compile(r"(https://[^\s/?#@]+/[^\s/?#]+/[^\s/?#]+/actions/runs/[0-9]+)(?:[/?#]\S*)?", re.ASCII)
_ADDRESS: Final = re.compile(r"https?://[^\s/?#@]+/\S*[^\s/]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """One thing that is bad: ``kind`` is one of `KINDS`.

    Attributes:
        value: the digest, commit, run URL (at GitHub that of the run, whatever part of it was named) or repository id;
            for an identity its subject as written, for people.
        issuer, subject: of an identity; ASCII letters compare without case.
        start, end: an identity's window (aware, both ends included); open where None.
        day: when it was recalled.
    """

    kind: str
    value: str
    reason: str
    day: date
    issuer: Matcher | None = None
    subject: Matcher | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallSource:
    """Where a recall list is, and why it is believed: who signs it, or what protects it otherwise.

    ``max_age`` bounds the age of the list; an older one decides nothing.
    """

    file: str
    signed_by: tuple[str, ...]
    protected: str
    max_age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallList:
    """A recall list, read. ``issued`` is aware."""

    issued: datetime
    recalls: tuple[Recall, ...]


def load_recall_list(data: bytes) -> RecallList:
    """Read a recall list; it may be empty, which says that nothing is recalled.

    Raises:
        FormatError: ``policy-malformed``, or of the YAML (see `strict_yaml.documents`).
        UsageError: a pattern is unusable (``matcher-*``).
    """
    found = strict_yaml.documents(data, name="recall list")
    if len(found) != 1:
        raise malformed(f"the recall list has {len(found)} documents", 1, "write exactly one")
    top = section_of(found[0], "recall list").only("schema", "issued", "recalls")
    top.text("schema", among=(SCHEMA,))
    issued = top.moment("issued")
    if issued is None:
        raise malformed("the recall list does not say when it was issued", top.line, "add issued")
    return RecallList(issued=issued, recalls=read_recalls(top))


def read_recalls(top: Section) -> tuple[Recall, ...]:
    """The member ``recalls`` of a file; empty where it is missing.

    Raises:
        FormatError: ``policy-malformed``.
    """
    return tuple(_recall(section_of(node, "recall")) for node in top.items("recalls"))


def read_source(section: Section, signers: frozenset[str]) -> RecallSource:
    """The member ``recall-list`` of a policy file.

    Raises:
        FormatError: ``policy-malformed``.
    """
    section.only("file", "signed-by", "protected", "max-age")
    signed_by = section.texts("signed-by")
    protected = section.text("protected", "")
    unknown = [name for name in signed_by if name not in signers]
    if unknown:
        raise malformed(
            f"no signer {unknown[0][:80]!r} is defined", section.line, "name signers of the signers section"
        )
    if bool(signed_by) == bool(protected):
        fix = "write signed-by and names of signers, or protected and what protects the file"
        raise malformed(f"{section.place} does not say why it is believed", section.line, fix)
    return RecallSource(
        file=section.text("file"),
        signed_by=signed_by,
        protected=protected,
        max_age=age_of(section.text("max-age"), f"{section.place}.max-age", section.line),
    )


def recalled(
    recalls: Iterable[Recall], digests: Iterable[Digest], proofs: Sequence[Verified], related: Iterable[Digest] = ()
) -> tuple[Finding, ...]:
    """A finding for each recall that names the subject, something related to it, or what was proved about it.

    Args:
        digests: of the subject.
        related: of the index that it is taken from, or of what the index lists (`Circumstances.related`).
    """
    own, others = frozenset(map(str, digests)), frozenset(map(str, related))
    return tuple(
        Finding(
            code="policy-recalled",
            what=f"it was recalled on {one.day} by its {one.kind}"
            if one.kind != "digest" or one.value in own
            else f"{one.value} was recalled on {one.day}, which is in this index, or is the index that this is in",
            why=one.reason,
            fix="use another version; whoever recalled it says what is safe",
            step="policy",
        )
        for one in recalls
        if (one.value in own | others if one.kind == "digest" else any(_names(one, proof) for proof in proofs))
    )


def names_value(recall: Recall, said: str) -> bool:
    """Whether a recall of another kind than ``identity`` means the value: a run with all its attempts, a commit also
    in capitals or abbreviated, as people write it."""
    if recall.kind == "commit":
        return said.lower().startswith(recall.value.lower())
    if recall.kind == "run":  # every attempt is of the run; names of hosts and repositories have no case
        run, named = (one.lower().partition("/attempts/")[0] for one in (said, recall.value))
        return run == named
    return said == recall.value


def _recall(section: Section) -> Recall:
    section.only("reason", "date", "from", "until", *KINDS)
    given = [kind for kind in KINDS if kind in section.members]
    day = section.day("date")
    if len(given) != 1 or day is None:
        raise malformed("a recall has no date, or not exactly one thing", section.line, f"name {' or '.join(KINDS)}")
    kind, reason = given[0], section.text("reason")
    if kind != "identity":
        section.only("reason", "date", kind)
        value = _value(kind, section.text(kind), section.members[kind].line)
        return Recall(kind=kind, value=value, reason=reason, day=day)
    inner = section_of(section.members["identity"], "recall.identity").only("issuer", "subject")
    # a name whose case was written otherwise would recall nobody, and say so nowhere
    issuer, subject = (replace(matcher_of(inner, one), ignore_case=True) for one in ("issuer", "subject"))
    start, end = section.moment("from"), section.moment("until", last=True)
    if start is not None and end is not None and start > end:
        raise malformed("the window of a recall ends before it begins", section.line, "write from before until")
    return Recall(
        kind=kind, value=str(subject), reason=reason, day=day, issuer=issuer, subject=subject, start=start, end=end
    )


def _value(kind: str, text: str, line: int) -> str:
    """What a recall compares with; what could name nothing would protect nobody, so it is refused."""
    if kind == "digest":
        return str(Digest.parse(text))
    if kind == "commit" and not _COMMIT.fullmatch(text):
        raise malformed(f"{text[:80]!r} is no commit", line, "write its hexadecimal digits, at least four of them")
    if kind == "run":
        github = _GITHUB_RUN.fullmatch(text)
        if github is not None:
            return github[1]
        if "/actions/runs/" in text or "/attempts/" in text or not _ADDRESS.fullmatch(text):
            fix = "write https://github.com/OWNER/NAME/actions/runs/NUMBER, or the address that the certificate has"
            raise malformed(f"{text[:120]!r} is no address of a run", line, fix)
    if kind == "repository-id" and text != "".join(text.split()):
        raise malformed(f"{text[:80]!r} is no id of a repository", line, "write it as the certificate has it")
    return text


def _names(recall: Recall, proof: Verified) -> bool:
    identity = proof.identity
    if identity is None:
        return False
    if recall.kind != "identity":
        said = identity.extensions.get(EXTENSIONS[recall.kind], "")
        return names_value(recall, said)
    assert recall.issuer is not None
    assert recall.subject is not None
    if not (identity.issuer and recall.issuer.matches(identity.issuer) and recall.subject.matches(identity.subject)):
        return False
    # without a verified time nothing says that it was made outside the window
    return not proof.times or any(
        (recall.start is None or recall.start <= one.time) and (recall.end is None or one.time <= recall.end)
        for one in proof.times
    )
