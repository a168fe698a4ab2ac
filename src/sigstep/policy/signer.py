"""Rules about who signed. Identity comes from the certificate alone, never from what the build wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sigstep.errors import UsageError
from sigstep.model.identity import EXTENSIONS, GITHUB_RELEASES, Identity
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.matcher import Matcher

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
_GITHUB = Matcher(GITHUB_ISSUER)
NAMING_EXTENSIONS = frozenset(
    {
        # extensions of which one says, with its issuer, whose run it was; every other one anybody's run can have
        "build-config-uri",
        "build-signer-uri",
        "github-workflow-repository",
        "run-invocation-uri",
        "source-repository",
        "source-repository-id",
        "source-repository-owner",
        "source-repository-owner-id",
        "token-subject",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBy:
    """The certificate's subject, issuer and extensions; every one given has to match.

    ``extensions`` pairs names of `sigstep.model.identity.EXTENSIONS` with matchers. Without ``issuer`` the subject has
    to say enough by itself: GitHub's release certificates have no issuer.
    """

    subject: Matcher | None = None
    issuer: Matcher | None = None
    extensions: tuple[tuple[str, Matcher], ...] = field(default=())

    def __post_init__(self) -> None:
        if self.subject is None and not self.extensions:
            raise UsageError(
                code="identity-missing",
                what="nobody is named who may sign",
                why="an issuer alone would take everybody who has an account there",
                fix="give --identity, --repo or --signer-workflow as well",
            )
        unknown = [name for name, _ in self.extensions if name not in EXTENSIONS.values()]
        if unknown:
            raise UsageError(
                code="extension-unknown",
                what=f"{unknown[0][:80]!r} is no extension of a Fulcio certificate",
                why="its name is not known",
                fix=f"use one of {', '.join(EXTENSIONS.values())}",
            )

    @property
    def names_somebody(self) -> bool:
        """Whether it says whose run it was, and not only where or how it ran."""
        return self.subject is not None or any(name in NAMING_EXTENSIONS for name, _ in self.extensions)

    def judge(self, verified: Verified) -> Finding | None:
        """None where everything matches; otherwise what differs first."""
        identity = verified.identity
        if identity is None:
            return _finding("it was signed with a key, not with an identity", "give the public key with --key")
        if self.issuer is not None and (identity.issuer is None or not self.issuer.matches(identity.issuer)):
            return _differs(f"the issuer is {identity.issuer!r}, wanted is {self.issuer}", identity)
        if self.subject is not None and not self.subject.matches(identity.subject):
            return _differs(f"the signer is {identity.subject!r}, wanted is {self.subject}", identity)
        for name, matcher in self.extensions:
            value = identity.extensions.get(name)
            if value is None or not matcher.matches(value):
                said = "missing" if value is None else repr(value)
                return _differs(f"{name} is {said}, wanted is {matcher}", identity)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedByKey:
    """One of the caller's keys signed; which ones count is a matter of the trust material."""

    def judge(self, verified: Verified) -> Finding | None:
        """None where a key of the caller signed."""
        if verified.key_id is not None:
            return None
        return _finding("it was not signed with the given key", "check which key signed")


@dataclass(frozen=True, slots=True, kw_only=True)
class HasPredicateType:
    """The statement is of one of these predicate types, compared as whole strings."""

    types: tuple[str, ...]

    def judge(self, verified: Verified) -> Finding | None:
        """None where the statement is of a wanted type."""
        found = verified.statement.predicate_type if verified.statement else None
        if found is not None and found in self.types:
            return None
        return Finding(
            code="predicate-type",
            what="the attestation is of another kind",
            why=f"it is {found!r}; wanted is {' or '.join(self.types)}"
            if found
            else "it is a signature, no attestation",
            fix=f"if that is what you want, ask for it with --type {found[:200]}"
            if found
            else "attest what is wanted; a signature is verified without --type",
            step="policy",
        )


