"""``sigstep policy``."""

from __future__ import annotations

from pathlib import Path

import click

from sigstep.cli import admit, policy_engines, policy_recall, policy_trials
from sigstep.errors import UsageError
from sigstep.flows.policies import check_policy, template
from sigstep.ports.real import real_world
from sigstep.rendering.text import plain

_DEFAULT = ".github/sigstep.yml"


@click.group("policy")
def group() -> None:
    """Write and check the policy file: who may sign what."""


@group.command("init")
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--workflow", default="release.yml", show_default=True, help="The workflow that signs.")
@click.option("--branch", help="The branch it runs on.  [default: main]")
@click.option("--tag", default="", metavar="GLOB", help="The tags it runs on instead of a branch, such as 'v*'.")
@click.option("--image", default="", metavar="REPOSITORY", help="A rule about images of this repository, not files.")
def init(repository: str, workflow: str, branch: str | None, tag: str, image: str) -> None:
    """Print a policy that takes what one workflow signs.

    It is a workflow of one repository, and nothing else is taken.
    """
    if branch and tag:
        raise UsageError(
            code="option-conflict",
            what="--branch and --tag exclude one another",
            why="the policy names one signer",
            fix="give the one that the signing workflow runs on",
        )
    click.echo(template(repository, workflow=workflow, branch=branch or "main", tag=tag, image=image), nl=False)


@group.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=_DEFAULT)
def check(file: Path) -> None:
    """Read a policy file; say its digest and what is surprising.

    Its keys are read too.

    Exit status: 0 readable, 1 refused, 2 usage.
    """
    for line in check_policy(file, real_world().clock.now().date()):
        click.echo(plain(line))


group.add_command(admit.command)
group.add_command(policy_engines.export)
group.add_command(policy_engines.convert_command)
group.add_command(policy_engines.from_image)
group.add_command(policy_trials.explain_command)
group.add_command(policy_trials.test_command)
group.add_command(policy_trials.replay_command)
group.add_command(policy_recall.group)
