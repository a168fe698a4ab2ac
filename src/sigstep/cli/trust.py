"""``sigstep trust``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import click

from sigstep.cli.signing_options import FILE
from sigstep.errors import UsageError
from sigstep.flows.trust import TrustRequest, export_root, initialise, load_trust
from sigstep.flows.trust_parts import Part, create
from sigstep.model.services import Choice, Selector
from sigstep.model.trust import Validity
from sigstep.ports.real import real_world
from sigstep.ports.writing import write_whole
from sigstep.rendering.trust import trust_text
from sigstep.trust.instances import KNOWN


def _request(instances: tuple[str, ...], tuf_root: Path | None, *, offline: bool, update: bool = False) -> TrustRequest:
    return TrustRequest(instances=instances or tuple(KNOWN), tuf_root=tuf_root, offline=offline, update=update)


_SERVICES_AT_MOST: Final = 32  # as many entries as a bundle may have
_PART_FILES: Final = ("certificate-chain", "public-key")
_PART_MEMBERS: Final = (*_PART_FILES, "url", "start-time", "end-time", "operator", "origin", "api-version")
_PARTS: Final = (
    ("fulcio", "url=URL,certificate-chain=FILE", "A certificate authority; its chain ends with the root (PEM)."),
    ("ctfe", "url=URL,public-key=FILE", "A CT log."),
    ("rekor", "url=URL,public-key=FILE,api-version=2,origin=HOST", "A transparency log."),
    ("tsa", "url=URL,certificate-chain=FILE", "A timestamp authority; url is the whole address."),
    ("oidc", "url=URL", "An OIDC issuer."),
)


def _part_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, form, text in reversed(_PARTS):
        command = click.option(f"--{name}", multiple=True, metavar=form, help=text)(command)
    return command


@click.group("trust")
def group() -> None:
    """Show, update, export and make what is trusted."""


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
    """Write an instance's trusted_root.json to a file.

    It is for machines without the network.
    """
    write_whole(path, export_root(_request((instance,), tuf_root, offline=offline), real_world()))


@group.command("init")
@click.argument("url", metavar="URL")
@click.option("--tuf-root", type=FILE, required=True, help="The first root.json, as its operator handed it to you.")
def init(url: str, tuf_root: Path) -> None:
    """Begin with a TUF repository of your own.

    Its first root is checked and kept, so that --instance URL is enough.
    """
    click.echo(trust_text((initialise(url, tuf_root, real_world()),)))


@group.command("create")
@_part_options
@click.option("--rekor-choice", default="ANY", metavar="ANY|ALL|NUMBER", help="How many logs a signer has to use.")
@click.option("--tsa-choice", default="ANY", metavar="ANY|ALL|NUMBER", help="How many timestamp authorities.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def create_command(rekor_choice: str, tsa_choice: str, folder: Path, **parts: tuple[str, ...]) -> None:
    """Make trust root and signing config of an instance from parts.

    Written are trusted_root.json, signing_config.v0.2.json and client_trust_config.json.

    Every part also takes start-time=2026-01-31T00:00:00Z (by default now), end-time and operator; parts may be
    repeated. Copy the files to whoever signs (--trust-config) and verifies (--trusted-root).
    """
    now = real_world().clock.now().replace(microsecond=0)
    given = tuple(_part(kind, text, now) for kind, *_ in _PARTS for text in parts[kind])
    for name, data in create(given, _choice(rekor_choice), _choice(tsa_choice)).items():
        write_whole(folder / name, data)
        click.echo(folder / name)


def _part(kind: str, text: str, now: datetime) -> Part:
    said = dict(one.partition("=")[::2] for one in text.split(","))
    unknown = sorted(set(said) - set(_PART_MEMBERS))
    if unknown or not said.get("url"):
        raise _malformed(f"--{kind} {text}", f"{unknown[0]!r} is not known" if unknown else "it has no url")
    version = said.get("api-version", "1")
    if not version.isascii() or not version.isdigit():
        raise _malformed(f"--{kind} {text}", "api-version is not a number")
    file = next((said[name] for name in _PART_FILES if name in said), None)
    return Part(
        kind=kind,
        url=said["url"],
        validity=Validity(start=_time(said.get("start-time"), kind) or now, end=_time(said.get("end-time"), kind)),
        file=Path(file) if file else None,
        origin=said.get("origin", ""),
        version=int(version),
        operator=said.get("operator", ""),
    )


def _choice(text: str) -> Choice:
    if text in ("ANY", "ALL"):
        return Choice(selector=Selector(text))
    if text.isascii() and text.isdigit() and 0 < int(text) <= _SERVICES_AT_MOST:
        return Choice(selector=Selector.EXACT, count=int(text))
    raise _malformed(text, "ANY, ALL or a number is expected")


def _time(text: str | None, kind: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise _malformed(f"--{kind}", f"{text!r} is not a time like 2026-01-31T00:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _malformed(what: str, why: str) -> UsageError:
    return UsageError(
        code="option-malformed",
        what=f"{what[:200]!r} cannot be read",
        why=why,
        fix="write NAME=VALUE,NAME=VALUE as `sigstep trust create --help` shows",
    )
