"""Complete pending bundles: submit what was signed during an outage to the log, prove the whole, write it in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sigstep.errors import NothingToExamine, SigstepError, UsageError
from sigstep.flows.sign import Made, SigningResult, publish
from sigstep.flows.trust import TrustRequest, load_signing
from sigstep.model.bundle import Bundle, CertificateMaterial, LogEntry, MessageSignature
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.ports.retry import Budget
from sigstep.ports.world import World
from sigstep.proofs.certificate import Leaf, load_leaf
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.services.selection import Selected, select
from sigstep.services.submission import Submission
from sigstep.signing.batch import prove
from sigstep.signing.keys import registry_name
from sigstep.signing.witness import log_entries
from sigstep.stores.beside import read_bundles
from sigstep.stores.files import FileStore
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.dsse import pae
from sigstep.wire.statement import parse_statement


def complete(paths: Sequence[Path], trust: TrustRequest, retry_seconds: float, world: World) -> SigningResult:
    """Give every pending bundle its log entry; bundles that have one are kept as they are.

    An entry of a Rekor v1 log that comes after the certificate's end keeps its proof and loses its promise: the
    promise's time would lie outside the certificate, and the bundle has a signed time of its own.

    Args:
        paths: bundle files.
        trust: the instance that they were signed with.
        retry_seconds: how long to try again.

    Raises:
        NothingToExamine: ``no-subject``: no file is named.
        SigstepError: nothing could be completed.
    """
    if not paths:
        raise NothingToExamine(code="no-subject", what="no bundle is named", why="", fix="name the pending bundles")
    instance = load_signing(trust, world)
    selected = select(instance.services, world.clock.now())
    prepared = prepare(TrustMaterial(roots=(instance.root,)))
    budget = Budget.starting_now(retry_seconds, world)
    made: list[Made] = []
    failures: list[tuple[str, SigstepError]] = []
    for path in dict.fromkeys(paths):
        try:
            made.append(_complete(path, selected, prepared, budget, world))
        except SigstepError as error:
            failures.append((str(path), error))
    if not made:
        raise failures[0][1]
    return SigningResult(made=tuple(made), failures=tuple(failures))


def _complete(path: Path, selected: Selected, trust: PreparedTrust, budget: Budget, world: World) -> Made:
    bundle = parse_bundle(read_bundles(path)[0].data)
    if not bundle.pending:
        return Made(subjects=(_subject(bundle),), bundle=bundle, location=str(path), kept=True)
    if not isinstance(bundle.material, CertificateMaterial):
        raise UsageError(
            code="complete-key",
            what=f"{path} was signed with a managed key",
            why="only bundles with a certificate are completed",
            fix="sign it again: the key is at hand",
        )
    leaf = load_leaf(bundle.material.leaf)
    entries = log_entries(_submission(bundle, leaf), selected, budget=budget, world=world)
    whole = replace(bundle, entries=tuple(_without_late_promise(one, leaf) for one in entries), pending=False)
    subject = _subject(bundle)
    prove(whole, subject, trust, world)
    return publish(whole, (subject,), FileStore(path=path), world)


def _submission(bundle: Bundle, leaf: Leaf) -> Submission:
    details, algorithm = registry_name(leaf.key)
    content = bundle.content
    if isinstance(content, MessageSignature):
        assert content.digest is not None  # ours always have it; others are refused by the proof
        digest = content.digest
    else:
        digest = Digest.of(pae(content.payload_type, content.payload), algorithm or Algorithm.SHA256)
    return Submission(content=content, digest=digest, verifier=leaf.der, certificate=True, key_details=details)


def _without_late_promise(entry: LogEntry, leaf: Leaf) -> LogEntry:
    if entry.integrated_time is None or entry.integrated_time <= leaf.certificate.not_valid_after_utc.timestamp():
        return entry
    return replace(entry, integrated_time=None, promise=None)


def _subject(bundle: Bundle) -> Subject:
    content = bundle.content
    if isinstance(content, MessageSignature):
        stated = (content.digest,) if content.digest is not None else ()
        return Subject(name="".join(str(one) for one in stated), digests=stated)
    first = parse_statement(content.payload).subjects[0]
    known = [one for one in Algorithm if one.value in first.digests]
    digests = tuple(Digest(algorithm=one, value=bytes.fromhex(first.digests[one.value])) for one in known)
    return Subject(name=first.name, digests=digests)
