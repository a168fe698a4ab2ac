"""``sigstep trust``."""

from __future__ import annotations

from pathlib import Path

import click

from sigstep.cli.signing_options import FILE
from sigstep.flows.trust import TrustRequest, export_root, load_trust
from sigstep.ports.real import real_world
from sigstep.rendering.trust import trust_text
from sigstep.stores.files import write_whole
from sigstep.trust.instances import KNOWN


def _request(instances: tuple[str, ...], tuf_root: Path | None, *, offline: bool, update: bool = False) -> TrustRequest:
    return TrustRequest(instances=instances or tuple(KNOWN), tuf_root=tuf_root, offline=offline, update=update)


@click.group("trust")
def group() -> None:
    """Show, update and export what is trusted."""


@group.command("show")
@click.argument("instances", nargs=-1, metavar="[NAME|URL]...")
@click.option("--tuf-root", type=FILE, help="The first root.json of a TUF repository of your own.")
@click.option("--offline/--online", default=True, help="Ask the TUF repositories.", show_default=True)
def show(instances: tuple[str, ...], tuf_root: Path | None, offline: bool) -> None:
    """Show logs and authorities with their windows."""
    click.echo(trust_text(load_trust(_request(instances, tuf_root, offline=offline), real_world()).roots))


@group.command("update")
@click.argument("instances", nargs=-1, metavar="[NAME|URL]...")
@click.option("--tuf-root", type=FILE, help="The first root.json of a TUF repository of your own.")
def update(instances: tuple[str, ...], tuf_root: Path | None) -> None:
    """Ask the TUF repositories now, and keep what they say."""
    request = _request(instances, tuf_root, offline=False, update=True)
    click.echo(trust_text(load_trust(request, real_world()).roots))


@group.command("export")
@click.argument("instance", metavar="NAME|URL")
@click.argument("path", type=FILE)
@click.option("--tuf-root", type=FILE, help="The first root.json of a TUF repository of your own.")
@click.option("--offline/--online", default=True, help="Ask the TUF repository.", show_default=True)
def export(instance: str, path: Path, tuf_root: Path | None, offline: bool) -> None:
    """Write an instance's trusted_root.json to a file, for machines without the network."""
    write_whole(path, export_root(_request((instance,), tuf_root, offline=offline), real_world()))
