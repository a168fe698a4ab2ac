"""``sigstep sign``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.signing_options import images_of, shared_options, signing_options, subject_source, tell
from sigstep.flows.image_signing import ImageSigningRequest, sign_images
from sigstep.flows.sign import SignRequest, sign
from sigstep.ports.real import real_world
from sigstep.stores.files import FileStore


@click.command("sign")
@click.argument("files", nargs=-1, metavar="FILE|GLOB|IMAGE...")
@click.option("--recursive", is_flag=True, help="Images: sign an index and each image that it lists.")
@click.option("--annotation", "annotations", multiple=True, metavar="NAME=VALUE", help="Images: a signed annotation.")
@click.option("--resume", is_flag=True, help="Keep bundles that are there and still verify; sign what is missing.")
@shared_options
def command(
    files: tuple[str, ...],
    resume: bool,
    recursive: bool,
    annotations: tuple[str, ...],
    output_dir: Path | None,
    bundle: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Sign files; each gets FILE.sigstore.json, verified before it is written. Images get theirs in the registry.

    Exit status: 0 all signed, 2 usage, 3 no such file, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    images = images_of(files)
    if images:
        pairs = dict(one.partition("=")[::2] for one in annotations)
        asked = ImageSigningRequest(images=images, options=options, annotations=pairs, recursive=recursive)
        return tell(sign_images(asked, world), form)
    request = SignRequest(
        subjects=subject_source(files, given, options),
        options=options,
        store=FileStore(folder=output_dir, path=bundle),
        resume=resume,
    )
    return tell(sign(request, world), form)
