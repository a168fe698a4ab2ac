"""The step ``attest``: SLSA provenance over all subjects in one statement, proved and told."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sigstep.action.inputs import Inputs
from sigstep.action.masked import Masked
from sigstep.action.result import StepResult
from sigstep.errors import UsageError
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.digest import Digest
from sigstep.model.verdict import Report
from sigstep.oidc.github import GitHubActions
from sigstep.policy.rule import any_signer_unsafe
from sigstep.ports.families import SubjectSource
from sigstep.ports.world import World
from sigstep.stores.files import FileStore
from sigstep.subjects.checksums import ChecksumSubjects
from sigstep.subjects.digest import DigestSubject
from sigstep.subjects.files import FileSubjects

CREATED: Final = "created_attestation_paths.txt"  # the list of actions/attest, in RUNNER_TEMP
_REASON: Final = "this run has just made and proved these bundles; the report only tells what they say"


def run(inputs: Inputs, world: World) -> StepResult:
    """Attest what the inputs name, then examine what was made.

    Raises:
        UsageError: ``input-subjects-conflict``, or an input that is malformed.
        SigstepError: nothing could be attested.
    """
    config = inputs.text("trust-config") or world.environ.get("SIGSTEP_TRUST_CONFIG", "")
    instance = inputs.text("instance")
    trust = TrustRequest(
        instances=(instance,) if instance else (),
        trust_config=Path(config) if config and not instance else None,
    )
    source = subjects(inputs)
    result = attest(
        AttestRequest(
            subjects=source,
            options=SigningOptions(
                trust=trust,
                sources=(Masked(source=GitHubActions()),),
                allow_public_log=inputs.flag("allow-public-log"),
            ),
            one_statement=not inputs.flag("bundle-per-subject"),
            store=FileStore(folder=_folder(inputs, world)),
        ),
        world,
    )
    bundles = tuple(dict.fromkeys(made.location for made in result.made))
    _list_created(bundles, world)
    material = load_trust(trust, world)
    rule = any_signer_unsafe(reason=_REASON)
    reports = [
        verify(
            VerifyRequest(
                targets=tuple(
                    Path(one.location) if Path(one.location).is_file() else one.digests[0] for one in made.subjects
                ),
                rule=rule,
                trust=material,
                bundles=(Path(made.location),),
            ),
            world,
        )
        for made in result.made
    ]
    report = Report(verdicts=tuple(verdict for one in reports for verdict in one.verdicts))
    return StepResult(report=report, bundles=bundles, failures=result.failures)


def subjects(inputs: Inputs) -> SubjectSource:
    """The one way in which the inputs name subjects.

    Raises:
        UsageError: ``input-subjects-conflict``.
    """
    patterns, digest, checksums = (
        inputs.lines("subject-path"),
        inputs.text("subject-digest"),
        inputs.text("subject-checksums"),
    )
    if sum(map(bool, (patterns, digest, checksums))) > 1:
        raise UsageError(
            code="input-subjects-conflict",
            what="subjects are named in several ways",
            why="subject-path, subject-digest and subject-checksums exclude one another",
            fix="keep one of them",
        )
    if digest:
        return DigestSubject(digest=str(Digest.parse(digest)), name=inputs.text("subject-name"))
    if checksums:
        return ChecksumSubjects(path=Path(checksums))
    return FileSubjects(patterns=patterns, relative_names=inputs.flag("relative-names"))


def _folder(inputs: Inputs, world: World) -> Path | None:
    """Where the bundle goes: beside each file, else a folder of this step."""
    if given := inputs.text("bundle-folder"):
        return Path(given)
    temporary = world.environ.get("RUNNER_TEMP")
    if inputs.flag("bundle-per-subject") or not temporary:
        return None
    folder = Path(temporary) / f"sigstep-{world.entropy.token(8).hex()}"
    folder.mkdir(parents=True)
    return folder


def _list_created(bundles: tuple[str, ...], world: World) -> None:
    temporary = world.environ.get("RUNNER_TEMP")
    if temporary:
        with (Path(temporary) / CREATED).open("a", encoding="utf-8", newline="") as file:
            file.writelines(f"{one}\n" for one in bundles)
