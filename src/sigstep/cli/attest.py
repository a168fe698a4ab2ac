"""``sigstep attest``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sigstep.cli.signing_options import FILE, images_of, shared_options, signing_options, subject_source, tell
from sigstep.errors import FormatError, UsageError
from sigstep.flows.attest import PROVENANCE, AttestRequest, attest
from sigstep.flows.image_signing import ImageSigningRequest, sign_images
from sigstep.model import limits
from sigstep.ports.real import real_world
from sigstep.predicates.registry import check, type_uri
from sigstep.stores.files import FileStore
from sigstep.wire import strict_json


@click.command("attest")
@click.argument("files", nargs=-1, metavar="FILE|GLOB|IMAGE...")
@click.option("--type", "kind", metavar="NAME|URI", help="The predicate's type; SLSA provenance by default.")
@click.option("--predicate", type=FILE, help="A JSON file with the predicate; provenance makes its own.")
@click.option("--one-statement", is_flag=True, help="One statement over all files instead of one bundle each.")
@click.option("--subjects-at-most", type=click.IntRange(1, limits.SUBJECTS_READ), default=limits.SUBJECTS,
              show_default=True, help="Subjects of one statement; more are split.")  # fmt: skip
@shared_options
def command(
    files: tuple[str, ...],
    kind: str | None,
    predicate: Path | None,
    one_statement: bool,
    subjects_at_most: int,
    output_dir: Path | None,
    bundle: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Attest files: SLSA provenance of this build, or a predicate of yours.

    Exit status: 0 all attested, 1 not a predicate, 2 usage, 3 no such file, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    if kind is not None and predicate is None:
        raise UsageError(
            code="predicate-missing",
            what="a type is given without a predicate",
            why="only SLSA provenance is made by attest itself",
            fix="give --predicate FILE",
        )
    uri = type_uri(kind) if kind else PROVENANCE
    content = _predicate(predicate, uri) if predicate is not None else None
    images = images_of(files)
    if images:
        asked = ImageSigningRequest(images=images, options=options, predicate_type=uri, predicate=content)
        return tell(sign_images(asked, world), form)
    request = AttestRequest(
        subjects=subject_source(files, given, options),
        options=options,
        predicate_type=uri,
        predicate=content,
        one_statement=one_statement,
        at_most=subjects_at_most,
        store=FileStore(folder=output_dir, path=bundle),
    )
    return tell(attest(request, world), form)


def _predicate(path: Path, uri: str) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(limits.PREDICATE_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="file-unreadable",
            what=f"{path} cannot be read",
            why=error.strerror or type(error).__name__,
            fix="check the path",
        ) from None
    value = strict_json.loads(data, at_most=limits.PREDICATE_BYTES, name="predicate")
    if not isinstance(value, dict):
        raise FormatError(
            code="predicate-malformed", what="the predicate is not a JSON object", why="", fix="give a JSON object"
        )
    check(uri, value)
    return value
