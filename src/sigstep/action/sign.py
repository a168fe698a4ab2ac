"""The step ``sign``: a signature for each file beside it, or attached to each image."""

from __future__ import annotations

from pathlib import Path

from sigstep.action.attest import list_created, options_of, told
from sigstep.action.inputs import Inputs
from sigstep.action.result import StepResult
from sigstep.action.subjects import subjects_of
from sigstep.errors import UsageError
from sigstep.flows.image_signing import ImageSigningRequest, sign_images
from sigstep.flows.sign import SignRequest, sign
from sigstep.oci.reference import parse_reference
from sigstep.ports.world import World
from sigstep.stores.files import FileStore


def run(inputs: Inputs, world: World) -> StepResult:
    """Sign what the inputs name.

    Raises:
        UsageError: an input is malformed, or files and images are named at once.
        SigstepError: nothing could be signed.
    """
    options = options_of(inputs, world)
    images = inputs.entries("image")
    if images:
        if inputs.entries("subject-path"):
            raise UsageError(
                code="input-subjects-conflict",
                what="files and images are named at once",
                why="their signatures go to different places",
                fix="use one step for the files and one for the images",
            )
        request = ImageSigningRequest(
            images=tuple(parse_reference(one) for one in images), options=options, recursive=inputs.flag("recursive")
        )
        result = sign_images(request, world)
        return told(result, result.made[0].subjects, (), (), options.trust, world)
    source = subjects_of(inputs, world)
    folder = inputs.text("bundle-folder")
    store = FileStore(folder=Path(folder) if folder else None)
    resume = inputs.flag("resume")
    result = sign(SignRequest(subjects=source, options=options, store=store, resume=resume), world)
    list_created(result.made, world)
    receipts = tuple(one for made in result.made for one in made.receipts)
    return told(result, source.subjects, receipts, (), options.trust, world)
