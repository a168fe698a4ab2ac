"""``sigstep inspect``."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from sigstep.errors import FormatError
from sigstep.flows.bundles import Claims, read_claims, read_unsigned
from sigstep.rendering.claims import claims_json, claims_mermaid, claims_text

_FORMS: Final = MappingProxyType({"text": claims_text, "json": claims_json, "mermaid": claims_mermaid})


@click.command("inspect")
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False), metavar="BUNDLE|STATEMENT")
@click.option("--format", "form", type=click.Choice(list(_FORMS)), default="text", help="Form of the result.")
def command(source: Path, form: str) -> None:
    """Show what bundles claim, and what their statements say. Nothing of it is verified: use `sigstep verify`.

    Exit status: 0 shown, 1 no bundle and no statement, 3 no such file.
    """
    click.echo(_FORMS[form](_claims(source)))


def _claims(source: Path) -> tuple[Claims, ...]:
    try:
        return read_claims(source)
    except FormatError:
        try:
            return read_unsigned(source)
        except FormatError:
            pass
        raise
