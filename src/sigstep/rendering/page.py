"""What a report says to people, in one order for Markdown and HTML: nothing here is escaped yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sigstep.model.receipt import Receipt
from sigstep.model.verdict import Finding, Outcome, Report, Verdict
from sigstep.model.verified import Verified
from sigstep.rendering.level import level_text
from sigstep.rendering.report import any_signer_text, weaker

ROWS: Final = 200  # subjects shown; the report as JSON has all
_MARKS: Final = {Outcome.ACCEPTED: "verified", Outcome.REFUSED: "refused", Outcome.UNDECIDED: "undecided"}
_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._~:/?=&%@+#-]*)?")
_PUBLIC_LOGS: Final = re.compile(r"https://(?:rekor|log\d{4}-\d)\.(?:rekor\.)?sigstore\.dev/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told around a report.

    Attributes:
        verb: what was done with what is accepted, ``verified`` or ``attested``.
        receipts: where bundles were published.
        problems: what was not made or not published: a name and the finding.
        remarks: what is told as a finding and changes nothing.
        commands: lines that check the same elsewhere.
        notes: other lines, e.g. where the policy came from.
    """

    verb: str = "verified"
    receipts: tuple[Receipt, ...] = ()
    problems: tuple[tuple[str, Finding], ...] = ()
    remarks: tuple[tuple[str, Finding], ...] = ()
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING_MORE: Final = Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, and where it leads; the address is empty unless it is plain HTTPS."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One subject: name, digest, status with its outcome, signer, log entries."""

    name: str
    digest: str
    outcome: Outcome
    status: str
    signer: str
    log: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that failed: about what, and the finding."""

    about: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole page; every part may be empty but title and rows."""

    title: str
    outcome: Outcome
    facts: tuple[tuple[str, Text], ...]
    rows: tuple[Row, ...]
    hidden_rows: int
    published: tuple[tuple[str, Text], ...]
    level: str
    chain: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    problems: tuple[Problem, ...]
    hidden_problems: int
    notes: tuple[str, ...]


def page_of(report: Report, told: Told = NOTHING_MORE) -> Page:
    """The page of a report: worst subjects first where there are more than are shown."""
    verdicts = report.verdicts
    accepted = sum(verdict.outcome is Outcome.ACCEPTED for verdict in verdicts)
    proofs = [verdict.accepted[0] for verdict in verdicts if verdict.accepted]
    shown = verdicts if len(verdicts) <= ROWS else worst_first(verdicts)[:ROWS]
    problems = [Problem(about=name, finding=finding) for name, finding in (*told.problems, *told.remarks)]
    problems += [
        Problem(about=verdict.subject.name, finding=finding)
        for verdict in worst_first(verdicts)
        for finding in verdict.findings
    ]
    whole = report.exit_code == 0 and not told.problems
    return Page(
        title=f"{accepted} of {len(verdicts)} {told.verb}",
        outcome=Outcome.ACCEPTED if whole else Outcome.REFUSED if report.exit_code == 1 else Outcome.UNDECIDED,
        facts=_facts(proofs[0]) if proofs else (),
        rows=tuple(_row(verdict, told.verb) for verdict in shown),
        hidden_rows=len(verdicts) - len(shown),
        published=tuple((one.store, _linked(one.location, one.url or one.location)) for one in told.receipts[:ROWS]),
        level=level_text(proofs[0]) if proofs else "",
        chain=_chain(proofs[0]) if proofs else (),
        commands=told.commands,
        problems=tuple(problems[:ROWS]),
        hidden_problems=max(0, len(problems) - ROWS),
        notes=(
            *told.notes,
            *(f"Weaker than the default: {one}." for one in weaker(one for each in verdicts for one in each.accepted)),
            *((f"Unsafe: {any_signer_text(report)}.",) if report.any_signer else ()),
        ),
    )


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Refused before undecided before accepted, otherwise in order."""
    order = (Outcome.REFUSED, Outcome.UNDECIDED, Outcome.ACCEPTED)
    return sorted(verdicts, key=lambda verdict: order.index(verdict.outcome))


def signer_of(proof: Verified) -> str:
    """The signer in one text."""
    return proof.identity.subject if proof.identity else f"key {proof.key_id}"


def _row(verdict: Verdict, verb: str) -> Row:
    accepted = verdict.outcome is Outcome.ACCEPTED
    proof = verdict.accepted[0] if verdict.accepted else None
    return Row(
        name=verdict.subject.name or verdict.subject.location,
        digest=str(verdict.subject.digests[0]) if verdict.subject.digests else "",
        outcome=verdict.outcome,
        status=verb if accepted else _MARKS[verdict.outcome],
        signer=signer_of(proof) if proof else "",
        log=_log(proof) if proof else (),
    )


def _log(proof: Verified) -> tuple[Text, ...]:
    """Entries, linked where the log is public and its entries can be looked at."""
    found = []
    for one in proof.entries:
        public = _PUBLIC_LOGS.fullmatch(one.log_url) is not None and one.kind_version != "0.0.2"
        known = public and one.log_index is not None
        url = f"https://search.sigstore.dev/?logIndex={one.log_index}" if known else ""
        found.append(Text(text=one.index_text, url=url))
    return tuple(found)


def _facts(proof: Verified) -> tuple[tuple[str, Text], ...]:
    """What was built and by whom, as the certificate says it."""
    said = proof.identity.extensions if proof.identity is not None else {}
    source, commit = said.get("source-repository", ""), said.get("source-repository-digest", "")
    named = (
        ("source", source, source),
        ("commit", commit, f"{source}/commit/{commit}"),
        ("ref", said.get("source-repository-ref", ""), ""),
        ("workflow", said.get("build-signer-uri", ""), ""),
        ("run", said.get("run-invocation-uri", ""), said.get("run-invocation-uri", "")),
        ("started by", said.get("build-trigger", ""), ""),
        ("runner", said.get("runner-environment", ""), ""),
    )
    return tuple((label, _linked(text, url)) for label, text, url in named if text)


def _chain(proof: Verified) -> tuple[tuple[str, str], ...]:
    """Build, identity, certificate, log: what each vouches for, as a label and a text."""
    said = proof.identity.extensions if proof.identity is not None else {}
    nodes = [("build", said.get("run-invocation-uri") or proof.subject.name)]
    nodes.append(("identity", signer_of(proof)))
    if proof.identity is not None:
        nodes.append(("certificate", f"{proof.root}, issuer {proof.identity.issuer}"))
    nodes += [("log", f"entry {one.index_text} of {one.log_url}") for one in proof.entries]
    nodes += [("time", f"{one.time:%Y-%m-%dT%H:%M:%SZ} by {one.authority}") for one in proof.times[:1]]
    return tuple(nodes)


def _linked(text: str, url: str) -> Text:
    return Text(text=text, url=url if _URL.fullmatch(url) else "")
