"""``sigstep attest``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sigstep.cli.image_signing_options import image_request, image_signing_options
from sigstep.cli.registry_options import warn_of_tags
from sigstep.cli.report_options import extras_of, predicates_of, report_options
from sigstep.cli.signing_options import images_of, shared_options, signing_options, subject_source, tell
from sigstep.errors import UsageError
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.image_signing import sign_images
from sigstep.flows.places import publishers
from sigstep.flows.sbom_making import AUTO
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
@click.option(
    "--publish",
    "published",
    multiple=True,
    metavar="github|release:TAG",
    help="Publish there too, with the token in GH_TOKEN or GITHUB_TOKEN: GitHub's attestations, or a release.",
)
@click.option("--repository", metavar="OWNER/NAME", envvar="GITHUB_REPOSITORY", default="",
              help="The repository of --publish; in a job its own.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Keep bundles that are there and say the same; attest what is missing.")
@image_signing_options
@shared_options
def command(
    files: tuple[str, ...],
    one_statement: bool,
    subjects_at_most: int,
    pep740: bool,
    published: tuple[str, ...],
    repository: str,
    resume: bool,
    output_dir: Path | None,
    bundle: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Attest files or images.

    What is attested: SLSA provenance of this build, SBOMs, scans, test results, or a predicate of yours.

    One certificate signs them all. A file with one attestation gets FILE.sigstore.json, with several
    FILE.KIND.sigstore.json.

    Exit status: 0 all attested, 1 not a predicate, 2 usage, 3 no such file, 4 no token, service or trust.
    """
    world = real_world()
    options = signing_options(given, world)
    images = images_of(files)
    own_sbom = bool(images) and AUTO in given["sboms"]
    if own_sbom:
        given["sboms"] = tuple(one for one in given["sboms"] if one != AUTO)
    predicates, extras = predicates_of(given, world, nothing=own_sbom), extras_of(given, world)
    stores = publishers(published, repository, world)
    if images:
        if stores:
            raise _attached()
        warn_of_tags(images, form)
        asked = image_request(images, options, given)
        asked = replace(asked, predicates=predicates, extras=extras, sbom=own_sbom)
        return tell(sign_images(asked, world), form)
    request = AttestRequest(
        subjects=subject_source(files, given, options),
        options=options,
        predicates=predicates,
        extras=extras,
        one_statement=one_statement,
        at_most=subjects_at_most,
        store=FileStore(folder=output_dir, path=bundle),
        more_stores=(*((Pep740Store(folder=output_dir),) if pep740 else ()), *stores),
        resume=resume,
    )
    return tell(attest(request, world), form)


def _attached() -> UsageError:
    return UsageError(
        code="publish-place",
        what="--publish is for files",
        why="the bundles of an image are attached to it in its registry",
        fix="leave it out, or use the action with publish-to",
    )
