"""``sigstep verify``."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from sigstep.cli.content_options import content_options, demands_of, sign_summary
from sigstep.cli.evidence_options import detached_of, evidence_options, thresholds_of
from sigstep.cli.image_targets import image_options, image_verdicts, is_layout, listed_images
from sigstep.cli.place_options import finders_of, place_options
from sigstep.cli.registry_options import warn_of_tags
from sigstep.cli.signer_options import policy_of, rule_of, signer_options
from sigstep.cli.trust_options import trust_of, trust_options
from sigstep.errors import FormatError, NothingToExamine, UsageError
from sigstep.model.digest import Digest
from sigstep.model.verdict import Report, Verdict
from sigstep.oci.reference import Reference, looks_like_image, parse_reference
from sigstep.oci.saved import SavedImage, parse_saved
from sigstep.ports.real import real_world
from sigstep.rendering.report import report_text
from sigstep.rendering.text import plain
from sigstep.subjects.hashing import absent

_FORMS: Final = MappingProxyType[str, str](
    {
        # form: "module:function"; imported when it is asked for
        "json": "sigstep.rendering.report:report_json",
        "markdown": "sigstep.rendering.markdown:report_markdown",
        "html": "sigstep.rendering.html:report_html",
        "sarif": "sigstep.rendering.sarif:report_sarif",
    }
)
_DIGEST: Final = re.compile(
    r"sha(256|384|512):.*|(sha|md|blake)[\w-]*:[0-9a-f]{32,}", re.ASCII | re.IGNORECASE | re.DOTALL
)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.argument("targets", nargs=-1, metavar="FILE|sha256:DIGEST|IMAGE|FOLDER...")
@click.option("--bundle", "bundles", multiple=True, type=_FILE, help="A bundle; by default those beside each file.")
@signer_options
@trust_options
@evidence_options
@image_options
@place_options
@content_options
@click.option("--explain", is_flag=True, help="Show every step with its evidence.")
@click.option("--format", "form", type=click.Choice(["text", *_FORMS]), default="text", help="Form of the report.")
def command(targets: tuple[str, ...], bundles: tuple[Path, ...], form: str, **options: Any) -> int:
    """Verify who made files and container images.

    Files by bundles beside them, then online; images in a registry, or saved.

    With --repo or --owner, GitHub is asked about files without a bundle beside them and about digests; --github,
    --registry and --release ask about every file that is not verified yet; --offline asks nobody.

    Of a folder every file has to be covered.

    Exit status: 0 all verified, 1 refused, 2 usage, 3 nothing to examine, 4 could not decide.
    """
    named = [_target(one) for one in targets]
    listed = listed_images(options["files"])
    named += [one for one in listed if one not in named]
    if not named:
        raise NothingToExamine(code="no-subject", what="nothing is named to verify", fix="name at least one file")
    world = real_world()
    demands = demands_of(options)
    opened = policy_of(options)
    rule = opened.rule if opened else rule_of(options)
    trust = trust_of(options, world, opened)
    images = tuple(one for one in named if isinstance(one, (Reference, SavedImage)))
    rest = tuple(one for one in named if not isinstance(one, (Reference, SavedImage)))
    verdicts: tuple[Verdict, ...] = ()
    if rest or not images:
        from sigstep.flows.verify import VerifyRequest, verify

        request = VerifyRequest(
            targets=rest,
            bundles=bundles,
            detached=detached_of(options),
            online=not options["offline"],
            finders=() if bundles or detached_of(options) else finders_of(options, world),
            ask_always=any(options[name] for name in ("github", "registry", "release")),
            thorough=bool(demands),
            rule=rule,
            trust=trust,
            thresholds=thresholds_of(options),
            policy=opened,
        )
        verdicts = verify(request, world).verdicts
    if images:
        if bundles:
            raise _bundles_of_images()
        verdicts += image_verdicts(images, listed, rule, trust, opened, options, world)
        warn_of_tags(images, form)
    report = Report(
        verdicts=verdicts,
        policy_digest=str(opened.policy.digest) if opened else "",
        any_signer=options["any_signer_unsafe"] or "",
    )
    if demands:
        from sigstep.flows.summaries import demand

        report = demand(report, demands, world)
    click.echo(_rendered(report, form) if form in _FORMS else report_text(report, explain=options["explain"]))
    for place in sign_summary(report, options, world, opened, demands):
        click.echo(f"summary -> {plain(place)}", err=True)
    return report.exit_code


def _bundles_of_images() -> UsageError:
    return UsageError(
        code="option-conflict",
        what="--bundle is for files and digests",
        why="the bundles of an image are those its registry or folder holds; the named one would not be looked at",
        fix="give the image's digest (sha256:…) instead of its name to verify it by a bundle file",
    )


def _rendered(report: Report, form: str) -> str:
    module, _, function = _FORMS[form].partition(":")
    return str(getattr(importlib.import_module(module), function)(report))


def _target(text: str) -> Path | Digest | Reference | SavedImage:
    saved = parse_saved(text)
    if saved is not None:
        return saved
    path = Path(text)
    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a folder cannot be searched
        return SavedImage(path=path) if is_layout(path) else path
    if looks_like_image(text):
        return parse_reference(text)
    if _DIGEST.fullmatch(text):
        try:
            return Digest.parse(text)
        except FormatError as error:
            raise UsageError(code=error.code, what=error.what, why=error.why, fix=error.fix) from None
    raise absent(path)
