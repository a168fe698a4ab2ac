"""The library's doors: the flows with this machine as their world, and refusals that cannot be overlooked."""

from __future__ import annotations

from pathlib import Path

from sigstep.errors import Refusal, Undecided
from sigstep.flows import attest as attesting
from sigstep.flows import sign as signing
from sigstep.flows import verify as verifying
from sigstep.flows.attest import AttestRequest
from sigstep.flows.sign import Made, SigningResult, SignRequest
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest
from sigstep.model.digest import Digest
from sigstep.model.statement import PROVENANCE, Predicate
from sigstep.model.verdict import Outcome, Report
from sigstep.oidc.ambient import AmbientCredential
from sigstep.oidc.github import GitHubActions
from sigstep.policy.rule import Rule
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.subjects.files import FileSubjects


class Refused(Refusal):
    """Not every subject is accepted; ``report`` says which, and why."""

    def __init__(self, report: Report) -> None:
        findings = [
            one for verdict in report.verdicts if verdict.outcome is not Outcome.ACCEPTED for one in verdict.findings
        ]
        first = findings[0]
        super().__init__(code=first.code, what=first.what, why=first.why, fix=first.fix)
        self.report = report


class Incomplete(Undecided):
    """Not everything was signed and published; ``result`` has what was made and what was not."""

    def __init__(self, result: SigningResult) -> None:
        _, first = result.problems[0]
        super().__init__(code=first.code, what=first.what, why=first.why, fix=first.fix)
        self.result = result


def verify(
    *targets: str | Path | Digest,
    rule: Rule,
    trust: TrustRequest | None = None,
    bundles: tuple[Path, ...] = (),
    world: World | None = None,
) -> Report:
    """Verify files, folders and digests.

    Args:
        targets: paths, or digests (these need ``bundles``).
        rule: who may have signed, and what else is asked of a proof.
        trust: whose signatures count; the public-good instance and GitHub's by default.
        bundles: files of bundles; by default those beside each file.
        world: this machine by default.

    Returns:
        The report; every verdict in it is accepted.

    Raises:
        Refused: a subject is not accepted.
        SigstepError: nothing to examine, or it could not be decided.
    """
    world = world or real_world()
    named = tuple(Path(one) if isinstance(one, str) else one for one in targets)
    material = load_trust(trust or TrustRequest(), world)
    report = verifying.verify(VerifyRequest(targets=named, rule=rule, trust=material, bundles=bundles), world)
    if report.exit_code:
        raise Refused(report)
    return report


def sign(*patterns: str, options: SigningOptions | None = None, world: World | None = None) -> tuple[Made, ...]:
    """Sign files: one bundle beside each, proved before it is written.

    Args:
        patterns: paths and globs; each has to match.
        options: how; by default with the token of the CI job this runs in.
        world: this machine by default.

    Raises:
        Incomplete: something was not signed or not published.
        SigstepError: nothing could be begun.
    """
    request = SignRequest(subjects=FileSubjects(patterns=patterns), options=options or ambient())
    return completed(signing.sign(request, world or real_world()))


def attest(
    *patterns: str,
    predicates: tuple[Predicate, ...] = (PROVENANCE,),
    options: SigningOptions | None = None,
    world: World | None = None,
) -> tuple[Made, ...]:
    """Attest files: SLSA provenance of the running job, or what ``predicates`` say.

    Args:
        patterns: paths and globs; each has to match.
        predicates: what is attested, one bundle for each and each file.
        options: how; by default with the token of the CI job this runs in.
        world: this machine by default.

    Raises:
        Incomplete: something was not attested or not published.
        SigstepError: nothing could be begun.
    """
    subjects = FileSubjects(patterns=patterns)
    request = AttestRequest(subjects=subjects, options=options or ambient(), predicates=predicates)
    return completed(attesting.attest(request, world or real_world()))


def ambient() -> SigningOptions:
    """How a CI job signs: with its own token."""
    return SigningOptions(sources=(GitHubActions(), AmbientCredential()))


def completed(result: SigningResult) -> tuple[Made, ...]:
    """What was made, where that is everything.

    Raises:
        Incomplete: it is not.
    """
    if result.problems:
        raise Incomplete(result)
    return result.made
