"""``sigstep inspect``."""

from __future__ import annotations

from pathlib import Path

import click

from sigstep.flows.bundles import read_claims
from sigstep.rendering.claims import claims_json, claims_text


@click.command("inspect")
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False), metavar="BUNDLE")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the result.")
def command(source: Path, form: str) -> None:
    """Show what bundles claim. Nothing of it is verified: use `sigstep verify` to rely on it."""
    claims = read_claims(source)
    click.echo(claims_json(claims) if form == "json" else claims_text(claims))
