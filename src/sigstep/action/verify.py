"""The step ``verify``: files and digests, judged before they are published or deployed."""

from __future__ import annotations

from pathlib import Path

from sigstep.action.inputs import Inputs
from sigstep.action.result import StepResult
from sigstep.errors import UsageError
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.digest import Digest
from sigstep.policy.matcher import Matcher
from sigstep.policy.rule import AllOf, Rule
from sigstep.policy.signer import HasPredicateType, SignedBy, owner, repository, signer_workflow
from sigstep.ports.world import World
from sigstep.subjects.files import FileSubjects


def run(inputs: Inputs, world: World) -> StepResult:
    """Verify what the inputs name.

    Raises:
        UsageError: ``input-signer-missing``, or an input that is malformed.
        SigstepError: nothing to examine, or it could not be decided.
    """
    rule = rule_of(inputs)
    digests = [Digest.parse(line) for line in inputs.lines("subject-digest")]
    patterns = inputs.lines("subject-path")
    files: list[Path | Digest] = []
    if patterns:
        files.extend(Path(one.location) for one in FileSubjects(patterns=patterns).resolve(world))
    config = inputs.text("trust-config") or world.environ.get("SIGSTEP_TRUST_CONFIG", "")
    trust = load_trust(
        TrustRequest(
            instances=inputs.lines("instance"),
            trusted_roots=tuple(Path(line) for line in inputs.lines("trusted-root")),
            trust_config=Path(config) if config else None,
            offline=inputs.flag("offline"),
        ),
        world,
    )
    bundles = tuple(Path(line) for line in inputs.lines("bundle-path"))
    request = VerifyRequest(targets=(*files, *digests), rule=rule, trust=trust, bundles=bundles)
    return StepResult(report=verify(request, world))


def rule_of(inputs: Inputs) -> Rule:
    """The rule that the inputs state; a signer has to be named.

    Raises:
        UsageError: ``input-signer-missing``, ``input-issuer-missing``.
    """
    makers = {"repo": repository, "owner": owner, "signer-workflow": signer_workflow}
    rules: list[Rule] = [make(inputs.text(name)) for name, make in makers.items() if inputs.text(name)]
    if identity := inputs.text("identity"):
        if not inputs.text("issuer"):
            raise UsageError(
                code="input-issuer-missing",
                what="the input identity is given without the input issuer",
                why="the same name may exist at another issuer",
                fix="add `issuer:`, for workflows https://token.actions.githubusercontent.com",
            )
        rules.append(SignedBy(subject=Matcher(identity), issuer=Matcher(inputs.text("issuer"))))
    if not rules:
        raise UsageError(
            code="input-signer-missing",
            what="no signer is named",
            why="anybody can sign; only a signer that you name says something",
            fix="add `repo: owner/name`, `signer-workflow:` or `identity:` with `issuer:`",
        )
    if types := inputs.lines("predicate-type"):
        rules.append(HasPredicateType(types=types))
    return AllOf(tuple(rules))