@dataclass(frozen=True, slots=True)
class IsSignature:
    """Takes signatures; an attestation says something about it and is no signature."""

    def judge(self, verified: Verified) -> Finding | None:
        """None for a message signature and for cosign's signing statement."""
        if verified.statement is None or verified.statement.predicate_type == COSIGN_SIGN:
            return None
        kind = verified.statement.predicate_type
        return Finding(
            code="attestation-no-signature",
            what="it is an attestation, which is no signature",
            why=f"its predicate is {kind[:200]}",
            fix=f"ask for it with --type {kind[:200]}, or sign it",
            step="policy",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesSubject:
    """The statement names the subject so: one of its subjects has this name and a digest of the artifact."""

    name: str

    def judge(self, verified: Verified) -> Finding | None:
        """None where the subject with the artifact's digest has the wanted name."""
        subjects = verified.statement.subjects if verified.statement else ()
        digests = {one.algorithm.value: one.hex for one in verified.subject.digests}
        names = [one.name for one in subjects if any(digests.get(kind) == hexa for kind, hexa in one.digests.items())]
        if self.name in names:
            return None
        return Finding(
            code="subject-name",
            what="the attestation names the artifact otherwise",
            why=f"it is called {' and '.join(map(repr, names[:3]))[:300]}; wanted is {self.name!r}"
            if names
            else "it is a signature, which names no subject",
            fix="check that it is the right file; leave --subject-name out where the name does not matter",
            step="policy",
        )


def repository(slug: str, *, server: str = "https://github.com", issuer: Matcher = _GITHUB) -> SignedBy:
    """Built from that source repository (``owner/name``, case does not matter), by GitHub Actions.

    Args:
        slug: ``owner/name``.
        server: of GitHub or of a tenant, as certificates name it.
        issuer: the OIDC issuer; an enterprise may have its own.

    Raises:
        UsageError: ``repository-malformed``.
    """
    owner, slash, name = slug.partition("/")
    if not slash or not owner or not name or "/" in name:
        raise UsageError(
            code="repository-malformed",
            what=f"{slug[:100]!r} is not a repository",
            why="it is not of the form owner/name",
            fix="write it as owner/name",
        )
    source = Matcher(f"{server}/{slug}", ignore_case=True)
    return SignedBy(issuer=issuer, extensions=(("source-repository", source),))


def owner(name: str, *, server: str = "https://github.com", issuer: Matcher = _GITHUB) -> SignedBy:
    """Built from a source repository of that owner, by GitHub Actions."""
    return SignedBy(
        issuer=issuer,
        extensions=(("source-repository-owner", Matcher(f"{server}/{name}", ignore_case=True)),),
    )


def signer_workflow(path: str, *, server: str = "https://github.com", issuer: Matcher = _GITHUB) -> SignedBy:
    """Signed by that workflow, ``owner/name/.github/workflows/file.yml`` with or without ``@ref``."""
    base = path.removeprefix(f"{server}/").removeprefix("github.com/")
    _, at, _ = base.partition("@")
    subject = Matcher(f"{server}/{base}") if at else Matcher(f"{server}/{base}@**", kind="glob")
    return SignedBy(issuer=issuer, subject=subject)


def _differs(why: str, identity: Identity) -> Finding:
    """The finding of a signer that was proved, with the nearest demand that it would have met."""
    nearest = {"subject": identity.subject, "issuer": identity.issuer, "extensions": dict(identity.extensions)}
    asked = f"--identity {identity.subject}" + (f" --issuer {identity.issuer}" if identity.issuer else "")
    if identity.subject == GITHUB_RELEASES and identity.issuer is None:
        asked = "--release-of OWNER/NAME"
    return _finding(why, f"if this signer is right, ask for {asked}", {"nearest": nearest})


def _finding(why: str, fix: str, details: Mapping[str, Any] = MappingProxyType({})) -> Finding:
    return Finding(
        code="identity-mismatch",
        what="the signature holds, but of another signer than wanted",
        why=why,
        fix=fix,
        step="policy",
        details=details,
    )
