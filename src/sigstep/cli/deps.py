"""``sigstep deps``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sigstep.cli.dependency_output import Output, report_options, tell
from sigstep.ecosystems import ECOSYSTEMS
from sigstep.errors import UsageError
from sigstep.flows.dependencies import POLICY_PATH, DependencyRequest, examine_dependencies
from sigstep.flows.dependency_merge import merge_reports
from sigstep.flows.trust import TrustRequest, load_registry_keys, load_trust
from sigstep.model import limits
from sigstep.model.trust import TrustedKey
from sigstep.policy.dependency_rules import Profile
from sigstep.ports.real import real_world
from sigstep.ports.recorded import RecordedHttp
from sigstep.ports.world import World
from sigstep.proofs.keys import load_pem_key
from sigstep.wire.registry_keys import parse_registry_keys

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that ``diff`` and ``audit`` have in common."""
    options = (
        click.option("--head", default="HEAD", show_default=True, help="The commit to examine."),
        click.option("--repository", "folder", type=_FOLDER, default=Path(), help="A Git work tree."),
        click.option("--name", default="", help="The repository's name in reports; GITHUB_REPOSITORY by default."),
        click.option(
            "--policy", default=POLICY_PATH, show_default=True, help="The policy file; it is read from the base commit."
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
            help="The registry of an ecosystem, where neither lockfile nor configuration says it.",
        ),
        click.option(
            "--credential",
            "credentials",
            multiple=True,
            metavar="HOST=VARIABLE",
            help="The environment variable with the token for a host; it is sent to no other.",
        ),
        click.option("--registry-keys", type=_FILE, help="keys.json of an npm registry, instead of the one in TUF."),
        click.option("--image-key", "image_keys", multiple=True, type=_FILE, help="A PEM key that may sign images."),
        click.option("--notary", default="", help="Verifier key of the Go checksum database; GOSUMDB by default."),
        click.option("--seconds", default=120.0, show_default=True, help="For asking registries, all together."),
        click.option("--shard", default="1/1", metavar="I/N", help="Examine one part of N; put together with merge."),
        click.option("--responses", type=_FOLDER, help="A folder with recorded answers, instead of the network."),
        click.option("--record", is_flag=True, help="Ask the network, and keep the answers in --responses."),
        click.option("--trusted-root", "roots", multiple=True, type=_FILE, help="trusted_root.json; repeatable."),
        click.option("--trust-config", type=_FILE, envvar="SIGSTEP_TRUST_CONFIG", help="A client trust config."),
        click.option("--offline", is_flag=True, help="Take trusted roots at hand instead of asking TUF."),
    )
    for option in reversed(options):
        command = option(command)
    return report_options(command)


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


@command.command("merge")
@click.argument("reports", nargs=-1, required=True, type=_FILE)
@report_options
def merge(reports: tuple[Path, ...], **options: Any) -> int:
    """Put JSON reports of a matrix of jobs together.

    They are all the parts of a repository, or many repositories.

    Exit status: as the reports'.
    """
    return tell(merge_reports(reports), Output(**options), real_world())


def _run(base: str, options: dict[str, Any]) -> int:
    output = Output(**{name: options.pop(name) for name in Output.__slots__})
    world = _world(options["responses"], record=options["record"])
    trust = TrustRequest(
        trusted_roots=options["roots"], trust_config=options["trust_config"], offline=options["offline"]
    )
    own = options["registry_keys"]
    request = DependencyRequest(
        repository=options["folder"],
        base=base,
        head=options["head"],
        policy_path=options["policy"],
        profile=Profile(options["profile"]) if options["profile"] else None,
        trust=replace(load_trust(trust, world), keys=()),
        registry_keys=parse_registry_keys(_bytes(own)) if own else load_registry_keys(trust, world),
        image_keys=tuple(TrustedKey(key=load_pem_key(_bytes(one)).spki) for one in options["image_keys"]),
        registries=dict(_registry(one) for one in options["registries"]),
        credentials=dict(_pair(one) for one in options["credentials"]),
        notary=options["notary"],
        seconds=options["seconds"],
        shard=_shard(options["shard"]),
        name=options["name"] or world.environ.get("GITHUB_REPOSITORY", ""),
    )
    return tell(examine_dependencies(request, world), output, world)


def _world(responses: Path | None, *, record: bool) -> World:
    world = real_world()
    if responses is None:
        return world
    return replace(world, http=RecordedHttp(responses, world.http if record else None))


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


def _pair(text: str) -> tuple[str, str]:
    host, equals, variable = text.partition("=")
    if not host or not equals or not variable.isidentifier():
        raise UsageError(
            code="registry-credential",
            what=f"{text[:100]!r} names no host and variable",
            why="a token itself is never an argument",
            fix="write --credential npm.corp.example=NPM_TOKEN",
        )
    return host, variable


def _shard(text: str) -> tuple[int, int]:
    match = _SHARD.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError(
            code="shard-option", what=f"{text[:40]!r} is no part of a whole", fix="write --shard 1/4, 2/4, 3/4, 4/4"
        )
    return int(match[1]), int(match[2])


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(limits.TRUSTED_ROOT_BYTES + 1)
