"""Options that ``sign`` and ``attest`` share, and what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from sigstep.cli.durations import duration
from sigstep.cli.options import together
from sigstep.errors import UsageError
from sigstep.flows.sign import SigningResult
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest
from sigstep.oci.reference import Reference, looks_like_image, parse_reference
from sigstep.ports.families import SubjectSource, TokenSource
from sigstep.ports.world import World
from sigstep.rendering.text import error_text, plain
from sigstep.signing.keys import ALGORITHMS, managed_key
from sigstep.subjects.checksums import ChecksumSubjects
from sigstep.subjects.digest import DigestSubject
from sigstep.subjects.files import FileSubjects

FILE: Final = click.Path(path_type=Path, dir_okay=False)

_OPTIONS: Final = (
    click.option("--instance", metavar="NAME|URL", help="public-good, staging, github, or a TUF repository."),
    click.option("--trust-config", type=FILE, envvar="SIGSTEP_TRUST_CONFIG", help="A client trust config file."),
    click.option("--trusted-root", type=FILE, help="trusted_root.json, with --signing-config."),
    click.option("--signing-config", type=FILE, help="Services to use instead of the instance's own."),
    click.option("--tuf-root", type=FILE, help="The first root.json of a TUF repository of your own."),
    click.option("--offline-trust", is_flag=True, help="Take trusted roots from the cache or the package."),
    click.option("--token-file", type=FILE, help="A file with an OIDC token for the audience sigstore."),
    click.option("--token-variable", metavar="NAME", help="An environment variable with an OIDC token."),
    click.option("--key", type=FILE, help="A private key (PKCS#8 PEM); its password is in SIGSTEP_KEY_PASSWORD."),
    click.option("--key-algorithm", type=click.Choice(ALGORITHMS), default="ecdsa-p256", help="Of the ephemeral key."),
    click.option("--csr", is_flag=True, help="Ask for the certificate by a certificate signing request (PKCS#10)."),
    click.option("--retry-for", default="10m", metavar="TIME", help="How long to try again, e.g. 90s, 45m, 2h."),
    click.option("--on-log-outage", type=click.Choice(["fail", "defer"]), default="fail",
                 help="defer: write a pending bundle with a signed time."),
    click.option("--allow-public-log", is_flag=True, help="Write about a private repository to a public log."),
    click.option("--digest", "digests", multiple=True, metavar="[NAME=]sha256:HEX", help="A subject by its digest."),
    click.option("--checksums", type=FILE, help="A checksums file whose lines are the subjects."),
    click.option("--relative-names", is_flag=True, help="Name files by their path instead of their base name."),
    click.option("--output-dir", type=click.Path(path_type=Path, file_okay=False), help="Write bundles there."),
    click.option("--bundle", type=FILE, help="Write the bundle to this file (one bundle)."),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the result."),
)  # fmt: skip


def shared_options(command: Any) -> Any:
    """The options of every signing command."""
    return together(_OPTIONS, command)


def signing_options(given: dict[str, Any], world: World) -> SigningOptions:
    """What the options say about how to sign.

    Raises:
        UsageError: ``option-malformed``, ``key-unreadable``.
    """
    key = managed_key(given["key"], world.environ.get("SIGSTEP_KEY_PASSWORD")) if given["key"] else None
    seconds = duration(given["retry_for"])
    return SigningOptions(
        trust=TrustRequest(
            instances=(given["instance"],) if given["instance"] else (),
            trusted_roots=(given["trusted_root"],) if given["trusted_root"] else (),
            trust_config=None if given["instance"] or given["trusted_root"] else given["trust_config"],
            signing_config=given["signing_config"],
            tuf_root=given["tuf_root"],
            offline=given["offline_trust"],
        ),
        sources=_sources(given, seconds),
        key=key,
        algorithm=given["key_algorithm"],
        csr=given["csr"],
        retry_seconds=seconds,
        defer_logging=given["on_log_outage"] == "defer",
        allow_public_log=given["allow_public_log"],
    )


def subject_source(files: tuple[str, ...], given: dict[str, Any], options: SigningOptions) -> SubjectSource:
    """The one way in which subjects are named.

    Raises:
        UsageError: ``option-conflict``: they are named in several ways.
    """
    ways = [way for way in (files, given["digests"], given["checksums"]) if way]
    if len(ways) > 1 or len(given["digests"]) > 1:
        raise UsageError(
            code="option-conflict",
            what="subjects are named in several ways",
            why="files, --digest and --checksums exclude one another, and --digest is given once",
            fix="name them in one way; several digests go into a checksums file",
        )
    if given["checksums"]:
        return ChecksumSubjects(path=given["checksums"])
    if given["digests"]:
        name, equals, digest = given["digests"][0].rpartition("=")
        return DigestSubject(digest=digest, name=name if equals else "")
    return FileSubjects(
        patterns=files, name_base=Path() if given["relative_names"] else None, algorithms=options.digests
    )


def images_of(files: tuple[str, ...]) -> tuple[Reference, ...]:
    """The images among what is named; none where files are named.

    Raises:
        UsageError: ``option-conflict``: files and images at once.
    """
    images = tuple(parse_reference(one) for one in files if not Path(one).exists() and looks_like_image(one))
    if images and len(images) != len(files):
        raise UsageError(
            code="option-conflict",
            what="files and images are named at once",
            why="their bundles go to different places",
            fix="run it once for the files and once for the images",
        )
    return images


def tell(result: SigningResult, form: str) -> int:
    """Print what was made and what failed; the exit code."""
    if form == "json":
        click.echo(json.dumps(_document(result), indent=2))
    else:
        for made in result.made:
            names = plain(made.subjects[0].name) + (f" and {len(made.subjects) - 1} more" if made.subjects[1:] else "")
            state = " (kept)" if made.kept else " (PENDING: no log entry yet)" if made.pending else ""
            click.echo(f"{names} -> {plain(made.location)}{state}")
            for receipt in made.receipts[1:]:
                click.echo(f"  {receipt.store}: {plain(receipt.url or receipt.location)}")
    for name, error in result.problems:
        click.echo(f"{plain(name)}: {error_text(error)}", err=True)
    return max((error.exit_code for _, error in result.problems), default=0)


def _document(result: SigningResult) -> dict[str, Any]:
    made = [
        {
            "bundle": one.location,
            "pending": one.pending,
            "kept": one.kept,
            "published": [{"store": each.store, "url": each.url or each.location} for each in one.receipts[1:]],
            "subjects": [{"name": each.name, "digest": str(each.digests[0])} for each in one.subjects],
        }
        for one in result.made
    ]
    failures = [{"subject": name, "code": error.code, "what": error.what} for name, error in result.problems]
    return {"made": made, "failures": failures}


def _sources(given: dict[str, Any], seconds: float) -> tuple[TokenSource, ...]:
    from sigstep.oidc.ambient import AmbientCredential
    from sigstep.oidc.github import GitHubActions
    from sigstep.oidc.given import TokenFile, TokenVariable

    if given["token_file"]:
        return (TokenFile(path=given["token_file"]),)
    if given["token_variable"]:
        return (TokenVariable(variable=given["token_variable"]),)
    return (GitHubActions(retry_seconds=seconds), AmbientCredential())
