"""``sigstep policy explain``, ``test`` and ``replay``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from sigstep.flows.policies import open_policy, read_named
from sigstep.flows.policy_rehearsal import Tried, replay, try_cases
from sigstep.flows.policy_words import explain
from sigstep.policy.cases import load_cases
from sigstep.ports.real import real_world
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
def test_command(cases: tuple[Path, ...], policy: Path) -> int:
    """Hold a policy file against what test files expect of it.

    They are of the form sigstep/policy-tests/v1.

    Nothing is verified: the files say who is supposed to have signed what.

    Exit status: 0 every case as expected, 1 one differs or a file is refused, 2 usage.
    """
    opened, world = open_policy(policy), real_world()
    tried = [one for file in cases for one in try_cases(opened, load_cases(read_named(file)), world)]
    return _tell(tried, "as expected", "DIFFERS")


@click.command("replay")
@click.argument("reports", nargs=-1, type=_FILE, required=True)
@_POLICY
def replay_command(reports: tuple[Path, ...], policy: Path) -> int:
    """Judge past reports by a draft; say which verdicts change.

    Reports are those of `sigstep verify --format json`.

    Nothing is verified again; a recall list is not read.

    Exit status: 0 no verdict changes, 1 one changes or a file is refused, 2 usage.
    """
    opened, world = open_policy(policy), real_world()
    return _tell(replay(opened, [read_named(one) for one in reports], world), "unchanged", "CHANGES")


def _tell(tried: Sequence[Tried], good: str, bad: str) -> int:
    for one in tried:
        said = one.judgement.decision.value
        click.echo(f"{good if one.held else bad}  {plain(one.name)}: {said} (before: {one.before})")
        if not one.held:
            for finding in one.judgement.findings:
                click.echo(f"  {plain(finding.what)} [{finding.code}]")
    return 0 if tried and all(one.held for one in tried) else 1
