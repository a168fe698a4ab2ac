"""Attest: signed in-toto statements about artifacts, proved before they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sigstep.errors import NothingToExamine, PolicyRefusal, UsageError
from sigstep.flows.resume import kept_bundle, says
from sigstep.flows.sign import Made, SigningResult, for_each, publish
from sigstep.flows.signing_run import Run, SigningOptions, content_claims, open_run
from sigstep.model import limits
from sigstep.model.digest import Algorithm
from sigstep.model.statement import PROVENANCE, STATEMENT_V1, Predicate, Statement, StatementSubject
from sigstep.model.subject import Subject
from sigstep.policy.bill import described
from sigstep.ports.families import SubjectSource
from sigstep.ports.store import Store
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole
from sigstep.predicates.slsa_provenance import NOTHING_MORE, Extras, from_claims
from sigstep.signing.batch import sign_statement
from sigstep.stores.files import SUFFIX, FileStore
from sigstep.stores.release import ReleaseStore
from sigstep.wire.bundle import encode_bundle
from sigstep.wire.statement import encode_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestRequest:
    """What to attest about what, how, and where the bundles go.

    Attributes:
        subjects: the artifacts.
        options: how to sign.
        predicates: what is attested, at least one; each makes statements of its own under the same certificate.
        extras: what provenance made here says beside the claims of the token.
        one_statement: one statement over all subjects instead of one bundle each.
        at_most: subjects of one statement; more are split.
        store: where bundles are written; several for one path become JSON Lines.
        more_stores: where they are published besides.
        resume: keep bundles that are there, verify, and say the same.
    """

    subjects: SubjectSource
    options: SigningOptions
    predicates: tuple[Predicate, ...] = (PROVENANCE,)
    extras: Extras = NOTHING_MORE
    one_statement: bool = False
    at_most: int = limits.SUBJECTS
    store: FileStore = field(default_factory=FileStore)
    more_stores: tuple[Store, ...] = ()
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One bundle to be made."""

    subjects: tuple[Subject, ...]
    predicate: Predicate
    store: FileStore


def attest(request: AttestRequest, world: World) -> SigningResult:
    """Attest every artifact: each predicate about each of them.

    Raises:
        UsageError: ``subject-names-collide``: two subjects of one statement have one name.
        NothingToExamine: ``no-predicate``.
        PolicyRefusal: ``sbom-subject-mismatch``.
        SigstepError: nothing could be begun: no subject, no token, no trust, no service.
    """
    subjects = request.subjects.resolve(world)
    if request.one_statement:
        check_names(subjects)
    for predicate in request.predicates:
        check_described(predicate, [(one, _sha256s(one)) for one in subjects])
    run = open_run(request.options, world)
    predicates = complete(request.predicates, request.extras, request.options, run, world)
    groups = split(subjects, request.at_most) if request.one_statement else tuple((one,) for one in subjects)
    jobs = _jobs(request, groups, predicates)

    gathered = request.store.path if len(jobs) > 1 else None
    if gathered is not None and request.resume:
        raise UsageError(
            code="option-conflict",
            what="several bundles in one file are not resumed",
            why="that file is written when all of them are made",
            fix="leave out --bundle, or give --output-dir",
        )

    def one(number: int, group: tuple[Subject, ...]) -> Made:
        job = jobs[number - 1]
        assert job.predicate.content is not None
        payload = encode_statement(statement(group, job.predicate.type, job.predicate.content))
        if request.resume:
            place = job.store.place(group[0])
            kept = kept_bundle(place, group, says(payload), run, world)
            if kept is not None:
                return Made(subjects=group, bundle=kept, location=str(place), kept=True)
        bundle = sign_statement(payload, group[0], run.batch, world)
        asset = "" if gathered is not None else job.store.place(group[0]).name
        more = tuple(replace(one, asset=asset) if isinstance(one, ReleaseStore) else one for one in request.more_stores)
        return publish(bundle, group, job.store, world, more, gathered=gathered)

    result = for_each([job.subjects for job in jobs], one)
    if gathered is not None:
        write_whole(gathered, b"".join(encode_bundle(made.bundle) + b"\n" for made in result.made))
    return result


def complete(
    predicates: Sequence[Predicate], extras: Extras, options: SigningOptions, run: Run, world: World
) -> tuple[Predicate, ...]:
    """The predicates, with provenance of this run where it was asked for.

    Raises:
        NothingToExamine: ``no-predicate``.
        UsageError, TokenError: see `provenance`.
    """
    if not predicates:
        raise NothingToExamine(code="no-predicate", what="there is nothing to attest", fix="name what to attest")
    if all(one.content is not None for one in predicates):
        return tuple(predicates)
    made = provenance(options, run, world, extras)
    return tuple(one if one.content is not None else replace(one, content=made) for one in predicates)


