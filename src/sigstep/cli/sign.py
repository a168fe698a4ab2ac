"""``sigstep sign``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.signing_options import shared_options, signing_options, subject_source, tell
from sigstep.flows.sign import SignRequest, sign
from sigstep.ports.real import real_world
from sigstep.stores.files import FileStore


@click.command("sign")
@click.argument("files", nargs=-1, metavar="FILE|GLOB...")
@click.option("--resume", is_flag=True, help="Keep bundles that are there and still verify; sign what is missing.")
@shared_options
def command(
    files: tuple[str, ...], resume: bool, output_dir: Path | None, bundle: Path | None, form: str, **given: Any
) -> int:
    """Sign files; each gets FILE.sigstore.json, verified before it is written.

    Exit status: 0 all signed, 2 usage, 3 no such file, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    request = SignRequest(
        subjects=subject_source(files, given, options),
        options=options,
        store=FileStore(folder=output_dir, path=bundle),
        resume=resume,
    )
    return tell(sign(request, world), form)
