"""``sigstep sandbox``: a local Sigstore for rehearsal and tests."""

from __future__ import annotations

import shlex
import subprocess
import threading
from typing import Any

import click

from sigstep.errors import UsageError


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--log", type=click.Choice(["v1", "v2"]), default="v1", show_default=True, help="Rekor's API version.")
@click.option("--private", is_flag=True, help="As GitHub's instance for private repositories: no log, no SCT.")
@click.option("--no-token", is_flag=True, help="Hand out no token, as in a fork's pull request.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def sandbox(log: str, private: bool, no_token: bool, command: tuple[str, ...]) -> int:
    """Run a local Sigstore on loopback to rehearse with.

    It is for rehearsal and tests, never for production.

    Without COMMAND it prints addresses and variables and runs until Ctrl-C. With one (sigstep sandbox -- COMMAND ...)
    it runs it with the environment of a workflow step, and ends with its exit status.
    """
    from sigstep.sandbox.local import Sandbox

    _need_the_server()
    with Sandbox(log_version=int(log[1:]), private=private) as local:
        variables = local.environ(token=not no_token)
        if command:
            return _run(command, variables)
        _tell(local, variables)
        wait()
    return 0


def wait() -> None:
    """Wait for Ctrl-C."""
    threading.Event().wait()


def _need_the_server() -> None:
    try:
        import werkzeug  # noqa: F401
    except ImportError:
        raise UsageError(
            code="sandbox-extra-missing",
            what="the sandbox needs the extra sandbox",
            why="werkzeug is not installed",
            fix="install sigstep[sandbox]",
        ) from None


def _run(command: tuple[str, ...], variables: dict[str, str]) -> int:
    from sigstep.ports.real import environment

    try:
        return subprocess.run(command, env={**environment(), **variables}, check=False).returncode  # noqa: S603 - the user's own command
    except OSError as error:
        raise UsageError(
            code="sandbox-command-not-started",
            what=f"the command {command[0]!r} cannot be started",
            why=error.strerror or str(error),
            fix="give a program that is on PATH after --",
        ) from None


def _tell(local: Any, variables: dict[str, str]) -> None:
    click.echo("A local Sigstore for rehearsal and tests. Never for production: nobody keeps its keys.")
    click.echo(f"  issuer, Fulcio, Rekor, time stamps: {local.url}")
    click.echo(f"  TUF repository:                     {local.tuf_url}")
    click.echo(f"  trust files:                        {local.folder}")
    click.echo(f"  faults:                             {local.url}/sandbox/faults")
    click.echo("In another shell:")
    for name, value in sorted(variables.items()):
        click.echo(f"  export {name}={shlex.quote(value)}")
    click.echo("Ctrl-C ends it.")
