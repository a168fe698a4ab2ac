"""``sigstep attest``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sigstep.cli.report_options import extras_of, predicates_of, report_options
from sigstep.cli.signing_options import images_of, shared_options, signing_options, subject_source, tell
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.image_signing import ImageSigningRequest, sign_images
from sigstep.model import limits
from sigstep.ports.real import real_world
from sigstep.stores.files import FileStore
from sigstep.stores.pep740 import Pep740Store


@click.command("attest")
@click.argument("files", nargs=-1, metavar="FILE|GLOB|IMAGE...")
@report_options
@click.option("--one-statement", is_flag=True, help="One statement over all files instead of one bundle each.")
@click.option("--subjects-at-most", type=click.IntRange(1, limits.SUBJECTS_READ), default=limits.SUBJECTS,
              show_default=True, help="Subjects of one statement; more are split.")  # fmt: skip
@click.option("--pep740", is_flag=True, help="Write a PEP 740 object of the provenance beside each distribution too.")
@click.option("--resume", is_flag=True, help="Keep bundles that are there and say the same; attest what is missing.")
@shared_options
def command(
    files: tuple[str, ...],
    one_statement: bool,
    subjects_at_most: int,
    pep740: bool,
    resume: bool,
    output_dir: Path | None,
    bundle: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Attest files or images: SLSA provenance of this build, SBOMs, scans, test results, or a predicate of yours.

    One certificate signs them all. A file with one attestation gets FILE.sigstore.json, with several
    FILE.KIND.sigstore.json.

    Exit status: 0 all attested, 1 not a predicate, 2 usage, 3 no such file, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    predicates, extras = predicates_of(given, world), extras_of(given, world)
    images = images_of(files)
    if images:
        asked = ImageSigningRequest(images=images, options=options, predicates=predicates, extras=extras)
        return tell(sign_images(asked, world), form)
    request = AttestRequest(
        subjects=subject_source(files, given, options),
        options=options,
        predicates=predicates,
        extras=extras,
        one_statement=one_statement,
        at_most=subjects_at_most,
        store=FileStore(folder=output_dir, path=bundle),
        more_stores=(Pep740Store(folder=output_dir),) if pep740 else (),
        resume=resume,
    )
    return tell(attest(request, world), form)
