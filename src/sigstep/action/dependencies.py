"""The step ``dependencies``: who published what a change brings in, by the policy of the commit before it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sigstep.action.inputs import Inputs
from sigstep.action.result import OUTCOMES, StepResult
from sigstep.errors import SigstepError, UsageError
from sigstep.flows.dependencies import POLICY_PATH, DependencyRequest, examine_dependencies
from sigstep.flows.dependency_comment import write_comment
from sigstep.flows.gate import base_commit
from sigstep.flows.trust import TrustRequest, load_registry_keys, load_trust
from sigstep.model.dependency import DependencyReport, Judged, Level, Locked
from sigstep.model.verdict import Finding
from sigstep.policy.dependency_rules import Profile
from sigstep.ports.world import World
from sigstep.rendering.dependencies import dependencies_text
from sigstep.rendering.dependency_json import counted, dependencies_json
from sigstep.rendering.dependency_markdown import MARKER, dependencies_comment, dependencies_markdown
from sigstep.rendering.dependency_sarif import dependencies_sarif
from sigstep.services.github import github_of
from sigstep.services.registry import origin_of

TOKEN = "SIGSTEP_INPUT_GITHUB_TOKEN"


def run(inputs: Inputs, world: World) -> StepResult:
    """Examine what changed since the base commit, or with ``audit`` everything that is locked.

    Raises:
        UsageError: ``input-base-missing``, or an input is malformed.
        SigstepError: it could not be decided.
    """
    base = "" if inputs.flag("audit") else inputs.text("base") or base_commit(world)
    if not base and not inputs.flag("audit"):
        raise UsageError(
            code="input-base-missing",
            what="there is no commit to compare with",
            why="this run is not about a pull request",
            fix="give `base:`, or `audit: true` for everything that is locked",
        )
    config = inputs.text("trust-config") or world.environ.get("SIGSTEP_TRUST_CONFIG", "")
    trust = TrustRequest(trust_config=Path(config) if config else None, offline=inputs.flag("offline"))
    profile = inputs.choice("profile", ("", *(one.value for one in Profile)))
    request = DependencyRequest(
        repository=Path(inputs.text("repository-path") or "."),
        base=base,
        head=inputs.text("head") or "HEAD",
        policy_path=inputs.text("policy") or POLICY_PATH,
        profile=Profile(profile) if profile else None,
        trust=replace(load_trust(trust, world), keys=()),
        registry_keys=load_registry_keys(trust, world),
        registries=dict(_pair(line) for line in inputs.lines("registry")),
        credentials={origin_of(github_of(world).api): TOKEN} if inputs.text("github-token") else {},
        name=world.environ.get("GITHUB_REPOSITORY", ""),
    )
    report = examine_dependencies(request, world)
    unwritten = _comment(report, inputs, world) if inputs.flag("comment") else ()
    return _result(report, unwritten)


def _comment(report: DependencyReport, inputs: Inputs, world: World) -> tuple[Finding, ...]:
    """Write the one comment; where the token may not (a fork, Dependabot) a warning says so."""
    try:
        write_comment(dependencies_comment(report), MARKER, world, token=inputs.text("github-token"))
    except SigstepError as error:
        return (Finding(code=error.code, what=error.what, why=error.why, fix=error.fix),)
    return ()


def _result(report: DependencyReport, unwritten: tuple[Finding, ...]) -> StepResult:
    found = [(one, result.change.new) for result in report.results for one in result.findings]
    told = [(one, None) for one in report.notices] + [*found]
    passed = [one for one in report.results if all(each.level is not Level.FAIL for each in one.findings)]
    status = report.exit_code
    return StepResult(
        status=status,
        values={
            "outcome": OUTCOMES[status],
            "verified-count": str(len(passed)),
            "failed-count": str(counted(report)["blocked"]),
        },
        text=dependencies_text(report),
        summary=dependencies_markdown(report),
        files={
            "report-path": dependencies_json(report),
            "sarif-path": dependencies_sarif(report),
            "comment-path": dependencies_comment(report),
        },
        errors=tuple(_finding(one, where) for one, where in told if one.level is Level.FAIL),
        warnings=(*(_finding(one, where) for one, where in told if one.level is Level.WARN), *unwritten),
    )


def _finding(judged: Judged, where: Locked | None) -> Finding:
    name = f"{where.ecosystem} {where.name} {where.version}" if where else "dependencies"
    place = {"file": where.path, "line": str(where.line)} if where else _file(judged)
    return Finding(code=judged.rule, what=f"{name}: {judged.message}", fix=judged.accept, details=place)


def _file(judged: Judged) -> dict[str, str]:
    return {"file": judged.path, "line": str(judged.line)} if judged.path else {}


def _pair(line: str) -> tuple[str, str]:
    name, equals, address = line.partition("=")
    if not equals or not address.startswith(("https://", "http://")):
        raise UsageError(
            code="input-registry",
            what=f"the input registry has {line[:100]!r}",
            why="it takes ECOSYSTEM=URL",
            fix="write one registry a line, e.g. npm=https://registry.example",
        )
    return name, address
