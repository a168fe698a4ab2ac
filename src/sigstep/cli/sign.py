"""``sigstep sign``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.image_signing_options import image_request, image_signing_options
from sigstep.cli.registry_options import warn_of_tags
from sigstep.cli.signing_options import images_of, shared_options, signing_options, subject_source, tell
from sigstep.flows.image_signing import sign_images
from sigstep.flows.sign import SignRequest, sign
from sigstep.ports.real import real_world
from sigstep.stores.files import FileStore


@click.command("sign")
@click.argument("files", nargs=-1, metavar="FILE|GLOB|IMAGE...")
@click.option("--resume", is_flag=True, help="Keep bundles that are there and still verify; sign what is missing.")
@image_signing_options
@shared_options
def command(
    files: tuple[str, ...],
    resume: bool,
    output_dir: Path | None,
    bundle: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Sign files or images.

    Each file gets FILE.sigstore.json, verified before it is written; images get theirs in the registry.

    Exit status: 0 all signed, 2 usage, 3 no such file, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    images = images_of(files)
    if images:
        warn_of_tags(images, form)
        return tell(sign_images(image_request(images, options, given), world), form)
    request = SignRequest(
        subjects=subject_source(files, given, options),
        options=options,
        store=FileStore(folder=output_dir, path=bundle),
        resume=resume,
    )
    return tell(sign(request, world), form)
