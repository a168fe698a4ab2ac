"""``sigstep deps``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sigstep.ecosystems import ECOSYSTEMS
from sigstep.errors import UsageError
from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model import limits
from sigstep.model.trust import TrustedKey
from sigstep.policy.dependency_rules import Profile
from sigstep.ports.real import real_world
from sigstep.rendering import dependencies as rendering
from sigstep.wire.registry_keys import parse_registry_keys

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_FORMS = {
    "text": rendering.dependencies_text,
    "json": rendering.dependencies_json,
    "markdown": rendering.dependencies_markdown,
    "annotations": rendering.dependencies_annotations,
}


def _shared(command: Any) -> Any:
    """The options that ``diff`` and ``audit`` have in common."""
    for option in reversed(
        (
            click.option("--head", default="HEAD", show_default=True, help="The commit to examine."),
            click.option(
                "--repository", "folder", type=click.Path(path_type=Path), default=Path(), help="A Git work tree."
            ),
            click.option(
                "--profile",
                type=click.Choice([one.value for one in Profile]),
                help="How strict the rules are, instead of what the policy file says; report never fails.",
            ),
            click.option(
                "--registry",
                "registries",
                multiple=True,
                metavar="ECOSYSTEM=URL",
                help="The registry of lockfiles that state none.",
            ),
            click.option("--registry-keys", type=_FILE, help="keys.json of an npm registry, from a place you trust."),
            click.option("--trusted-root", "roots", multiple=True, type=_FILE, help="trusted_root.json; repeatable."),
            click.option("--trust-config", type=_FILE, envvar="SIGSTEP_TRUST_CONFIG", help="A client trust config."),
            click.option("--offline", is_flag=True, help="Take trusted roots at hand instead of asking TUF."),
            click.option(
                "--format", "form", type=click.Choice(list(_FORMS)), default="text", help="Form of the report."
            ),
        )
    ):
        command = option(command)
    return command


@click.group("deps")
def command() -> None:
    """Verify who published the dependencies that lockfiles bring in."""


@command.command("diff")
@click.option("--base", required=True, help="The commit to compare with.")
@_shared
def diff(base: str, **options: Any) -> int:
    """Verify what changed in lockfiles between two commits.

    Exit status: 0 nothing blocked, 1 blocked, 2 usage, 4 could not decide.
    """
    return _run(base, options)


@command.command("audit")
@_shared
def audit(**options: Any) -> int:
    """Verify everything that is locked at a commit.

    Exit status: 0 nothing blocked, 1 blocked, 2 usage, 4 could not decide.
    """
    return _run("", options)


def _run(base: str, options: dict[str, Any]) -> int:
    world = real_world()
    trust = TrustRequest(
        trusted_roots=options["roots"], trust_config=options["trust_config"], offline=options["offline"]
    )
    request = DependencyRequest(
        repository=options["folder"],
        base=base,
        head=options["head"],
        profile=Profile(options["profile"]) if options["profile"] else None,
        trust=replace(load_trust(trust, world), keys=()),
        registry_keys=_keys(options["registry_keys"]),
        registries=dict(_registry(one) for one in options["registries"]),
    )
    report = examine_dependencies(request, world)
    click.echo(_FORMS[options["form"]](report))
    return report.exit_code


def _registry(text: str) -> tuple[str, str]:
    ecosystem, _, address = text.partition("=")
    if ecosystem not in dict(ECOSYSTEMS) or not address.startswith(("https://", "http://")):
        raise UsageError(
            code="registry-option",
            what=f"{text[:100]!r} names no registry",
            why=f"ecosystems are {', '.join(dict(ECOSYSTEMS))}; an address begins with https://",
            fix="write --registry npm=https://…",
        )
    return ecosystem, address


def _keys(path: Path | None) -> tuple[TrustedKey, ...]:
    if path is None:
        return ()
    with path.open("rb") as file:
        return parse_registry_keys(file.read(limits.TRUSTED_ROOT_BYTES + 1))
