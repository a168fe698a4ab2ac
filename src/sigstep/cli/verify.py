"""``sigstep verify``."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from sigstep.errors import FormatError, NothingToExamine, UsageError
from sigstep.flows.policies import OpenedPolicy, open_policy
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.model.verdict import Report, Verdict
from sigstep.oci.reference import Reference, looks_like_image, parse_reference
from sigstep.policy.matcher import Matcher
from sigstep.policy.rule import AllOf, Rule, any_signer_unsafe
from sigstep.policy.signer import HasPredicateType, SignedBy, SignedByKey, owner, repository, signer_workflow
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.proofs.keys import load_pem_key
from sigstep.rendering.report import report_text

_SIGNER_OPTIONS = (
    *("identity", "identity_glob", "identity_regexp", "issuer", "issuer_regexp", "repo", "owner_name", "workflow"),
    *("extensions", "deny_self_hosted_runners", "types", "key", "any_signer_unsafe"),
)
_FORMS: Final = MappingProxyType[str, str](
    {
        # form: "module:function"; imported when it is asked for
        "json": "sigstep.rendering.report:report_json",
        "markdown": "sigstep.rendering.markdown:report_markdown",
        "html": "sigstep.rendering.html:report_html",
        "sarif": "sigstep.rendering.sarif:report_sarif",
    }
)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.argument("targets", nargs=-1, metavar="FILE|sha256:DIGEST|IMAGE|FOLDER...")
@click.option("--bundle", "bundles", multiple=True, type=_FILE, help="A bundle; by default those beside each file.")
@click.option("--identity", help="The signer, exactly: a URI or an e-mail address.")
@click.option("--identity-glob", help="The signer as a glob; * stops at /, ** does not.")
@click.option("--identity-regexp", help="The signer as a regular expression, anchored (RE2).")
@click.option("--issuer", help="The OIDC issuer, exactly.")
@click.option("--issuer-regexp", help="The OIDC issuer as a regular expression, anchored (RE2).")
@click.option("--repo", help="Built from this GitHub repository: owner/name.")
@click.option("--owner", "owner_name", help="Built from a repository of this GitHub owner.")
@click.option(
    "--signer-workflow", "workflow", help="Signed by this workflow: owner/name/.github/workflows/file.yml[@ref]."
)
@click.option(
    "--extension", "extensions", multiple=True, metavar="NAME=VALUE", help="A certificate extension, exactly."
)
@click.option("--deny-self-hosted-runners", is_flag=True, help="Only runners that GitHub hosts.")
@click.option("--type", "types", multiple=True, metavar="URI", help="The attestation's predicate type.")
@click.option("--key", type=_FILE, help="A public key (PEM) that signed instead of an identity.")
@click.option("--policy", type=_FILE, help="A policy file (sigstep/policy/v1) instead of the options above.")
@click.option("--any-signer-unsafe", metavar="REASON", help="Take whoever signed; only integrity is checked.")
@click.option("--trusted-root", "roots", multiple=True, type=_FILE, help="trusted_root.json; may be repeated.")
@click.option("--instance", "instances", multiple=True, help="public-good, staging, github, or a TUF address.")
@click.option("--trust-config", type=_FILE, envvar="SIGSTEP_TRUST_CONFIG", help="A client trust config file.")
@click.option("--tuf-root", type=_FILE, help="The first root.json of the TUF repository that --instance names.")
@click.option("--offline", is_flag=True, help="Ask nothing of the network: use the trusted roots at hand.")
@click.option(
    "--in",
    "files",
    multiple=True,
    type=_FILE,
    help="Images that a Dockerfile, compose file or Kubernetes manifest names.",
)
@click.option("--platform", metavar="OS/ARCH", help="Of an image index: verify the image for this platform.")
@click.option("--plain-http", multiple=True, metavar="HOST[:PORT]", help="A registry to ask without TLS.")
@click.option("--explain", is_flag=True, help="Show every step with its evidence.")
@click.option("--format", "form", type=click.Choice(["text", *_FORMS]), default="text", help="Form of the report.")
def command(targets: tuple[str, ...], bundles: tuple[Path, ...], form: str, **options: Any) -> int:
    """Verify who made files (offline, from their bundles) and container images (in a registry, or a saved folder).

    Exit status: 0 all verified, 1 refused, 2 usage, 3 nothing to examine, 4 could not decide.
    """
    named = [_target(one) for one in targets]
    listed = _listed(options["files"])
    named += [one for one in listed if one not in named]
    world = real_world()
    opened = _policy(options)
    rule = opened.rule if opened else _rule(options)
    trust = _trust(options, world, opened)
    images = tuple(one for one in named if not isinstance(one, Digest) and (isinstance(one, Reference) or one.is_dir()))
    rest = tuple(one for one in named if not isinstance(one, Reference) and one not in images)
    verdicts: tuple[Verdict, ...] = ()
    if rest or not images:
        request = VerifyRequest(targets=rest, bundles=bundles, rule=rule, trust=trust, policy=opened)
        verdicts = verify(request, world).verdicts
    if images and opened:
        raise UsageError(
            code="policy-images",
            what="images cannot be verified with --policy",
            why="the rules of the policy file are applied to files only; an image would be judged by its signer alone",
            fix="name the signer with --identity and --issuer, or --repo",
        )
    if images and bundles:
        raise UsageError(
            code="option-conflict",
            what="--bundle is for files and digests",
            why="the bundles of an image are those its registry or folder holds; the named one would not be looked at",
            fix="give the image's digest (sha256:…) instead of its name to verify it by a bundle file",
        )
    if images:
        found = _verify_images(images, rule, trust, options, world)
        verdicts += tuple(
            _with_lines(one, listed.get(image, ())) for image, one in zip(dict.fromkeys(images), found, strict=True)
        )
    report = Report(verdicts=verdicts, policy_digest=str(opened.policy.digest) if opened else "")
    click.echo(_rendered(report, form) if form in _FORMS else report_text(report, explain=options["explain"]))
    return report.exit_code


def _listed(files: tuple[Path, ...]) -> dict[Path | Digest | Reference, tuple[str, ...]]:
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


def _verify_images(
    images: tuple[Reference | Path, ...], rule: Rule, trust: TrustMaterial, options: dict[str, Any], world: World
) -> tuple[Verdict, ...]:
    from sigstep.flows.images import ImageRequest, verify_images
    from sigstep.oci.client import Settings

    if options["offline"] and not all(isinstance(one, Path) for one in images):
        raise UsageError(
            code="image-offline",
            what="an image in a registry cannot be verified offline",
            why="what is attached to it is in the registry too",
            fix="save it with all that is attached to it, and verify the folder",
        )
    request = ImageRequest(
        images=images,
        rule=rule,
        trust=trust,
        attestation=bool(options["types"]),
        platform=options["platform"] or "",
        settings=Settings(plain_http=frozenset(options["plain_http"])),
    )
    return verify_images(request, world).verdicts


def _rendered(report: Report, form: str) -> str:
    module, _, function = _FORMS[form].partition(":")
    return str(getattr(importlib.import_module(module), function)(report))


def _target(text: str) -> Path | Digest | Reference:
    if not Path(text).exists() and looks_like_image(text):
        return parse_reference(text)
    if text.startswith(("sha256:", "sha384:", "sha512:")) and not Path(text).exists():
        return Digest.parse(text)
    return Path(text)


def _policy(options: dict[str, Any]) -> OpenedPolicy | None:
    """The policy file, which says alone who may sign."""
    if options["policy"] is None:
        return None
    others = [name for name in _SIGNER_OPTIONS if options[name]]
    if others:
        raise UsageError(
            code="option-conflict",
            what="--policy excludes the options that name a signer",
            why=f"{others[0].replace('_', '-')} is given too",
            fix="write the signer into the policy file",
        )
    return open_policy(options["policy"])


def _rule(options: dict[str, Any]) -> Rule:
    rules: list[Rule] = []
    if options["any_signer_unsafe"]:
        rules.append(any_signer_unsafe(reason=options["any_signer_unsafe"]))
    if options["key"]:
        rules.append(SignedByKey())
    if options["repo"]:
        rules.append(repository(options["repo"]))
    if options["owner_name"]:
        rules.append(owner(options["owner_name"]))
    if options["workflow"]:
        rules.append(signer_workflow(options["workflow"]))
    rules.extend(_identity_rules(options))
    if not rules:
        return AllOf(())
    if options["types"]:
        rules.append(HasPredicateType(types=options["types"]))
    return AllOf(tuple(rules))


def _identity_rules(options: dict[str, Any]) -> list[Rule]:
    subject = _one(options, identity="exact", identity_glob="glob", identity_regexp="regex")
    issuer = _one(options, issuer="exact", issuer_regexp="regex")
    extensions = [_pair(one) for one in options["extensions"]]
    if options["deny_self_hosted_runners"]:
        extensions.append(("runner-environment", Matcher("github-hosted")))
    if subject is not None and issuer is None:
        raise UsageError(
            code="issuer-missing",
            what="the signer is named, but not who vouches for the name",
            why="the same name may exist at another issuer",
            fix="give --issuer too",
        )
    if subject is None and issuer is None and not extensions:
        return []
    return [SignedBy(subject=subject, issuer=issuer, extensions=tuple(extensions))]


def _one(options: dict[str, Any], **kinds: Any) -> Matcher | None:
    given = [(options[name], kind) for name, kind in kinds.items() if options[name]]
    if len(given) > 1:
        raise UsageError(
            code="option-conflict",
            what=f"{' and '.join(f'--{name}' for name in kinds)} exclude one another",
            why="the same thing is given in two forms",
            fix="give one of them",
        )
    return Matcher(given[0][0], given[0][1]) if given else None


def _pair(text: str) -> tuple[str, Matcher]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(
            code="option-malformed", what=f"{text[:100]!r} is not NAME=VALUE", why="it has no =", fix="write NAME=VALUE"
        )
    return name, Matcher(value)


def _trust(options: dict[str, Any], world: World, opened: OpenedPolicy | None) -> TrustMaterial:
    """The roots that were named, else public-good and GitHub; a key alone needs no instance's network."""
    named = bool(options["roots"] or options["instances"] or options["trust_config"])
    request = TrustRequest(
        instances=options["instances"],
        trusted_roots=options["roots"],
        trust_config=options["trust_config"],
        tuf_root=options["tuf_root"],
        offline=options["offline"] or (options["key"] is not None and not named),
    )
    key = options["key"]
    keys = (TrustedKey(key=load_pem_key(_read(key)).spki),) if key else ()
    return replace(load_trust(request, world), keys=keys + (opened.keys if opened else ()))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limits.TRUSTED_ROOT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="file-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None
    if len(data) > limits.TRUSTED_ROOT_BYTES:
        raise FormatError(
            code="file-too-large",
            what=f"{path} is too large",
            why=f"at most {limits.TRUSTED_ROOT_BYTES} bytes are read",
            fix="check the path",
        )
    return data
