"""Options that say who may sign, and the rule that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sigstep.cli.options import together
from sigstep.errors import UsageError
from sigstep.policy.matcher import Matcher
from sigstep.policy.release import released_by
from sigstep.policy.rule import AllOf, Rule, any_signer_unsafe
from sigstep.policy.signer import (
    GITHUB_ISSUER,
    HasPredicateType,
    NamesSubject,
    SignedBy,
    SignedByKey,
    owner,
    repository,
    signer_workflow,
)
from sigstep.trust.tenants import is_tenant

if TYPE_CHECKING:
    from sigstep.flows.policies import OpenedPolicy

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_SIGNER_OPTIONS: Final = (
    *("identity", "identity_glob", "identity_regexp", "issuer", "issuer_regexp", "repo", "owner_name", "workflow"),
    *(
        "release_of",
        "extensions",
        "deny_self_hosted_runners",
        "types",
        "subject_name",
        "key",
        "registry_keys",
        "any_signer_unsafe",
    ),
)
_TYPED: Final = {
    "owner_name": "owner",
    "workflow": "signer-workflow",
    "extensions": "extension",
    "types": "type",
}
_OPTIONS: Final = (
    click.option("--identity", help="The signer, exactly: a URI or an e-mail address."),
    click.option("--identity-glob", help="The signer as a glob; * stops at /, ** does not."),
    click.option("--identity-regexp", help="The signer as a regular expression, anchored (RE2)."),
    click.option("--issuer", help="The OIDC issuer, exactly."),
    click.option("--issuer-regexp", help="The OIDC issuer as a regular expression, anchored (RE2)."),
    click.option("--repo", help="Built from this GitHub repository: owner/name."),
    click.option("--owner", "owner_name", help="Built from a repository of this GitHub owner."),
    click.option(
        "--signer-workflow", "workflow", help="Signed by this workflow: owner/name/.github/workflows/file.yml[@ref]."
    ),
    click.option(
        "--release-of",
        metavar="OWNER/NAME[@TAG]",
        help="An asset of a release of this GitHub repository, as GitHub itself attests it.",
    ),
    click.option("--hostname", default="github.com", help="Of a GitHub Enterprise tenant: octo.ghe.com."),
    click.option(
        "--extension", "extensions", multiple=True, metavar="NAME=VALUE", help="A certificate extension, exactly."
    ),
    click.option("--deny-self-hosted-runners", is_flag=True, help="Only runners that GitHub hosts."),
    click.option(
        "--type",
        "types",
        multiple=True,
        metavar="TYPE",
        help="The attestation's predicate type: a URI, or a name such as slsaprovenance1, spdxjson, vuln.",
    ),
    click.option("--subject-name", metavar="NAME", help="The name that the attestation has to give the artifact."),
    click.option("--key", type=_FILE, help="A public key (PEM) that signed instead of an identity."),
    click.option("--registry-keys", type=_FILE, help="keys.json of an npm registry: its keys count by their hint."),
    click.option("--policy", type=_FILE, help="A policy file (sigstep/policy/v1) instead of the options above."),
    click.option("--any-signer-unsafe", metavar="REASON", help="Take whoever signed; only integrity is checked."),
)


def signer_options(command: Any) -> Any:
    """The options that say who may sign, for a command that takes ``**options``."""
    return together(_OPTIONS, command)


def policy_of(options: dict[str, Any]) -> OpenedPolicy | None:
    """The policy file, which says alone who may sign."""
    if options["policy"] is None:
        return None
    others = [name for name in _SIGNER_OPTIONS if options[name]]
    if others:
        raise UsageError(
            code="option-conflict",
            what="--policy excludes the options that name a signer",
            why=f"--{_TYPED.get(others[0], others[0]).replace('_', '-')} is given too",
            fix="write the signer into the policy file",
        )
    from sigstep.flows.policies import open_policy

    return open_policy(options["policy"])


def rule_of(options: dict[str, Any]) -> Rule:
    """The rule that the options make; without any of them it takes nobody."""
    rules: list[Rule] = []
    if options["any_signer_unsafe"]:
        rules.append(any_signer_unsafe(reason=options["any_signer_unsafe"]))
    if options["key"] or options["registry_keys"]:
        rules.append(SignedByKey())
    if options["release_of"]:
        rules.append(released_by(options["release_of"]))
    issuer = _one(options, issuer="exact", issuer_regexp="regex")
    by_github = _github_rules(options, issuer)
    rules.extend(by_github)
    rules.extend(_identity_rules(options, issuer, issuer_used=bool(by_github), named=bool(rules)))
    if not rules:
        return AllOf(())
    if options["types"]:
        rules.append(HasPredicateType(types=tuple(_type(one) for one in options["types"])))
    if options["subject_name"]:
        rules.append(NamesSubject(name=options["subject_name"]))
    return AllOf(tuple(rules))


def _type(name: str) -> str:
    """A URI as it stands, or the one that cosign's or gh's name for it means."""
    if ":" in name:
        return name
    from sigstep.predicates.registry import type_uri

    return type_uri(name)


def _github_rules(options: dict[str, Any], issuer: Matcher | None) -> list[Rule]:
    """Rules about what GitHub certified; an issuer that is named stands for GitHub's (an enterprise has its own)."""
    tenants = [one for one in options.get("instances", ()) if is_tenant(one)]
    host = tenants[0] if len(tenants) == 1 and options["hostname"] == "github.com" else options["hostname"]
    server = f"https://{host}"
    by = issuer or Matcher(GITHUB_ISSUER if host == "github.com" else f"https://token.actions.{host}")
    makers = (("repo", repository), ("owner_name", owner), ("workflow", signer_workflow))
    return [make(options[name], server=server, issuer=by) for name, make in makers if options[name]]


def _identity_rules(options: dict[str, Any], issuer: Matcher | None, *, issuer_used: bool, named: bool) -> list[Rule]:
    """``named``: another option says already who may sign, so that extensions alone only narrow that down."""
    subject = _one(options, identity="exact", identity_glob="glob", identity_regexp="regex")
    extensions = [_pair(one) for one in options["extensions"]]
    if options["deny_self_hosted_runners"]:
        extensions.append(("runner-environment", Matcher("github-hosted")))
    if subject is None and not extensions and (issuer is None or issuer_used):
        return []
    rule = SignedBy(subject=subject, issuer=issuer, extensions=tuple(extensions))
    if not named and not rule.names_somebody:
        raise UsageError(
            code="identity-missing",
            what="nobody is named who may sign",
            why=f"{extensions[0][0]} alone would take everybody whose run has it",
            fix="give --identity and --issuer, --repo, --owner or --signer-workflow as well",
        )
    if issuer is None and (subject is not None or not named):
        raise UsageError(
            code="issuer-missing",
            what="the signer is named, but not who vouches for the name",
            why="the same name may exist at another issuer",
            fix="give --issuer too; for what GitHub itself attests of a release, give --release-of alone",
        )
    return [rule]


def _one(options: dict[str, Any], **kinds: Any) -> Matcher | None:
    given = [(options[name], kind) for name, kind in kinds.items() if options[name]]
    if len(given) > 1:
        raise UsageError(
            code="option-conflict",
            what=f"{' and '.join(f'--{name}' for name in kinds).replace('_', '-')} exclude one another",
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
