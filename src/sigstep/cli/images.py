"""``sigstep tree``, ``copy`` and ``save``: images with all that is attached to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.flows.image_copies import copy, save, tree
from sigstep.oci.client import Settings
from sigstep.oci.reference import parse_reference
from sigstep.ports.real import real_world
from sigstep.rendering.text import plain

_PLAIN = click.option("--plain-http", multiple=True, metavar="HOST[:PORT]", help="A registry to ask without TLS.")


def _settings(hosts: tuple[str, ...]) -> Settings:
    return Settings(plain_http=frozenset(hosts))


@click.command("tree")
@click.argument("image")
@_PLAIN
def tree_command(image: str, plain_http: tuple[str, ...]) -> int:
    """List what is attached to an image. Nothing is verified."""
    reference = parse_reference(image)
    root, attached = tree(reference, _settings(plain_http), real_world())
    platforms = {child.digest: child.platform for child in root.manifests}
    for digest in (root.digest, *platforms):
        click.echo(f"{plain(reference.name)}@{digest} {plain(platforms.get(digest, ''))}".rstrip())
        for one in attached:
            if one.subject == digest:
                click.echo(f"  {one.digest} {plain(one.kind)}")
    return 0


@click.command("copy")
@click.argument("origin", metavar="SRC")
@click.argument("target", metavar="DST")
@_PLAIN
def copy_command(origin: str, target: str, plain_http: tuple[str, ...]) -> int:
    """Copy an image with all signatures and attestations."""
    there = parse_reference(target)
    root = copy(parse_reference(origin), there, _settings(plain_http), real_world())
    click.echo(f"{plain(there.name)}@{root.digest}")
    return 0


@click.command("save")
@click.argument("image")
@click.argument("folder", type=click.Path(path_type=Path))
@_PLAIN
def save_command(image: str, folder: Path, **given: Any) -> int:
    """Save an image with all signatures and attestations as an OCI layout folder, to verify it without a network."""
    root = save(parse_reference(image), folder, _settings(given["plain_http"]), real_world())
    click.echo(f"{plain(str(folder))}: {root.digest}")
    return 0
