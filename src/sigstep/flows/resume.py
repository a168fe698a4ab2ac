"""Taking up a run that was ended: which bundles of the earlier run are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sigstep.errors import SigstepError
from sigstep.flows.signing_run import Run
from sigstep.model.bundle import Bundle
from sigstep.model.statement import PROVENANCE, Statement
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified
from sigstep.oidc.claims import principal
from sigstep.ports.world import World
from sigstep.signing.batch import prove
from sigstep.stores.beside import read_bundles
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.statement import parse_statement


def kept_bundle(
    place: Path, subjects: Sequence[Subject], fits: Callable[[Verified], bool], run: Run, world: World
) -> Bundle | None:
    """The bundle of an earlier run, where it is there, complete, proved, of the same signer, and says the same.

    Args:
        place: the file where this run would write it.
        subjects: what it has to be about.
        fits: whether it says what this run would sign.
    """
    if not place.is_file():
        return None
    try:
        bundle = parse_bundle(read_bundles(place)[0].data)
        if bundle.pending:
            return None
        verified = prove(bundle, subjects[0], run.batch.trust, world)
    except SigstepError:
        return None
    return bundle if _is_ours(verified, run) and fits(verified) else None


def says_nothing_else(verified: Verified) -> bool:
    """Whether it is a signature over the artifact, not an attestation."""
    return verified.statement is None


def says(payload: bytes) -> Callable[[Verified], bool]:
    """Whether it states what ``payload`` states; of provenance the build counts, not which attempt ran it."""
    wanted = _compared(parse_statement(payload))
    return lambda verified: verified.statement is not None and _compared(verified.statement) == wanted


def _compared(statement: Statement) -> tuple[object, ...]:
    predicate = dict(statement.predicate or {})
    if statement.predicate_type == PROVENANCE.type:
        predicate.pop("runDetails", None)
    return statement.predicate_type, statement.subjects, predicate


def _is_ours(verified: Verified, run: Run) -> bool:
    """Whether this run would sign as the same signer: the managed key, or issuer and repository commit or subject."""
    if run.token is None:
        return verified.key_id is not None
    if verified.identity is None or verified.identity.issuer != run.token.issuer:
        return False
    claims, said = run.token.claims, verified.identity.extensions
    if "repository" in claims:
        source = said.get("source-repository", "").partition("://")[2].partition("/")[2]
        return source == claims["repository"] and said.get("source-repository-digest") == claims.get("sha")
    return verified.identity.subject == principal(run.token)
