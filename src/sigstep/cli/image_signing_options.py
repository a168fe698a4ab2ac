"""Options of ``sign`` and ``attest`` that are about images."""

from __future__ import annotations

from typing import Any, Final

import click

from sigstep.cli.options import together
from sigstep.cli.registry_options import registry_options, settings_of
from sigstep.errors import UsageError
from sigstep.flows.image_attaching import AttachAs
from sigstep.flows.image_signing import ImageSigningRequest
from sigstep.flows.signing_run import SigningOptions
from sigstep.oci.reference import Reference

_OPTIONS: Final = (
    click.option("--recursive", is_flag=True, help="Images: an index and each image that it lists."),
    click.option("--annotation", "annotations", multiple=True, metavar="NAME=VALUE",
                 help="Images: a signed annotation."),
    click.option("--attach-as", type=click.Choice([one.value for one in AttachAs]), default=AttachAs.BUNDLE.value,
                 show_default=True, help="Images: an OCI referrer, the tags .sig and .att of older cosign, or both."),
    click.option("--replace", is_flag=True,
                 help="Images: drop older bundles of the same signer and type from the image afterwards."),
)  # fmt: skip


def image_signing_options(command: Any) -> Any:
    """The options of a command that attaches to images."""
    command = registry_options(command, retry=False)
    return together(_OPTIONS, command)


def image_request(images: tuple[Reference, ...], options: SigningOptions, given: dict[str, Any]) -> ImageSigningRequest:
    """A request to sign images as the options say.

    Raises:
        UsageError: ``option-malformed``.
    """
    for one in given["annotations"]:
        if "=" not in one:
            raise UsageError(
                code="option-malformed",
                what=f"{one[:100]!r} is not NAME=VALUE",
                why="it has no =",
                fix="write NAME=VALUE",
            )
    return ImageSigningRequest(
        images=images,
        options=options,
        annotations=dict(one.partition("=")[::2] for one in given["annotations"]),
        recursive=given["recursive"],
        attach_as=AttachAs(given["attach_as"]),
        replace=given["replace"],
        settings=settings_of(given),
    )
