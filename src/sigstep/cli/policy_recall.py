"""``sigstep policy recall``: the list of what is bad, whoever signed it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from sigstep.cli.signing_options import shared_options, signing_options, subject_source, tell
from sigstep.errors import UsageError
from sigstep.flows.recall_lists import RecallRequest, add_recall, issue, read_recall_list
from sigstep.flows.sign import SignRequest, sign
from sigstep.policy.recalls import KINDS, RecallList
from sigstep.ports.real import real_world
from sigstep.rendering.text import plain
from sigstep.stores.files import FileStore

_LIST = click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="recalls.yml")
_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group("recall")
def group() -> None:
    """Keep a list of what no policy rule may admit any more.

    Its form is sigstep/recalls/v1.
    """


@group.command("add")
@_LIST
@click.option("--digest", help="Of a file or image.")
@click.option("--commit", help="Of the source repository: whatever was built from it.")
@click.option(
    "--run", help="The URL of a workflow run, or of a job or attempt of it: whatever the run made, in every attempt."
)
@click.option("--repository-id", help="Of the source repository.")
@click.option("--identity", help="Whatever this signer signed; with --issuer, and --from and --until for a window.")
@click.option("--issuer", default="", help="The issuer of --identity.")
@click.option("--from", "start", type=_DAY, help="Begin of the window (UTC).")
@click.option("--until", "end", type=_DAY, help="End of the window (UTC).")
@click.option("--reason", required=True, help="Why; it stands in every refusal.")
def add(file: Path, issuer: str, start: datetime | None, end: datetime | None, reason: str, **given: Any) -> int:
    """Add to a recall list, or begin one. Sign it after that.

    Exit status: 0 added, 1 refused, 2 usage.
    """
    named = [(kind, given[kind.replace("-", "_")]) for kind in KINDS if given[kind.replace("-", "_")]]
    if len(named) != 1 or (named[0][0] == "identity") != bool(issuer) or (not issuer and (start or end)):
        raise UsageError(
            code="option-conflict",
            what="a recall names exactly one thing",
            why="an identity needs --issuer, and only an identity has a window",
            fix=f"give one of {', '.join(f'--{kind}' for kind in KINDS)}",
        )
    request = RecallRequest(
        kind=named[0][0],
        value=named[0][1],
        reason=reason,
        issuer=issuer,
        start=start.replace(tzinfo=timezone.utc) if start else None,
        end=end.replace(tzinfo=timezone.utc) if end else None,
    )
    _show(add_recall(file, request, real_world()))
    return 0


@group.command("list")
@_LIST
def list_command(file: Path) -> int:
    """Say what a recall list names and when it was issued. Its signature is not looked at.

    Exit status: 0 readable, 1 refused, 2 usage.
    """
    _show(read_recall_list(file))
    return 0


@group.command("sign")
@_LIST
@shared_options
def sign_command(file: Path, output_dir: Path | None, bundle: Path | None, form: str, **given: Any) -> int:
    """Issue a recall list anew and sign it: its age counts from now.

    Exit status: 0 signed, 1 refused, 2 usage, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    issue(file, world)
    subjects = subject_source((str(file),), given, options)
    store = FileStore(folder=output_dir, path=bundle)
    return tell(sign(SignRequest(subjects=subjects, options=options, store=store), world), form)


def _show(made: RecallList) -> None:
    click.echo(f"issued {made.issued:%Y-%m-%dT%H:%M:%SZ}, {len(made.recalls)} recalled")
    for one in made.recalls:
        window = f" from {one.start or '…'} until {one.end or '…'}" if one.start or one.end else ""
        click.echo(plain(f"{one.day} {one.kind} {one.value}{window}: {one.reason}"))
