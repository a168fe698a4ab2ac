"""The surface that others rely on: public names, commands and their help, who may build a proof."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import sigstep
from sigstep.cli.main import COMMANDS
from sigstep.cli.main import sigstep as group

SOURCE = Path(__file__).parents[2] / "src" / "sigstep"


PUBLIC = """
    AllOf AnyOf Digest Finding HasPredicateType Incomplete Made Matcher NothingToExamine Outcome Predicate Refusal Refused Report
    SignedBy SigningOptions SigstepError TrustRequest Undecided UsageError Verdict Verified __version__ any_signer_unsafe attest
    owner repository sign sign_images signer_workflow verify verify_images
"""


def test_public_names() -> None:
    """Design, layout: the public API is ``sigstep.__all__``; a change of it is a decision."""
    assert sigstep.__all__ == sorted(PUBLIC.split())
    assert [name for name in sigstep.__all__ if not hasattr(sigstep, name)] == []
    assert not hasattr(sigstep, "flow")


def test_commands_stand_in_order() -> None:
    """One line a command, alphabetical."""
    assert list(COMMANDS) == sorted(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    """Each command imports, and says what it does in its first line."""
    result = CliRunner().invoke(group, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage:")


def test_only_verification_builds_a_proof() -> None:
    """Design, idea 3: only the pipeline builds a `Verified`."""
    builders = {
        file.relative_to(SOURCE).parts[0]
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Verified"
    }
    assert builders == {"verification"}


def groups(command: click.Command, name: str) -> Iterator[tuple[str, click.Group]]:
    """Every group of commands, by its whole name."""
    if isinstance(command, click.Group):
        yield name, command
        context = click.Context(command)
        for one in command.list_commands(context):
            yield from groups(command.get_command(context, one) or command, f"{name} {one}")


def test_no_line_of_help_is_cut_short() -> None:
    """In lists of commands, on a terminal of 80 columns, each says its whole first sentence."""
    found = dict(groups(group, "sigstep"))
    assert len(found) > 5
    for name, one in found.items():
        listed = CliRunner().invoke(one, ["--help"], terminal_width=80).output.partition("Commands:")[2]
        assert listed, name
        assert [line for line in listed.splitlines() if line.endswith(("...", "…"))] == [], name
