"""``sigstep policy explain``, ``test`` and ``replay``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sigstep.cli.trust_options import trust_options, trust_request
from sigstep.flows.policies import OpenedPolicy, open_policy, read_named, with_own_trust
from sigstep.flows.policy_rehearsal import Tried, replay, try_cases
from sigstep.flows.policy_words import explain
from sigstep.flows.recalls import with_recalls_here
from sigstep.flows.trust import load_trust
from sigstep.model.trust import TrustMaterial
from sigstep.policy.cases import load_cases
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.rendering.text import plain

_FILE = click.Path(path_type=Path, dir_okay=False)
_POLICY = click.option(
    "--policy", "policy", type=_FILE, default=".github/sigstep.yml", show_default=True, help="The policy file."
)


@click.command("explain")
@click.argument("targets", nargs=-1, metavar="[FILE|IMAGE...]")
@_POLICY
def explain_command(targets: tuple[str, ...], policy: Path) -> int:
    """Say in words what a policy file asks for.

    That is by all its rules, or of some files and images.

    Exit status: 0 said, 1 the policy file is refused, 2 usage.
    """
    for line in explain(open_policy(policy).policy, targets):
        click.echo(plain(line))
    return 0


@click.command("test")
@click.argument("cases", nargs=-1, type=_FILE, required=True)
@_POLICY
@trust_options
def test_command(cases: tuple[Path, ...], policy: Path, **options: Any) -> int:
    """Hold a policy file against what test files expect of it.

    They are of the form sigstep/policy-tests/v1.

    Nothing is verified but the policy's recall list: the files say who is supposed to have signed what. The options
    about trust are for the list's signature. Where the list is not here, everything is unknown.

    Exit status: 0 every case as expected, 1 one differs or a file is refused, 2 usage, 4 no trust root for the list.
    """
    world = real_world()
    opened = _opened(policy, options, world)
    tried = [one for file in cases for one in try_cases(opened, load_cases(read_named(file)), world)]
    return _tell(tried, "as expected", "DIFFERS")


@click.command("replay")
@click.argument("reports", nargs=-1, type=_FILE, required=True)
@_POLICY
@trust_options
def replay_command(reports: tuple[Path, ...], policy: Path, **options: Any) -> int:
    """Judge past reports by a draft; say which verdicts change.

    Reports are those of `sigstep verify --format json`.

    Nothing is verified again. The draft's recall list is read and its signature verified, for which the options about
    trust are; where the list is not here, everything is unknown.

    Exit status: 0 no verdict changes, 1 one changes or a file is refused, 2 usage, 4 no trust root for the list.
    """
    world = real_world()
    opened = _opened(policy, options, world)
    return _tell(replay(opened, [read_named(one) for one in reports], world), "unchanged", "CHANGES")


def _opened(path: Path, options: dict[str, Any], world: World) -> OpenedPolicy:
    """The policy with its recall list; what is to be said of the list goes to standard error."""
    opened = open_policy(path)

    def trust() -> TrustMaterial:
        return with_own_trust(load_trust(trust_request(options), world), opened, world, offline=options["offline"])

    opened, note = with_recalls_here(opened, trust, world.clock.now())
    if note:
        click.echo(plain(note), err=True)
    return opened


def _tell(tried: Sequence[Tried], good: str, bad: str) -> int:
    for one in tried:
        said = one.judgement.decision.value
        click.echo(f"{good if one.held else bad}  {plain(one.name)}: {said} (before: {one.before})")
        if not one.held:
            for finding in one.judgement.findings:
                click.echo(f"  {plain(finding.what)} [{finding.code}]")
    return 0 if tried and all(one.held for one in tried) else 1
