"""The ``sigstep`` command: names of the commands only; each is imported when it is used."""

from __future__ import annotations

import gc
import importlib
import sys
from types import MappingProxyType
from typing import Final

import click

from sigstep import __version__
from sigstep.errors import SigstepError, Undecided, UsageError

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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; a value that is empty is refused before any command could take it for one not given."""
        _refuse_empty(args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a command of another tool is told by its name here."""
        if args[0] not in COMMANDS:
            from sigstep.cli.other_tools import COMMANDS_ELSEWHERE

            if ours := COMMANDS_ELSEWHERE.get(args[0]):
                ctx.fail(f"No such command {args[0]!r}: here it is `sigstep {ours}`.")
        return super().resolve_command(ctx, args)

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
    except click.NoSuchOption as error:
        _with_ours(error).show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except OSError as error:
        sys.exit(_tell(_system(error)))
    except click.Abort:
        _tell(interrupted())
        leave()
    finally:
        gc.freeze()  # the process ends: what is left needs no search for cycles
    sys.exit(status if isinstance(status, int) else 0)


def _refuse_empty(args: list[str]) -> None:
    """A shell variable that is not set must not take a demand away: ``--signer-workflow "$NOT_SET"``.

    Raises:
        UsageError: ``value-empty``.
    """
    if args[:1] == ["sandbox"]:  # what follows is a command of the user's own
        return
    for before, one in zip(["", *args], args, strict=False):
        name, equals, value = one.partition("=")
        if not one or (equals and not value and name.startswith("--")):
            option = name or (before if before.startswith("-") else "")
            raise UsageError(
                code="value-empty",
                what=f"the value of {option} is empty" if option else "an argument is empty",
                why="it would count as not given; a variable that is not set looks like this",
                fix="give a value, or leave it out",
            )


def _with_ours(error: click.NoSuchOption) -> click.UsageError:
    from sigstep.cli.other_tools import OPTIONS_ELSEWHERE

    ours = OPTIONS_ELSEWHERE.get(error.option_name, "")
    known = error.ctx.command.params if error.ctx else ()
    if not any(ours.partition(" ")[0] in one.opts for one in known):  # of another command
        return error
    return click.UsageError(f"No such option {error.option_name!r}: here it is {ours}.", error.ctx)


def _system(error: OSError) -> Undecided:
    about = f": {str(error.filename)[:200]}" if error.filename else ""
    return Undecided(
        code="system-refused",
        what="the operating system refused to read or write",
        why=f"{error.strerror or type(error).__name__}{about}",
        fix="check the path, its permissions and the space left; what was written before is whole",
    )


def _tell(error: SigstepError) -> int:
    from sigstep.rendering.text import error_text

    click.echo(error_text(error), err=True)
    return error.exit_code
