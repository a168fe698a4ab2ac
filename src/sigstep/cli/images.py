"""``sigstep tree``, ``copy``, ``save``, ``load`` and ``prune``: images with all that is attached to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.registry_options import image_place, registry_options, settings_of
from sigstep.flows.image_copies import copy, save, tree
from sigstep.flows.image_pruning import PruneRequest, prune, removable
from sigstep.flows.images import open_source
from sigstep.oci.client import Client
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.saved import SavedImage, parse_saved
from sigstep.ports.real import real_world
from sigstep.predicates.registry import type_uri
from sigstep.rendering.text import plain


@click.command("tree")
@click.argument("image")
@registry_options
def tree_command(image: str, **options: Any) -> int:
    """List what is attached to an image (in a registry, or saved). Nothing is verified."""
    source = open_source(image_place(image), Client(real_world(), settings_of(options)))
    _, nodes, attached = tree(source)
    for manifest, platform in nodes:
        click.echo(f"{plain(source.name)}@{manifest.digest} {plain(platform)}".rstrip())
        for one in attached:
            if one.subject == manifest.digest:
                click.echo(f"  {one.digest} {plain(one.kind)} {plain(one.created)}".rstrip())
    return 0


@click.command("copy")
@click.argument("origin", metavar="SRC")
@click.argument("target", metavar="DST")
@registry_options
def copy_command(origin: str, target: str, **options: Any) -> int:
    """Copy an image with all signatures and attestations."""
    return _copy(image_place(origin), target, options)


@click.command("load")
@click.argument("origin", metavar="FOLDER|oci:FOLDER[:NAME]|oci-archive:FILE|docker-archive:FILE")
@click.argument("target", metavar="IMAGE")
@registry_options
def load_command(origin: str, target: str, **options: Any) -> int:
    """Push a saved image with all signatures and attestations."""
    return _copy(parse_saved(origin) or SavedImage(path=Path(origin)), target, options)


def _copy(origin: Reference | SavedImage, target: str, options: dict[str, Any]) -> int:
    world, settings, there = real_world(), settings_of(options), parse_reference(target)
    root = copy(open_source(origin, Client(world, settings)), there, settings, world)
    click.echo(f"{plain(there.name)}@{root.digest}")
    return 0


@click.command("save")
@click.argument("image")
@click.argument("folder", type=click.Path(path_type=Path))
@registry_options
def save_command(image: str, folder: Path, **options: Any) -> int:
    """Save an image with all signatures and attestations.

    FOLDER becomes an OCI layout, from which the image is verified without a network.
    """
    root = save(parse_reference(image), folder, settings_of(options), real_world())
    click.echo(f"{plain(str(folder))}: {root.digest}")
    return 0


@click.command("prune")
@click.argument("image")
@click.option(
    "--keep", type=click.IntRange(0), default=1, show_default=True, help="Newest bundles of each type to keep."
)
@click.option("--type", "types", multiple=True, metavar="NAME|URI", help="Only bundles of this predicate type.")
@click.option("--legacy", is_flag=True, help="Also the tags .sig and .att of older cosign.")
@click.option("--yes", is_flag=True, help="Remove them; without it they are only listed.")
@registry_options
def prune_command(image: str, keep: int, types: tuple[str, ...], legacy: bool, yes: bool, **options: Any) -> int:
    """Remove old signatures and attestations of an image.

    Those of each image that an index lists go too. Types and times are the registry's word: nothing is verified, and
    who signed does not matter.
    """
    request = PruneRequest(
        image=parse_reference(image),
        keep=keep,
        types=tuple(type_uri(one) for one in types),
        legacy=legacy,
        settings=settings_of(options),
    )
    found = (prune if yes else removable)(request, real_world())
    for one in found:
        click.echo(f"{'removed' if yes else 'would remove'} {one.digest} {plain(one.kind)} of {one.subject}")
    if not found:
        click.echo("nothing to remove")
    elif not yes:
        click.echo("run it again with --yes to remove them", err=True)
    return 0
