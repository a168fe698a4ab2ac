"""``sigstep download``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.place_options import finders_of, place_options
from sigstep.cli.registry_options import registry_options, settings_of
from sigstep.errors import UsageError
from sigstep.flows.download import download
from sigstep.flows.images import meant
from sigstep.flows.registry_store import RegistryStore
from sigstep.model.digest import Digest
from sigstep.oci.client import Client
from sigstep.oci.reference import looks_like_image, parse_reference
from sigstep.oci.source import RemoteImage
from sigstep.ports.real import real_world
from sigstep.ports.store import Finder
from sigstep.rendering.text import plain


@click.command("download")
@click.argument("targets", nargs=-1, required=True, metavar="FILE|sha256:DIGEST|IMAGE...")
@place_options
@registry_options
@click.option("--platform", metavar="OS/ARCH|all", default="", help="Images: of an index the image for it, or each.")
@click.option("--recursive", is_flag=True, help="Images: an index and each image that it lists.")
@click.option("--output-dir", type=click.Path(path_type=Path, file_okay=False), help="Write there.")
def command(targets: tuple[str, ...], output_dir: Path | None, platform: str, recursive: bool, **options: Any) -> int:
    """Fetch bundles, to verify offline or elsewhere.

    Nothing is verified here.

    Of an image that is what its registry holds, written as sha256-HEX.sigstore.jsonl; `verify sha256:HEX --bundle FILE`
    takes it. What cosign signed before version 3 is a payload that names the image: it is written as
    sha256-HEX.signed-….json with its bundles beside it, and `verify` takes it as a file.

    Exit status: 0 something about each, 2 usage, 3 nothing about one of them, 4 a place could not be asked.
    """
    world = real_world()
    places: tuple[Finder, ...] = finders_of(options, world)
    named: list[Path | Digest] = []
    for one in targets:
        if Path(one).exists() or not looks_like_image(one):
            named.append(Path(one) if Path(one).exists() or ":" not in one else Digest.parse(one))
            continue
        image, settings = parse_reference(one), settings_of(options)
        remote = RemoteImage(Client(world, settings), image)
        named += [digest for digest, _ in meant(remote, platform, recursive=recursive)]
        places += (RegistryStore(repository=image, settings=settings),)
    if not places:
        raise UsageError(
            code="place-missing",
            what="no place is named to ask",
            why="bundles about a digest can be anywhere",
            fix="give --github OWNER/NAME, --registry REPOSITORY or --release TAG",
        )
    for made in download(tuple(dict.fromkeys(named)), places, output_dir, world):
        click.echo(f"{plain(str(made.path))}: {len(made.sources)}")
        for source in made.sources:
            click.echo(f"  {plain(source)}")
        for finding in made.findings:
            click.echo(f"  not a bundle: {plain(finding.source)}: {plain(finding.what)} [{finding.code}]", err=True)
    return 0
