"""Images among what ``sigstep verify`` was given, and those that files name."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sigstep.cli.evidence_options import thresholds_of
from sigstep.cli.place_options import finders_of
from sigstep.cli.registry_options import registry_options, settings_of
from sigstep.errors import NothingToExamine, UsageError
from sigstep.model import limits
from sigstep.model.trust import TrustMaterial
from sigstep.model.verdict import Verdict
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.saved import SavedImage
from sigstep.policy.rule import Rule
from sigstep.ports.world import World

if TYPE_CHECKING:
    from sigstep.flows.policies import OpenedPolicy
    from sigstep.subjects.manifest import NamedImage

_OPTIONS: Final = (
    click.option(
        "--in",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="Images that a Dockerfile, compose file or Kubernetes manifest names; - reads YAML from standard input.",
    ),
    click.option(
        "--platform", metavar="OS/ARCH|all", help="Of an image index: verify every image for this platform, or each."
    ),
    click.option("--recursive", is_flag=True, help="Verify an image index and each image that it lists."),
    click.option(
        "--image-name",
        "image_names",
        multiple=True,
        metavar="IMAGE",
        help="With --policy: the name a saved folder is deployed under; once for each.",
    ),
)


def image_options(command: Any) -> Any:
    """The options that are about images, for a command that takes ``**options``."""
    command = registry_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def is_layout(path: Path) -> bool:
    """Whether a path is the folder of a saved image (OCI image layout)."""
    # os.path: Path.is_file raises in a folder that cannot be searched
    return any(os.path.isfile(path / name) for name in ("oci-layout", "index.json"))  # noqa: PTH113


def listed_images(files: tuple[Path, ...]) -> dict[Reference, tuple[str, ...]]:
    """Images that files name, with the places that name them."""
    if not files:
        return {}
    places: dict[Reference, tuple[str, ...]] = {}
    for path in files:
        images = _images_in(path)
        if not images:
            raise NothingToExamine(
                code="no-subject",
                what=f"{'standard input' if str(path) == '-' else path} names no image",
                why="",
                fix="check that it is the right file",
            )
        for one in images:
            places[one.reference] = (*places.get(one.reference, ()), f"{one.path}:{one.line}")
    return places


def _images_in(path: Path) -> tuple[NamedImage, ...]:
    from sigstep.subjects.manifest import named_images, read_images

    if str(path) != "-":
        return read_images(path)
    data = sys.stdin.buffer.read(limits.POLICY_BYTES + 1)
    return named_images(data, Path("standard input"), "-.yaml")


def image_verdicts(
    images: tuple[Reference | SavedImage, ...],
    listed: Mapping[Reference, tuple[str, ...]],
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

    if options["offline"] and not all(isinstance(one, SavedImage) for one in images):
        raise UsageError(
            code="image-offline",
            what="an image in a registry cannot be verified offline",
            why="what is attached to it is in the registry too",
            fix="save it with all that is attached to it, and verify the folder",
        )
    settings = settings_of(options)
    platform = options["platform"] or ""
    thresholds = thresholds_of(options)
    if opened:
        from sigstep.flows.policy_images import PolicyImageRequest, verify_policy_images

        by_policy = PolicyImageRequest(
            images=images,
            policy=opened,
            trust=trust,
            names=tuple(parse_reference(one) for one in options["image_names"]),
            platform=platform,
            recursive=options["recursive"],
            places=listed,
            thresholds=thresholds,
            settings=settings,
        )
        return verify_policy_images(by_policy, world)
    request = ImageRequest(
        images=images,
        rule=rule,
        trust=trust,
        attestation=bool(options["types"]),
        types=tuple(options["types"]),
        platform=platform,
        recursive=options["recursive"],
        places=listed,
        thresholds=thresholds,
        settings=settings,
        finders=partial(finders_of, options, world),
        thorough=bool(options["built"] or options["accept_summary"]),
    )
    return verify_images(request, world).verdicts
