"""``sigstep init``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sigstep.flows.init import KINDS, USES, propose
from sigstep.rendering.text import plain


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="What is released; else by the files."
)
@click.option("--uses", default=USES, metavar="OWNER/sigstep@COMMIT", help="The commit of sigstep that you reviewed.")
@click.option("--yes", is_flag=True, help="Write without asking.")
def command(folder: Path, kinds: tuple[str, ...], uses: str, yes: bool) -> int:
    """Write the release workflow for a repository.

    It is made for what is in FOLDER, with every action pinned and the least permissions.

    The change is shown first, and written when you say yes (or --yes). Exit status: 0 written or nothing to change,
    1 not written, 2 usage, 3 nothing says what the repository releases.
    """
    changes = [one for one in propose(folder, kinds=kinds, uses=uses) if one.diff]
    if not changes:
        click.echo("The workflow is there already; nothing changes.")
        return 0
    for one in changes:
        click.echo("".join(f"{plain(line)}\n" for line in one.diff.splitlines()), nl=False)
    if not (yes or (sys.stdin.isatty() and click.confirm("Write this?"))):
        click.echo("Nothing was written; --yes writes it.")
        return 1
    for one in changes:
        one.write()
        click.echo(f"wrote {plain(str(one.path))}")
    click.echo("Read it, and commit it. It runs when a tag v* is pushed. A policy that takes what it signs:")
    for one in changes:
        click.echo(f"  sigstep policy init OWNER/NAME --workflow {plain(one.path.name)} --tag 'v*'")
    return 0
