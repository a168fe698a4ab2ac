"""Attest: signed in-toto statements about artifacts, proved before they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import UsageError
from sigstep.flows.sign import Made, SigningResult, for_each, publish
from sigstep.flows.signing_run import Run, SigningOptions, content_claims, open_run
from sigstep.model import limits
from sigstep.model.digest import Algorithm
from sigstep.model.statement import STATEMENT_V1, Statement, StatementSubject
from sigstep.model.subject import Subject
from sigstep.ports.families import SubjectSource
from sigstep.ports.world import World
from sigstep.predicates.slsa_provenance import from_claims
from sigstep.signing.batch import sign_statement
from sigstep.stores.files import SUFFIX, FileStore
from sigstep.wire.statement import encode_statement

PROVENANCE: Final = "https://slsa.dev/provenance/v1"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestRequest:
    """What to attest about what, how, and where the bundles go.

    Attributes:
        subjects: the artifacts.
        options: how to sign.
        predicate_type: its URI.
        predicate: what is attested; None: SLSA provenance from verified claims of the job's token (GitHub Actions).
        one_statement: one statement over all subjects instead of one bundle each.
        at_most: subjects of one statement; more are split.
        store: where bundles are written.
    """

    subjects: SubjectSource
    options: SigningOptions
    predicate_type: str = PROVENANCE
    predicate: Mapping[str, Any] | None = None
    one_statement: bool = False
    at_most: int = limits.SUBJECTS
    store: FileStore = field(default_factory=FileStore)


def attest(request: AttestRequest, world: World) -> SigningResult:
    """Attest every artifact.

    Raises:
        UsageError: ``subject-names-collide``: two subjects of one statement have one name.
        SigstepError: nothing could be begun: no subject, no token, no trust, no service.
    """
    subjects = request.subjects.resolve(world)
    if request.one_statement:
        check_names(subjects)
    run = open_run(request.options, world)
    predicate = request.predicate if request.predicate is not None else provenance(request.options, run, world)
    groups = split(subjects, request.at_most) if request.one_statement else tuple((one,) for one in subjects)

    def one(number: int, group: tuple[Subject, ...]) -> Made:
        payload = encode_statement(statement(group, request.predicate_type, predicate))
        bundle = sign_statement(payload, group[0], run.batch, world)
        return publish(bundle, group, _store(request, number, len(groups)), world)

    return for_each(groups, one)


def provenance(options: SigningOptions, run: Run, world: World) -> Mapping[str, Any]:
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
    return from_claims(token.claims, server_url=world.environ.get("GITHUB_SERVER_URL", "https://github.com"))


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
            fix="give --relative-names, or leave out --one-statement",
        )


def _statement_subject(subject: Subject) -> StatementSubject:
    sha256 = subject.digest(Algorithm.SHA256)
    digests = (sha256,) if sha256 is not None else subject.digests
    return StatementSubject(
        name=subject.name,
        digests={one.algorithm.value: one.hex for one in digests},
        annotations=dict(subject.annotations),
    )


def _store(request: AttestRequest, number: int, groups: int) -> FileStore:
    if not request.one_statement:
        return request.store
    path = request.store.path or (request.store.folder or Path()) / f"attestation{SUFFIX}"
    if groups > 1:
        path = path.with_name(f"{path.name.removesuffix(SUFFIX)}-{number}{SUFFIX}")
    return replace(request.store, path=path)
