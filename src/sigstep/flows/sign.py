"""Sign artifacts: one bundle each, proved before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sigstep.errors import SigstepError, UsageError
from sigstep.flows.resume import kept_bundle, says_nothing_else
from sigstep.flows.signing_run import SigningOptions, open_run
from sigstep.model.bundle import Bundle
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.families import SubjectSource
from sigstep.ports.store import Store
from sigstep.ports.world import World
from sigstep.signing.batch import sign_digest
from sigstep.stores.files import FileStore
from sigstep.wire.bundle import encode_bundle

PARALLEL: Final = 16  # requests to the services at a time
GRACE_SECONDS: Final = 3.0  # what is under way may still be written when the run is asked to end


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """What to sign, how, and where the bundles go; ``resume`` keeps bundles that are there and still verify."""

    subjects: SubjectSource
    options: SigningOptions
    store: FileStore = field(default_factory=FileStore)
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One bundle: what it is about, where it was written; ``pending``: its log entry is still to come.

    ``receipts`` are all its publications, the file first; ``unpublished`` says where it should be and is not.
    """

    subjects: tuple[Subject, ...]
    bundle: Bundle
    location: str
    pending: bool = False
    kept: bool = False
    receipts: tuple[Receipt, ...] = ()
    unpublished: tuple[tuple[str, SigstepError], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningResult:
    """What was made, and what was not: a failure is told after everything that could be written has been."""

    made: tuple[Made, ...]
    failures: tuple[tuple[str, SigstepError], ...] = ()

    @property
    def problems(self) -> tuple[tuple[str, SigstepError], ...]:
        """Failures, and what was made but not published everywhere (store and file, reason)."""
        return self.failures + tuple(
            (f"{store}: {made.location}", error) for made in self.made for store, error in made.unpublished
        )


def sign(request: SignRequest, world: World) -> SigningResult:
    """Sign every artifact.

    Raises:
        SigstepError: nothing could be begun: no subject, no token, no trust, no service.
    """
    subjects = request.subjects.resolve(world)
    run = open_run(request.options, world)

    def one(_: int, group: tuple[Subject, ...]) -> Made:
        subject, place = group[0], request.store.place(group[0])
        kept = kept_bundle(place, group, says_nothing_else, run, world) if request.resume else None
        if kept is not None:
            return Made(subjects=group, bundle=kept, location=str(place), kept=True)
        bundle = sign_digest(subject, run.batch, world)
        return publish(bundle, (subject,), request.store, world)

    return for_each(tuple((subject,) for subject in subjects), one)


def publish(
    bundle: Bundle,
    subjects: tuple[Subject, ...],
    store: FileStore,
    world: World,
    more: tuple[Store, ...] = (),
    *,
    gathered: Path | None = None,
) -> Made:
    """Write a proved bundle, then publish it in the other stores; one that fails does not keep it from the next.

    Args:
        gathered: the file that the caller writes when all bundles are made, instead of ``store``'s.

    Raises:
        UsageError: ``output-unwritable``: nothing was published.
    """
    data = encode_bundle(bundle)
    if gathered is not None:
        receipts = [Receipt(store=store.name, location=str(gathered))]
    else:
        receipts = list(store.publish(data, subjects, world))
    unpublished: list[tuple[str, SigstepError]] = []
    for one in more:
        try:
            if bundle.pending:
                raise _pending(receipts[0].location)
            receipts.extend(one.publish(data, subjects, world))
        except SigstepError as error:
            unpublished.append((one.name, error))
    return Made(
        subjects=subjects,
        bundle=bundle,
        location=receipts[0].location,
        pending=bundle.pending,
        receipts=tuple(receipts),
        unpublished=tuple(unpublished),
    )


def _pending(location: str) -> UsageError:
    return UsageError(
        code="publish-pending",
        what="a bundle without its log entry is not published",
        why="nobody could verify it, and most stores cannot take it back",
        fix=f"run `sigstep complete {location}` when the log is back, then publish it",
    )


def for_each(groups: Sequence[tuple[Subject, ...]], make: Callable[[int, tuple[Subject, ...]], Made]) -> SigningResult:
    """Make one bundle for each group of subjects, in parallel; one failure does not undo the others.

    Args:
        groups: at least one.
        make: given the group's number, from 1, and the group.

    Raises:
        SigstepError: the failure, where nothing at all was made.
    """
    made: list[Made] = []
    failures: list[tuple[str, SigstepError]] = []
    pool = ThreadPoolExecutor(min(PARALLEL, len(groups)))
    running = [(group[0], pool.submit(make, number, group)) for number, group in enumerate(groups, start=1)]
    try:
        for subject, future in running:
            try:
                made.append(future.result())
            except SigstepError as error:
                failures.append((subject.location or subject.name, error))
    except BaseException:  # Ctrl-C, SIGTERM: nothing new is begun, and bundles that are being written become whole
        pool.shutdown(wait=False, cancel_futures=True)
        wait([future for _, future in running], timeout=GRACE_SECONDS)
        raise
    pool.shutdown()
    if not made:
        raise failures[0][1]
    return SigningResult(made=tuple(made), failures=tuple(failures))
