"""Options of every command that asks registries, and how an image is named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sigstep.cli.durations import duration
from sigstep.cli.options import together
from sigstep.errors import UsageError
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.saved import SavedImage, parse_saved
from sigstep.rendering.text import plain

if TYPE_CHECKING:
    from sigstep.oci.transport import Settings

_OPTIONS: Final = (
    click.option("--plain-http", multiple=True, metavar="HOST[:PORT]", help="A registry to ask without TLS."),
    click.option(
        "--mirror",
        "mirrors",
        multiple=True,
        metavar="REGISTRY=HOST",
        help="A host to read the images of a registry from first; what it lacks comes from the registry.",
    ),
)


_RETRY: Final = click.option(
    "--retry-for", default="1m", show_default=True, metavar="TIME", help="How long to try registries again, e.g. 90s."
)


def registry_options(command: Any, *, retry: bool = True) -> Any:
    """The options that say how registries are reached, for a command that takes ``**options``.

    Args:
        command: gets the options.
        retry: also ``--retry-for``; commands that sign have their own.
    """
    return together((*_OPTIONS, _RETRY) if retry else _OPTIONS, command)


def settings_of(options: Mapping[str, Any]) -> Settings:
    """How registries are reached.

    Raises:
        UsageError: ``option-malformed``.
    """
    from sigstep.oci.transport import Settings

    mirrors: dict[str, tuple[str, ...]] = {}
    for one in options["mirrors"]:
        registry, equals, host = one.partition("=")
        if not equals or not registry or not host or "/" in host:
            raise UsageError(
                code="option-malformed",
                what=f"{one[:100]!r} is not REGISTRY=HOST",
                why="a mirror is a host, and stands for one registry",
                fix="write --mirror docker.io=mirror.example",
            )
        mirrors[registry] = (*mirrors.get(registry, ()), host)
    return Settings(
        plain_http=frozenset(options["plain_http"]), mirrors=mirrors, retry_seconds=duration(options["retry_for"])
    )


def warn_of_tags(named: Iterable[object], form: str) -> None:
    """Say on standard error which images are named by a tag alone; a report for machines is left alone."""
    for one in named if form == "text" else ():
        if isinstance(one, Reference) and one.digest is None:
            click.echo(
                f"warning: {plain(str(one))} is a tag, which may point to something else tomorrow; "
                "what it pointed to was pinned for this run. Name the digest.",
                err=True,
            )


def image_place(text: str) -> Reference | SavedImage:
    """An image in a registry, or a saved one: ``oci:…``, ``oci-archive:…``, ``docker-archive:…``, or a path.

    A path is what is there, or begins with ``.`` or ``/``, as no registry does.

    Raises:
        UsageError: ``image-reference``.
    """
    saved = parse_saved(text)
    # os.path: Path.exists raises for a name that is too long
    if saved is None and (text.startswith((".", "/")) or os.path.exists(text)):  # noqa: PTH110
        saved = SavedImage(path=Path(text))
    return saved or parse_reference(text)
