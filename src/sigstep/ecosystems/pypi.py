"""Python package indexes: PEP 691 metadata and PEP 740 provenance, matched to locked hashes without a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from sigstep.errors import FormatError, Refusal, ServiceError
from sigstep.model import limits
from sigstep.model.dependency import EvidenceState, Locked, LockedFile, PackageEvidence, Publisher
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.policy.publisher import publisher_of
from sigstep.services.attested import problem
from sigstep.services.registry import Ask, object_of, same_origin
from sigstep.verification.pipeline import establish
from sigstep.wire import strict_json
from sigstep.wire.members import parse_time
from sigstep.wire.pep740 import parse_attestation

SIMPLE: Final = "application/vnd.pypi.simple.v1+json"
INTEGRITY: Final = "application/vnd.pypi.integrity.v1+json"
MOST_FILES: Final = 200  # of one version whose provenance is asked for; the largest real ones have about 110


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What the index's evidence about the locked files of one version proves.

    Args:
        locked: the version.
        ask: the index; its base address is that of the simple API.

    Raises:
        ServiceError: the index cannot be asked.
        Refusal: an answer is malformed.
    """
    address = f"{ask.registry}/{quote(locked.name, safe='')}/"
    answer = ask.get(address, accept=SIMPLE, at_most=limits.REGISTRY_METADATA_BYTES)
    if answer.status != 200 or "json" not in answer.headers.get("content-type", ""):
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the index has no JSON about it")
    project = object_of(strict_json.loads(answer.body, at_most=limits.REGISTRY_METADATA_BYTES, name="index's answer"))
    listed = [object_of(one) for one in project.get("files") or ()]
    found, problems = _match(locked, listed)
    files = [one for _, one in found]
    times = [parse_time(one["upload-time"], "upload-time") for one in files if isinstance(one.get("upload-time"), str)]
    about = PackageEvidence(
        state=EvidenceState.ABSENT,
        files=len(found),
        problems=tuple(problems),
        published=min(times, default=None),
        status=_status(project, files),
        history_attested=any(one.get("provenance") and _before(one, times) for one in listed),
    )
    if not found:
        return replace(about, state=EvidenceState.NOT_SERVED, why="the index has none of the locked files")
    if not all("provenance" in one for one in files):
        return replace(about, state=EvidenceState.NOT_SERVED, why="the index does not know attestations")
    wanted = [(digest, one) for digest, one in found if one["provenance"]]
    if len(wanted) > MOST_FILES:
        return replace(about, state=EvidenceState.ERROR, why=f"more than {MOST_FILES} files are locked for one version")
    return _prove_files(wanted, about, ask) if wanted else about


def _match(
    locked: Locked, listed: list[Mapping[str, Any]]
) -> tuple[list[tuple[Digest, Mapping[str, Any]]], list[Finding]]:
    """Locked SHA-256 digests with the index's entry of that file, and files whose hash the index states otherwise."""
    by_name = {str(one.get("filename")): one for one in listed}
    by_hash = {str(object_of(one.get("hashes")).get("sha256")): one for one in listed}
    found: list[tuple[Digest, Mapping[str, Any]]] = []
    problems: list[Finding] = []
    if not locked.pinned:
        stated = [(one, str(object_of(one.get("hashes")).get("sha256", ""))) for one in listed if _is_of(one, locked)]
        return [(Digest.parse(f"sha256:{text}"), one) for one, text in stated if len(text) == 64], []
    for file in locked.files:
        for digest in _sha256(file):
            entry = by_hash.get(digest.hex)
            if entry is not None:
                found.append((digest, entry))
            elif not file.name or file.name in by_name:
                what = "the index has no file of this hash" if not file.name else f"{file.name} has another hash there"
                problems.append(Finding(code="digest-mismatch", what=what, why=str(digest)))
    return found, problems


