"""``sigstep bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.trust_options import trust_options, trust_request
from sigstep.flows.bundles import convert, read_claims
from sigstep.flows.lookup import complete_from_log
from sigstep.flows.trust import load_trust
from sigstep.ports.real import real_world
from sigstep.ports.writing import write_whole
from sigstep.proofs.prepared import prepare
from sigstep.wire.signed_document import Signed

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("bundle")
def group() -> None:
    """Write bundles of other formats and versions as version 0.3."""


def _write(source: Path, output: Path | None, options: dict[str, Any]) -> None:
    world = real_world()

    def complete(signed: Signed) -> Signed:
        return complete_from_log(signed, prepare(load_trust(trust_request(options), world)), world)

    data = convert(read_claims(source), None if options["offline"] else complete)
    if output is None:
        click.echo(data, nl=False)
    else:
        write_whole(output, data)


@group.command("convert")
@click.argument("source", type=_FILE, metavar="FILE")
@click.option("--output", type=_FILE, help="Write here instead of to standard output.")
@trust_options
def convert_command(source: Path, output: Path | None, **options: Any) -> None:
    """Write what any known format holds as bundles of version 0.3.

    Formats are those of cosign, PEP 740 and registry answers.

    A missing inclusion proof or log entry is fetched from the log, except with --offline. Nothing is verified: the
    result is accepted exactly where its proofs are.
    """
    _write(source, output, options)


@group.command("upgrade")
@click.argument("source", type=_FILE, metavar="BUNDLE")
@trust_options
def upgrade_command(source: Path, **options: Any) -> None:
    """Turn a bundle of version 0.1 or 0.2 into 0.3, in place.

    A missing proof is fetched as by convert.
    """
    _write(source, source, options)
