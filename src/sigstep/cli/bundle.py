"""``sigstep bundle``."""

from __future__ import annotations

from pathlib import Path

import click

from sigstep.flows.bundles import convert, read_claims
from sigstep.stores.files import write_whole

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("bundle")
def group() -> None:
    """Write bundles of other formats and versions as version 0.3."""


def _write(source: Path, output: Path | None) -> None:
    data = convert(read_claims(source))
    if output is None:
        click.echo(data, nl=False)
    else:
        write_whole(output, data)


@group.command("convert")
@click.argument("source", type=_FILE, metavar="FILE")
@click.option("--output", type=_FILE, help="Write here instead of to standard output.")
def convert_command(source: Path, output: Path | None) -> None:
    """Write what any known format holds (cosign, PEP 740, registry answers) as bundles of version 0.3.

    Nothing is verified: the result is accepted exactly where its proofs are.
    """
    _write(source, output)


@group.command("upgrade")
@click.argument("source", type=_FILE, metavar="BUNDLE")
def upgrade_command(source: Path) -> None:
    """Turn a bundle of version 0.1 or 0.2 into version 0.3, in place."""
    _write(source, source)