def _is_of(entry: Mapping[str, Any], locked: Locked) -> bool:
    """Whether a file of the index is one of that version: what a lockfile without hashes allows."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    name = str(entry.get("filename"))
    try:
        found = parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
        return found == Version(locked.version)
    except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
        return False


def _before(entry: Mapping[str, Any], times: list[datetime]) -> bool:
    """Whether a file was uploaded before the earliest of those times; where times are not told, it may have been."""
    uploaded = entry.get("upload-time")
    return not times or not isinstance(uploaded, str) or parse_time(uploaded, "upload-time") < min(times)


def _prove_files(wanted: list[tuple[Digest, Mapping[str, Any]]], about: PackageEvidence, ask: Ask) -> PackageEvidence:
    publishers: list[Publisher] = []
    problems = list(about.problems)
    attested = 0
    addresses = [str(entry["provenance"]) for _, entry in wanted]
    if not all(same_origin(one, ask.registry) for one in addresses):
        return replace(about, state=EvidenceState.NOT_SERVED, why="its provenance is said to be on another host")
    asked = [ask.begin(one, accept=INTEGRITY, at_most=limits.REGISTRY_ATTESTATION_BYTES) for one in addresses]
    for (digest, entry), begun in zip(wanted, asked, strict=True):
        name = str(entry["filename"])
        try:
            answer = begun.result()
        except ServiceError as error:
            return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why=error.what)
        if answer.status != 200:
            return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why=f"the provenance of {name} is gone")
        try:
            publishers.extend(_prove(answer.body, name, digest, ask))
            attested += 1
        except Refusal as error:
            if error.code == "trust-root-outdated":
                return replace(about, state=EvidenceState.ERROR, why=f"{error.what}: {error.why}")
            problems.append(problem(error, name))
    distinct = tuple(dict.fromkeys(publishers))
    state = EvidenceState.VERIFIED if len(problems) == len(about.problems) else EvidenceState.INVALID
    return replace(about, state=state, publishers=distinct, attested=attested, problems=tuple(problems))


def _prove(body: bytes, name: str, digest: Digest, ask: Ask) -> list[Publisher]:
    """The publishers of every attestation in a provenance object; all have to hold, and there is at least one."""
    value = object_of(strict_json.loads(body, at_most=limits.REGISTRY_ATTESTATION_BYTES, name="provenance"))
    subject = Subject(name=name, digests=(digest,), location=name)
    found: list[Publisher] = []
    for group in value.get("attestation_bundles") or ():
        claimed = object_of(object_of(group).get("publisher"))
        for one in object_of(group).get("attestations") or ():
            verified = establish(parse_attestation(one), subject, ask.trust, now=ask.world.clock.now())
            assert verified.identity is not None
            assert verified.statement is not None
            names = [each.name for each in verified.statement.subjects]
            if len(names) != 1 or not same_file(names[0], name):
                raise _refused("subject-mismatch", "an attestation is about another file", str(names[:2]))
            publisher = publisher_of(verified.identity)
            _check_claim(claimed, publisher)
            found.append(publisher)
    if not found:
        raise _refused("provenance-empty", "the provenance object has no attestation", "an empty list proves nothing")
    return found


def _check_claim(claimed: Mapping[str, Any], publisher: Publisher) -> None:
    """Whether the certificate names the publisher that the index names; what either leaves out is not compared."""
    repository = str(claimed.get("repository") or "").lower()
    pairs = (
        (repository, publisher.repository.partition("://")[2].partition("/")[2]),
        (str(claimed.get("environment") or ""), publisher.environment),
        (str(claimed.get("email") or ""), "" if repository else publisher.subject),
    )
    for said, proved in pairs:
        if said and said != proved and (proved or said == repository):
            raise _refused(
                "publisher-claim-mismatch",
                "the index names another publisher than the certificate",
                f"{said[:200]} and {proved[:200] or publisher.subject[:200]}",
            )


def same_file(stated: str, name: str) -> bool:
    """Whether two distribution file names mean one file: tags of a wheel have no order (binary distribution format)."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    if stated == name:
        return True
    try:
        if name.endswith(".whl"):
            return parse_wheel_filename(stated) == parse_wheel_filename(name)
        return parse_sdist_filename(stated) == parse_sdist_filename(name)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return False


def _refused(code: str, what: str, why: str) -> FormatError:
    return FormatError(code=code, what=what, why=why, fix="do not install it; tell the maintainers")


def _status(project: Mapping[str, Any], files: list[Mapping[str, Any]]) -> str:
    if object_of(project.get("project-status")).get("status") == "quarantined":
        return "quarantined"
    return "yanked" if files and all(one.get("yanked") for one in files) else ""


def _sha256(file: LockedFile) -> list[Digest]:
    return [one for one in file.digests if one.algorithm is Algorithm.SHA256]
