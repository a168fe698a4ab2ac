"""The ``sigstep`` command: names of the commands only; each is imported when it is used."""

from __future__ import annotations

import gc
import importlib
import sys
from types import MappingProxyType
from typing import Final

import click

from sigstep import __version__
from sigstep.errors import SigstepError

COMMANDS: Final = MappingProxyType[str, str](
    {
        # command name: "module:attribute"; one line a command, in alphabetical order
        "attest": "sigstep.cli.attest:command",
        "bundle": "sigstep.cli.bundle:group",
        "complete": "sigstep.cli.complete:command",
        "copy": "sigstep.cli.images:copy_command",
        "deps": "sigstep.cli.deps:command",
        "download": "sigstep.cli.download:command",
        "init": "sigstep.cli.init:command",
        "inspect": "sigstep.cli.inspect:command",
        "load": "sigstep.cli.images:load_command",
        "policy": "sigstep.cli.policy:group",
        "prune": "sigstep.cli.images:prune_command",
        "sandbox": "sigstep.cli.sandbox:sandbox",
        "save": "sigstep.cli.images:save_command",
        "sign": "sigstep.cli.sign:command",
        "tree": "sigstep.cli.images:tree_command",
        "trust": "sigstep.cli.trust:group",
        "verify": "sigstep.cli.verify:command",
    }
)
_OBJECTS: Final = 100_000  # between two collections: start-up makes many objects and no garbage


class LazyGroup(click.Group):
    """A group that imports a command when it is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def sigstep() -> None:
    """Sign, attest and verify builds, images and dependencies with Sigstore."""


def main() -> None:
    """Run the command line; every error is told with its code, and its exit code is the one of docs/reference.

    Ctrl-C and SIGTERM end it with 130 and 143. Files that were being written are whole or not there.
    """
    from sigstep.ports.signals import interrupted, leave, raise_on_signals

    raise_on_signals()
    gc.set_threshold(_OBJECTS)
    try:
        status = sigstep.main(standalone_mode=False)
    except SigstepError as error:
        sys.exit(_tell(error))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        _tell(interrupted())
        leave()
    finally:
        gc.freeze()  # the process ends: what is left needs no search for cycles
    sys.exit(status if isinstance(status, int) else 0)


def _tell(error: SigstepError) -> int:
    from sigstep.rendering.text import error_text

    click.echo(error_text(error), err=True)
    return error.exit_code
