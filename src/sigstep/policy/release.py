"""Releases as GitHub itself attests them: its word about the assets of an immutable release, and the rule that asks it.

The certificate names GitHub and no repository, and has no issuer extension; what was released is in the statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sigstep.errors import UsageError
from sigstep.model.identity import GITHUB_RELEASES
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.signer import repository

_PREDICATE: Final = "https://in-toto.io/attestation/release/"


def is_release(verified: Verified) -> bool:
    """Whether GitHub itself says it about a release: by its name, and without the OIDC issuer that builds have."""
    identity, statement = verified.identity, verified.statement
    by_github = identity is not None and identity.subject == GITHUB_RELEASES and identity.issuer is None
    return by_github and statement is not None and statement.predicate_type.startswith(_PREDICATE)


def released(verified: Verified, member: str) -> str:
    """What GitHub's statement says of the release: ``repository`` in lower case, ``tag``, ``repositoryId`` …."""
    said: Any = (verified.statement.predicate or {}).get(member) if verified.statement else None
    text = str(said) if isinstance(said, str | int) else ""
    return text.lower() if member == "repository" else text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedBy:
    """An asset of a release of that repository, by GitHub's own word.

    Attributes:
        slug: ``owner/name``; case does not matter.
        tag: of the release, exactly; any where empty.
    """

    slug: str
    tag: str = ""

    def __str__(self) -> str:
        return f"{self.slug}@{self.tag}" if self.tag else self.slug

    def judge(self, verified: Verified) -> Finding | None:
        """None where GitHub attests such a release."""
        if not is_release(verified):
            name = verified.identity.subject if verified.identity else "a key"
            return _finding(f"it was signed by {name}, and not by {GITHUB_RELEASES} about a release")
        found, tag = released(verified, "repository"), released(verified, "tag")
        if found != self.slug.lower() or (self.tag and tag != self.tag):
            return _finding(f"it is of the release {tag!r} of {found!r}; wanted is {self.tag or 'one'} of {self.slug}")
        return None


def released_by(text: str) -> ReleasedBy:
    """The rule that ``owner/name`` or ``owner/name@tag`` means.

    Raises:
        UsageError: ``repository-malformed``.
    """
    slug, at, tag = text.partition("@")
    repository(slug)
    if at and not tag:  # "acme/app@$TAG" without TAG would take every release
        raise UsageError(
            code="repository-malformed",
            what=f"{text[:100]!r} names no tag",
            why="nothing stands behind the @",
            fix="write owner/name@tag, or owner/name for any release",
        )
    return ReleasedBy(slug=slug, tag=tag)


def _finding(why: str) -> Finding:
    return Finding(
        code="release-mismatch",
        what="GitHub does not attest it as an asset of that release",
        why=why,
        fix="check repository and tag; what a workflow built is verified with --repo",
        step="policy",
    )
