"""Log entries and times of a bundle, proved against one trusted root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sigstep.errors import ProofError
from sigstep.model import limits
from sigstep.model.bundle import LogEntry
from sigstep.model.subject import Subject
from sigstep.model.verified import TimeSource, VerifiedEntry, VerifiedTime
from sigstep.proofs.chain import outdated
from sigstep.proofs.checkpoint import verify_inclusion
from sigstep.proofs.entry import verify_binding
from sigstep.proofs.prepared import PreparedLog
from sigstep.proofs.promise import verify_promise
from sigstep.proofs.timestamp import verify_timestamp
from sigstep.verification.evidence import Evidence
from sigstep.verification.trace import Trace

_SKEW: Final = timedelta(seconds=limits.FUTURE_SKEW_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedEntry:
    """A proved entry with its log."""

    verified: VerifiedEntry
    log: PreparedLog


def verify_entries(evidence: Evidence, subject: Subject, trace: Trace) -> tuple[ProvedEntry, ...]:
    """Prove every entry of a log that the root knows; count distinct logs.

    Raises:
        FormatError, ProofError: an entry of a known log does not hold, ``entry-duplicate``, ``entry-threshold``,
            ``log-unknown``, ``trust-root-outdated``, ``log-window``, ``time-in-future``.
    """
    logs = {one.log.log_id: one for one in (evidence.root.logs if evidence.root else ())}
    seen: set[tuple[bytes, int]] = set()
    proved: list[ProvedEntry] = []
    unknown: list[LogEntry] = []
    for entry in evidence.bundle.entries:
        if (entry.log_id, entry.log_index) in seen:
            raise ProofError(
                code="entry-duplicate",
                what="the bundle has the same log entry twice",
                why=f"index {entry.log_index} is repeated",
                fix="make the bundle again",
            )
        seen.add((entry.log_id, entry.log_index))
        log = logs.get(entry.log_id)
        if log is None:
            unknown.append(entry)
            trace.note(f"entry {entry.log_index} is of an unknown log {entry.log_id.hex()[:16]} and does not count")
            continue
        proved.append(_verify_entry(entry, log, evidence, subject))
        trace.say(_entry_words, proved[-1].verified)
    _check_thresholds(evidence, proved, unknown)
    return tuple(proved)


def _entry_words(entry: VerifiedEntry) -> tuple[str, ...]:
    return (
        f"entry {entry.index_text} of {entry.log_url}: {', '.join(entry.proved_by)} hold",
        f"its body ({entry.kind} {entry.kind_version}) has this signature, this signer and this content",
        *((f"its tree was seen by {', '.join(entry.witnesses)}",) if entry.witnesses else ()),
    )


def _time_words(time: VerifiedTime) -> tuple[str, ...]:
    return (f"{time.time:%Y-%m-%dT%H:%M:%SZ} by {time.authority}",)


def _verify_entry(entry: LogEntry, log: PreparedLog, evidence: Evidence, subject: Subject) -> ProvedEntry:
    version_2 = entry.kind_version == "0.0.2" and entry.kind in {"hashedrekord", "dsse"}
    integrated = None if version_2 else verify_promise(entry, log)
    if integrated is not None and integrated > evidence.now + _SKEW:
        raise ProofError(
            code="time-in-future",
            what="the log entry is from the future",
            why=f"its time is {integrated:%Y-%m-%dT%H:%M:%SZ}",
            fix="check this machine's clock",
        )
    if integrated is not None:
        check_log_window(log, integrated)
    witnesses: tuple[str, ...] = ()
    if entry.proof is not None:
        witnesses = verify_inclusion(entry, log, evidence.witnesses)
    elif integrated is None:
        raise ProofError(
            code="entry-unproved",
            what="nothing proves that the entry is in the log",
            why="it has no inclusion proof, and its log makes no promises",
            fix="fetch the entry from the log again",
        )
    verify_binding(entry, evidence.bundle.content, evidence.signer.verifiers, subject, evidence.original)
    proved_by = [name for name, held in (("promise", integrated), ("inclusion proof", entry.proof)) if held is not None]
    verified = VerifiedEntry(
        log_url=log.log.base_url,
        log_id=entry.log_id,
        log_index=entry.log_index if version_2 or integrated is not None else None,
        kind=entry.kind,
        kind_version=entry.kind_version,
        integrated_time=integrated,
        proved_by=tuple(proved_by),
        witnesses=witnesses,
    )
    return ProvedEntry(verified=verified, log=log)


def _check_thresholds(evidence: Evidence, proved: list[ProvedEntry], unknown: list[LogEntry]) -> None:
    needed = evidence.thresholds
    if len({one.verified.log_id for one in proved}) < needed.entries:
        if unknown:
            raise _unknown_log(evidence, unknown[0])
        raise ProofError(
            code="entry-threshold",
            what="the signature is not in enough transparency logs",
            why=f"{len(proved)} of {needed.entries} needed log entries are there",
            fix="`sigstep complete` adds the missing entry" if evidence.bundle.pending else "sign again with a log",
        )
    seen = min((len(set(one.verified.witnesses)) for one in proved), default=0)
    if seen < needed.witnesses:
        named = len(evidence.witnesses)
        raise ProofError(
            code="witness-threshold",
            what="not enough known witnesses saw the log's tree",
            why=f"each checkpoint needs {needed.witnesses} of the {named} that are named, and has {seen}",
            fix="sign with a log that is witnessed, or name its witnesses with --witness or in the policy",
        )


def _unknown_log(evidence: Evidence, entry: LogEntry) -> ProofError:
    newest = evidence.root.newest if evidence.root else None
    leaf = evidence.signer.leaf
    if newest is not None and leaf is not None and leaf.certificate.not_valid_before_utc > newest:
        return outdated(f"the transparency log {entry.log_id.hex()[:16]}")
    return ProofError(
        code="log-unknown",
        what="the signature is in no transparency log of the trusted root",
        why=f"the log {entry.log_id.hex()[:16]} is not in it",
        fix="check that the signature is of the instance you trust; name another with --trusted-root",
    )


def verify_times(evidence: Evidence, entries: tuple[ProvedEntry, ...], trace: Trace) -> tuple[VerifiedTime, ...]:
    """Times that trusted authorities vouch for: RFC 3161 stamps, and integrated times with a promise.

    Raises:
        ProofError: a stamp of a trusted authority does not hold, ``timestamp-duplicate``, ``time-in-future``,
            ``time-threshold``, ``log-window``.
    """
    times = [
        VerifiedTime(
            time=one.verified.integrated_time, source=TimeSource.TRANSPARENCY_LOG, authority=one.verified.log_url
        )
        for one in entries
        if one.verified.integrated_time is not None
    ]
    authorities = evidence.root.timestamp_authorities if evidence.root else ()
    if len(set(evidence.bundle.timestamps)) != len(evidence.bundle.timestamps):
        raise ProofError(
            code="timestamp-duplicate",
            what="the bundle has the same time stamp twice",
            why="each may count once",
            fix="make the bundle again",
        )
    foreign = 0
    for stamp in evidence.bundle.timestamps:
        proved = verify_timestamp(stamp, evidence.signature, authorities)
        if proved is None:
            foreign += 1
            trace.note("a time stamp of an authority outside the trusted root proves nothing")
            continue
        made, authority = proved
        if made > evidence.now + _SKEW:
            raise ProofError(
                code="time-in-future",
                what="a time stamp is from the future",
                why=f"its time is {made:%Y-%m-%dT%H:%M:%SZ}",
                fix="check this machine's clock",
            )
        uri = authority.authority.uri
        times.append(VerifiedTime(time=made, source=TimeSource.TIMESTAMP_AUTHORITY, authority=uri))
    for one in times:
        trace.say(_time_words, one)
    _check_time_thresholds(evidence, times, foreign)
    for entry in entries:
        if entry.verified.integrated_time is None:
            for one in times:
                check_log_window(entry.log, one.time)
    return tuple(times)


def _check_time_thresholds(evidence: Evidence, times: list[VerifiedTime], foreign: int) -> None:
    needed = evidence.thresholds
    signed = {one.authority for one in times if one.source is TimeSource.TIMESTAMP_AUTHORITY}
    sources = {(one.source, one.authority) for one in times}
    if len(signed) >= needed.signed_times and len(sources) >= needed.times:
        return
    newest = evidence.root.newest if evidence.root else None
    leaf = evidence.signer.leaf
    if foreign and newest is not None and leaf is not None and leaf.certificate.not_valid_before_utc > newest:
        raise outdated("the timestamp authority")
    raise ProofError(
        code="time-threshold",
        what="nothing proves when the signature was made",
        why=f"{len(sources)} trusted times, {len(signed)} of them of timestamp authorities; "
        f"needed are {needed.times} and {needed.signed_times}",
        fix="sign again with a timestamp authority of the trusted root",
    )


def check_log_window(log: PreparedLog, time: datetime) -> None:
    """Whether the log's key counted at a time; a key without a start never does.

    Raises:
        ProofError: ``log-window``.
    """
    if not log.valid_at(time):
        raise ProofError(
            code="log-window",
            what="the transparency log did not count when the signature was made",
            why=f"{time:%Y-%m-%dT%H:%M:%SZ} lies outside the window of {log.log.base_url} in the trusted root",
            fix="sign again, or take a current trusted root",
        )
