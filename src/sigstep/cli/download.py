"""``sigstep download``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.place_options import finders_of, place_options
from sigstep.errors import UsageError
from sigstep.flows.download import download
from sigstep.model.digest import Digest
from sigstep.ports.real import real_world
from sigstep.rendering.text import plain


@click.command("download")
@click.argument("targets", nargs=-1, required=True, metavar="FILE|sha256:DIGEST...")
@place_options
@click.option("--plain-http", multiple=True, metavar="HOST[:PORT]", help="A registry to ask without TLS.")
@click.option("--output-dir", type=click.Path(path_type=Path, file_okay=False), help="Write there.")
def command(targets: tuple[str, ...], output_dir: Path | None, **options: Any) -> int:
    """Fetch what is known about artifacts, to verify it offline or elsewhere. Nothing is verified here.

    Exit status: 0 something about each, 2 usage, 3 nothing about one of them, 4 a place could not be asked.
    """
    world = real_world()
    places = finders_of(options, world)
    if not places:
        raise UsageError(
            code="place-missing",
            what="no place is named to ask",
            why="bundles about a digest can be anywhere",
            fix="give --github OWNER/NAME, --registry REPOSITORY or --release TAG",
        )
    named = [Path(one) if Path(one).exists() or ":" not in one else Digest.parse(one) for one in targets]
    for made in download(named, places, output_dir, world):
        click.echo(f"{plain(str(made.path))}: {len(made.sources)}")
        for source in made.sources:
            click.echo(f"  {plain(source)}")
        for finding in made.findings:
            click.echo(f"  not a bundle: {plain(finding.source)}: {plain(finding.what)} [{finding.code}]", err=True)
    return 0
