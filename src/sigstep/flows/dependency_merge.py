"""Put the reports of a matrix of jobs together: parts of one repository, and many repositories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, UsageError
from sigstep.model import limits
from sigstep.model.dependency import (
    Change,
    DependencyReport,
    DependencyResult,
    EvidenceState,
    Judged,
    Level,
    Locked,
    LockedFile,
    PackageEvidence,
    Publisher,
)
from sigstep.model.digest import Digest
from sigstep.wire import strict_json
from sigstep.wire.members import as_mapping, parse_time

SCHEMA: Final = "sigstep/dependencies/v1"


def merge_reports(paths: Sequence[Path]) -> DependencyReport:
    """One report of all: every part of each repository has to be there, once.

    Where there are several repositories, a file's path is preceded by its repository's name.

    Raises:
        UsageError: ``report-unreadable``, ``report-parts``: a part is missing, is there twice, or is of another run.
        FormatError: ``report-malformed``, or a code of strict JSON.
    """
    reports = [read_report(_read(path)) for path in paths]
    groups = defaultdict[str, list[DependencyReport]](list)
    for one in reports:
        groups[one.repository].append(one)
    whole = [_whole(name, parts) for name, parts in groups.items()]
    if not whole:
        raise _parts("there is no report", "name at least one")
    if len(whole) == 1:
        return whole[0]
    return DependencyReport(
        base=", ".join(dict.fromkeys(one.base for one in whole if one.base)),
        head=", ".join(dict.fromkeys(one.head for one in whole)),
        profile=", ".join(dict.fromkeys(one.profile for one in whole)),
        results=tuple(_placed(result, one.repository) for one in whole for result in one.results),
        notices=tuple(
            replace(notice, message=f"{one.repository}: {notice.message}") for one in whole for notice in one.notices
        ),
        unchanged=sum(one.unchanged for one in whole),
        repository=f"{len(whole)} repositories",
    )


def read_report(data: bytes) -> DependencyReport:
    """A report as `sigstep.rendering.dependency_json` writes it.

    Raises:
        FormatError: ``report-malformed``, or a code of strict JSON.
    """
    try:
        value = as_mapping(strict_json.loads(data, at_most=limits.BUNDLE_BYTES, name="report"), "report")
        if value["schema"] != SCHEMA:
            raise _malformed(f"its schema is {str(value['schema'])[:80]!r}")
        return DependencyReport(
            repository=str(value["repository"]),
            base=str(value["base"]),
            head=str(value["head"]),
            profile=str(value["policy"]["profile"]),
            policy=str(value["policy"]["file"]),
            shard=(int(value["shard"]["part"]), int(value["shard"]["of"])),
            results=tuple(_result(one) for one in value["results"]),
            notices=tuple(_judged(one) for one in value["notices"]),
            unchanged=int(value["stats"]["unchanged"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(f"{type(error).__name__}: {error}"[:200]) from None


def _whole(name: str, parts: Sequence[DependencyReport]) -> DependencyReport:
    first = parts[0]
    same = {(one.base, one.head, one.profile, one.policy, one.shard[1]) for one in parts}
    if len(same) != 1:
        raise _parts(f"the parts of {name or 'the repository'} are of different runs", "take all of one run")
    if sorted(one.shard[0] for one in parts) != list(range(1, first.shard[1] + 1)):
        have = ", ".join(str(number) for number in sorted(one.shard[0] for one in parts))
        raise _parts(f"of {first.shard[1]} parts there are {have}", "run the missing part again; give each once")
    return replace(
        first,
        results=tuple(result for one in parts for result in one.results),
        notices=tuple(dict.fromkeys(notice for one in parts for notice in one.notices)),
        shard=(1, 1),
    )


def _placed(result: DependencyResult, repository: str) -> DependencyResult:
    change = result.change
    return replace(result, change=replace(change, new=replace(change.new, path=f"{repository}/{change.new.path}")))


def _result(value: Mapping[str, Any]) -> DependencyResult:
    manifest = value["manifest"]
    new = Locked(
        ecosystem=str(value["ecosystem"]),
        name=str(value["name"]),
        version=str(value["to"]),
        ref=str(value["ref"]["to"]),
        source=str(value["source"]),
        registry=str(value["registry"]),
        files=tuple(LockedFile(name="", digests=(Digest.parse(one),)) for one in value["hashes"]),
        path=str(manifest["path"]),
        line=int(manifest["line"]),
    )
    was = value["from"]
    old = None if was is None else replace(new, version=str(was), ref=str(value["ref"]["from"]), files=())
    before = value["evidence"]["old"]
    return DependencyResult(
        change=Change(new=new, old=old),
        new=_evidence(value["evidence"]["new"]),
        old=None if before is None else _evidence(before),
        findings=tuple(_judged(one) for one in value["findings"]),
    )


def _evidence(value: Mapping[str, Any]) -> PackageEvidence:
    known = {one.name for one in fields(Publisher)}
    return PackageEvidence(
        state=EvidenceState(value["state"]),
        basis=str(value["basis"]),
        why=str(value["why"]),
        attested=int(value["attested"]),
        files=int(value["files"]),
        published=parse_time(value["published"], "published") if value["published"] else None,
        status=str(value["status"]),
        run_conclusion=str(value["run_conclusion"]),
        publishers=tuple(
            Publisher(**{name: str(text) for name, text in one.items() if name in known}) for one in value["publishers"]
        ),
        notes=tuple(str(one) for one in value["notes"]),
    )


def _judged(value: Mapping[str, Any]) -> Judged:
    return Judged(
        rule=str(value["rule"]),
        level=Level(value["level"]),
        message=str(value["message"]),
        accept=str(value["accept"]),
        path=str(value["path"]),
        line=max(1, int(value["line"])),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.BUNDLE_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="report-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None


def _parts(what: str, fix: str) -> UsageError:
    return UsageError(code="report-parts", what=what, why="a report of a part says nothing about the others", fix=fix)


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="report-malformed",
        what="a report about dependencies cannot be read",
        why=why,
        fix="make it with sigstep deps diff --format json",
    )
