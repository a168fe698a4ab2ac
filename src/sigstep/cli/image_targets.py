"""Images among what ``sigstep verify`` was given, and those that files name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from sigstep.cli.evidence_options import thresholds_of
from sigstep.errors import NothingToExamine, UsageError
from sigstep.flows.policies import OpenedPolicy
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustMaterial
from sigstep.model.verdict import Verdict
from sigstep.oci.reference import Reference, parse_reference
from sigstep.policy.rule import Rule
from sigstep.ports.world import World

_OPTIONS: Final = (
    click.option(
        "--in",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="Images that a Dockerfile, compose file or Kubernetes manifest names.",
    ),
    click.option("--platform", metavar="OS/ARCH", help="Of an image index: verify the image for this platform."),
    click.option(
        "--image-name",
        "image_names",
        multiple=True,
        metavar="IMAGE",
        help="With --policy: the name a saved folder is deployed under; once for each.",
    ),
    click.option("--plain-http", multiple=True, metavar="HOST[:PORT]", help="A registry to ask without TLS."),
)


def image_options(command: Any) -> Any:
    """The options that are about images, for a command that takes ``**options``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def is_layout(path: Path) -> bool:
    """Whether a path is the folder of a saved image (OCI image layout)."""
    return (path / "oci-layout").is_file() or (path / "index.json").is_file()


def listed_images(files: tuple[Path, ...]) -> dict[Path | Digest | Reference, tuple[str, ...]]:
    """Images that files name, with the places that name them."""
    from sigstep.subjects.manifest import read_images

    places: dict[Path | Digest | Reference, tuple[str, ...]] = {}
    for path in files:
        images = read_images(path)
        if not images:
            raise NothingToExamine(
                code="no-subject", what=f"{path} names no image", why="", fix="check that it is the right file"
            )
        for one in images:
            places[one.reference] = (*places.get(one.reference, ()), f"{one.path}:{one.line}")
    return places


def _with_lines(verdict: Verdict, places: tuple[str, ...]) -> Verdict:
    if not places:
        return verdict
    location = f"{verdict.subject.location} ({', '.join(places)})"
    return replace(verdict, subject=replace(verdict.subject, location=location))


def image_verdicts(
    images: tuple[Reference | Path, ...],
    listed: Mapping[Path | Digest | Reference, tuple[str, ...]],
    rule: Rule,
    trust: TrustMaterial,
    opened: OpenedPolicy | None,
    options: dict[str, Any],
    world: World,
) -> tuple[Verdict, ...]:
    """The verdicts on images, each once, in their order, with the places that name them (``listed``).

    Raises:
        UsageError: ``image-offline``: an image of a registry is to be verified without the network.
    """
    from sigstep.flows.images import ImageRequest, verify_images
    from sigstep.flows.policy_images import PolicyImageRequest, verify_policy_images
    from sigstep.oci.client import Settings

    if options["offline"] and not all(isinstance(one, Path) for one in images):
        raise UsageError(
            code="image-offline",
            what="an image in a registry cannot be verified offline",
            why="what is attached to it is in the registry too",
            fix="save it with all that is attached to it, and verify the folder",
        )
    settings = Settings(plain_http=frozenset(options["plain_http"]))
    platform = options["platform"] or ""
    thresholds = thresholds_of(options)
    if opened:
        names = tuple(parse_reference(one) for one in options["image_names"])
        by_policy = PolicyImageRequest(
            images=images,
            policy=opened,
            trust=trust,
            names=names,
            platform=platform,
            thresholds=thresholds,
            settings=settings,
        )
        found = verify_policy_images(by_policy, world)
    else:
        request = ImageRequest(
            images=images,
            rule=rule,
            trust=trust,
            attestation=bool(options["types"]),
            platform=platform,
            thresholds=thresholds,
            settings=settings,
        )
        found = verify_images(request, world).verdicts
    return tuple(
        _with_lines(one, listed.get(image, ())) for image, one in zip(dict.fromkeys(images), found, strict=True)
    )