def provenance(options: SigningOptions, run: Run, world: World, extras: Extras = NOTHING_MORE) -> Mapping[str, Any]:
    """SLSA v1 provenance of the running GitHub Actions job, from claims that are verified.

    Raises:
        UsageError: ``provenance-elsewhere``: this is not GitHub Actions.
        TokenError: the claims are not proved.
    """
    if world.environ.get("GITHUB_ACTIONS") != "true":
        raise UsageError(
            code="provenance-elsewhere",
            what="SLSA provenance is made from the token of a GitHub Actions job",
            why="this is not one",
            fix="give --predicate FILE and --type",
        )
    token = content_claims(options, run, world)
    server = world.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return from_claims(token.claims, server_url=server, extras=extras)


def statement(subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any]) -> Statement:
    """An in-toto statement v1; subjects carry their sha256, or what digests they have."""
    return Statement(
        type=STATEMENT_V1,
        subjects=tuple(_statement_subject(one) for one in subjects),
        predicate_type=predicate_type,
        predicate=predicate,
    )


def split(subjects: Sequence[Subject], at_most: int) -> tuple[tuple[Subject, ...], ...]:
    """Groups of at most so many subjects, in order."""
    return tuple(tuple(subjects[at : at + at_most]) for at in range(0, len(subjects), at_most))


def check_names(subjects: Sequence[Subject]) -> None:
    """Two subjects of one statement may not share a name.

    Raises:
        UsageError: ``subject-names-collide``.
    """
    name, count = Counter(one.name for one in subjects).most_common(1)[0]
    if count > 1:
        raise UsageError(
            code="subject-names-collide",
            what=f"{count} subjects are named {name!r}",
            why="a statement that names two artifacts alike is read wrongly",
            fix="name them by path: --relative-names, `subject-base: .` in a workflow; or make one bundle for each",
        )


def check_described(predicate: Predicate, subjects: Sequence[tuple[Subject, frozenset[str]]]) -> None:
    """An SBOM that names the digest of what it describes has to describe every subject it is attested about.

    Args:
        predicate: any; only an SBOM has something to say here.
        subjects: each with the hexadecimal SHA-256 digests that mean it (an image index: its images too).

    Raises:
        PolicyRefusal: ``sbom-subject-mismatch``.
    """
    digests = described(predicate.type, predicate.content or {})
    for subject, own in subjects:
        if digests and own and not digests & own:
            raise PolicyRefusal(
                code="sbom-subject-mismatch",
                what=f"the SBOM is about something else than {subject.location or subject.name}",
                why=f"it describes sha256:{min(digests)}",
                fix="make the SBOM of the artifact that it is attested about, or attest it about the right one",
            )


def kinds(predicates: Sequence[Predicate]) -> tuple[str, ...]:
    """The words for the predicates in file names, each different; empty for a single one."""
    if len(predicates) == 1:
        return ("",)
    seen = Counter[str]()
    words = []
    for one in predicates:
        seen[one.kind] += 1
        words.append(one.kind if seen[one.kind] == 1 else f"{one.kind}-{seen[one.kind]}")
    return tuple(words)


def _jobs(
    request: AttestRequest, groups: Sequence[tuple[Subject, ...]], predicates: Sequence[Predicate]
) -> tuple[_Job, ...]:
    return tuple(
        _Job(
            subjects=group,
            predicate=predicate,
            store=_store(request, kind, number if len(groups) > 1 else 0),
        )
        for number, group in enumerate(groups, start=1)
        for kind, predicate in zip(kinds(predicates), predicates, strict=True)
    )


def _store(request: AttestRequest, kind: str, number: int) -> FileStore:
    if not request.one_statement or request.store.path is not None:
        return replace(request.store, kind=kind)
    name = f"attestation-{number}" if number else "attestation"
    name = f"{name}.{kind}{SUFFIX}" if kind else f"{name}{SUFFIX}"
    return replace(request.store, path=(request.store.folder or Path()) / name)


def _sha256s(subject: Subject) -> frozenset[str]:
    """None for a subject that is only named by its digest: it may be an index of the image that an SBOM describes."""
    if subject.location == str(subject.digests[0]):
        return frozenset()
    sha256 = subject.digest(Algorithm.SHA256)
    return frozenset((sha256.hex,)) if sha256 is not None else frozenset()


def _statement_subject(subject: Subject) -> StatementSubject:
    sha256 = subject.digest(Algorithm.SHA256)
    digests = (sha256,) if sha256 is not None else subject.digests
    return StatementSubject(
        name=subject.name,
        digests={one.algorithm.value: one.hex for one in digests},
        annotations=dict(subject.annotations),
    )
