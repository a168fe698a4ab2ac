"""Options that say where bundles are looked for online."""

from __future__ import annotations

from typing import Any, Final

import click

from sigstep.cli.options import together
from sigstep.cli.registry_options import settings_of
from sigstep.ports.store import Finder
from sigstep.ports.world import World

_OPTIONS: Final = (
    click.option("--github", metavar="OWNER[/NAME]", help="Ask GitHub about attestations there; --repo by default."),
    click.option("--registry", metavar="REPOSITORY", help="Ask what is attached to the digest in a registry."),
    click.option("--release", metavar="TAG", help="Look among the assets of a release of the repository."),
)


def place_options(command: Any) -> Any:
    """The options that name places, for a command that takes ``**options``."""
    return together(_OPTIONS, command)


def finders_of(options: dict[str, Any], world: World) -> tuple[Finder, ...]:
    """The places that are named; GitHub is asked about the repository or owner that has to be the builder.

    Raises:
        UsageError: a place is named in a way that is none.
    """
    github = options["github"] or options.get("repo") or options.get("owner_name") or ""
    if options.get("offline") or not (github or options["registry"] or options["release"]):
        return ()
    from sigstep.flows.places import Places, finders

    types: tuple[str, ...] = options.get("types") or ()
    places = Places(
        github=github,
        registry=options["registry"] or "",
        release=options["release"] or "",
        predicate_type=types[0] if len(types) == 1 else "",
        settings=settings_of(options),
    )
    return finders(places, world)
