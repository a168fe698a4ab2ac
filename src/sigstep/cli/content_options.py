"""Options of ``verify`` about what statements say: provenance, and verification summaries to take and to sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sigstep.cli.options import together
from sigstep.cli.registry_options import settings_of
from sigstep.cli.trust_options import trust_request
from sigstep.errors import UsageError
from sigstep.model.verdict import Report
from sigstep.ports.world import World

if TYPE_CHECKING:
    from sigstep.flows.policies import OpenedPolicy
    from sigstep.policy.contents import ContentRule

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_TEXTS: Final = ("source", "source-id", "ref", "branch", "tag", "versioned-tag", "commit", "build-type")
_OPTIONS: Final = (
    click.option("--provenance", "built", multiple=True, metavar="MEMBER=VALUE",
                 help="What SLSA provenance has to say: builder, level, hosted=true, input.NAME, "
                      + ", ".join(_TEXTS) + "."),
    click.option("--attest-summary", is_flag=True, help="Sign what was verified, as a SLSA verification summary."),
    click.option("--accept-summary", metavar="VERIFIER", help="Take a summary of this verifier (its id) as the proof."),
    click.option("--verifier-id", metavar="URI", help="Who verifies; the workflow in GitHub Actions."),
    click.option("--resource-uri", metavar="URI", help="What is verified, as consumers ask for it."),
    click.option("--verified-level", "levels", multiple=True, metavar="LEVEL",
                 help="A level that the summary has to name; SLSA_BUILD_LEVEL_2 takes 3 too."),
    click.option("--summary-key", type=_FILE, help="Sign with this private key: an envelope without any service."),
    click.option("--summary-dir", type=click.Path(path_type=Path, file_okay=False), help="Write summaries there."),
)  # fmt: skip


def content_options(command: Any) -> Any:
    """These options, for a command that takes ``**options``."""
    return together(_OPTIONS, command)


def demands_of(options: dict[str, Any]) -> tuple[ContentRule, ...]:
    """What the accepted statements have to say; adds its type to ``types`` where none is named.

    Raises:
        UsageError: ``option-conflict``, ``option-malformed``.
    """
    verifier = options["accept_summary"]
    if options["attest_summary"] and options["any_signer_unsafe"]:
        raise _conflict(
            "--attest-summary excludes --any-signer-unsafe",
            "whoever takes the summary could not see that anybody might have signed",
            "name the signer with --repo, --identity or --policy",
        )
    if options["built"]:
        if verifier is not None or options["policy"] is not None:
            raise _conflict(
                "--provenance excludes --accept-summary and --policy",
                "each says by itself what counts",
                "write the demand into the policy file: type: provenance, provenance: {…}",
            )
        return (_provenance(options, builder_named=_one_workflow(options)),)
    if verifier is None:
        if options["levels"]:
            raise _conflict("--verified-level is about a summary", "no verifier is named", "give --accept-summary too")
        return ()
    if options["policy"] is not None or options["types"]:
        raise _conflict(
            "--accept-summary excludes --policy and --type",
            "a summary is then the only proof that counts",
            "write the demand into the policy file: type: vsa, summary: {verifier: …}",
        )
    from sigstep.policy.summaries import SummaryFrom
    from sigstep.predicates.summary import URI

    options["types"] = (URI,)
    return (SummaryFrom(verifier=verifier, resource=options["resource_uri"] or "", levels=options["levels"]),)


def _one_workflow(options: dict[str, Any]) -> bool:
    """Whether the options take the signatures of one workflow, which is then the builder."""
    return bool(options["workflow"] or options["identity"])


def _provenance(options: dict[str, Any], *, builder_named: bool) -> ContentRule:
    from sigstep.policy.matcher import Matcher
    from sigstep.policy.provenance import ProvenanceFrom
    from sigstep.predicates.slsa_provenance import SlsaProvenance

    members: dict[str, Any] = {"inputs": {}, "builder_named": builder_named}
    for text in options["built"]:
        name, equals, value = text.partition("=")
        if name.startswith("input.") and equals:
            members["inputs"][name.removeprefix("input.")] = value
        elif name in _TEXTS and value:
            members[name.replace("-", "_")] = value
        elif name == "builder" and value:
            members["builder"] = Matcher(value, "glob" if "*" in value else "exact")
        elif name == "level" and value in ("1", "2", "3"):
            members["level"] = int(value)
        elif name == "hosted" and value == "true":
            members["hosted"] = True
        else:
            raise UsageError(
                code="option-malformed",
                what=f"{text[:100]!r} is no demand on provenance",
                why="a member that is known and its value are needed",
                fix=f"write builder, level, hosted=true, input.NAME, {', '.join(_TEXTS)}, then = and the value",
            )
    options["types"] = options["types"] or SlsaProvenance.uris
    return ProvenanceFrom(**members)


def sign_summary(
    report: Report,
    options: dict[str, Any],
    world: World,
    opened: OpenedPolicy | None,
    demands: tuple[ContentRule, ...],
) -> tuple[str, ...]:
    """Sign the summary that ``--attest-summary`` asks for; where it was written.

    Args:
        report: of the verification.
        options: of the command.
        world: network and environment.
        opened: the policy that judged, where there was one.
        demands: what `demands_of` gave.

    Raises:
        UsageError: ``verifier-missing``, or a key cannot be read.
        SigstepError: nothing could be signed.
    """
    if not options["attest_summary"]:
        return ()
    from sigstep.flows.signing_run import SigningOptions
    from sigstep.flows.summaries import COMMAND_LINE, SummaryRequest, attest_summary
    from sigstep.oidc.ambient import AmbientCredential
    from sigstep.oidc.github import GitHubActions
    from sigstep.signing.keys import managed_key

    key = options["summary_key"]
    environ = world.environ
    request = SummaryRequest(
        report=report,
        verifier_id=options["verifier_id"] or _workflow(world),
        resource_uri=options["resource_uri"] or "",
        policy_uri=str(options["policy"].name) if options["policy"] is not None else COMMAND_LINE,
        builders=_builders(options, opened, demands),
        options=SigningOptions(trust=trust_request(options), sources=(GitHubActions(), AmbientCredential())),
        key=managed_key(key, environ.get("SIGSTEP_KEY_PASSWORD")) if key is not None else None,
        folder=options["summary_dir"],
        settings=settings_of(options),
    )
    return attest_summary(request, world)


def _workflow(world: World) -> str:
    server, workflow = world.environ.get("GITHUB_SERVER_URL", ""), world.environ.get("GITHUB_WORKFLOW_REF", "")
    if server and workflow:
        return f"{server}/{workflow}"
    raise UsageError(
        code="verifier-missing",
        what="a summary has to say who verified",
        why="this is no job of GitHub Actions, whose workflow would be named",
        fix="give --verifier-id with a URI of yours",
    )


def _conflict(what: str, why: str, fix: str) -> UsageError:
    return UsageError(code="option-conflict", what=what, why=why, fix=fix)


def _builders(
    options: dict[str, Any], opened: OpenedPolicy | None, demands: tuple[ContentRule, ...]
) -> tuple[ContentRule, ...]:
    """What names a builder, so that a summary may say the level of provenance which satisfies it."""
    if opened is not None:
        from sigstep.policy.document import builders_of

        return builders_of(opened.policy)
    if _one_workflow(options):
        from sigstep.policy.provenance import ProvenanceFrom

        return (ProvenanceFrom(builder_named=True),)
    return tuple(one for one in demands if getattr(one, "names_builder", False))
