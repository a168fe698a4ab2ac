"""Rules about dependencies: each with its level in the profiles, and what the policy file may say about them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sigstep.model.dependency import Judged, Level, PinnedPublisher
from sigstep.policy.recalls import Recall


class Profile(enum.Enum):
    """How strict the rules are: ``report`` never fails."""

    RECOMMENDED = "recommended"
    STRICT = "strict"
    REPORT = "report"


_FAIL, _WARN, _NOTE = Level.FAIL, Level.WARN, Level.NOTE
LEVELS: Final[Mapping[str, tuple[Level, Level]]] = MappingProxyType(
    {
        # rule: level in recommended, in strict
        "attestation-invalid": (_FAIL, _FAIL),
        "digest-mismatch": (_FAIL, _FAIL),
        "subject-mismatch": (_FAIL, _FAIL),
        "hash-changed-same-version": (_FAIL, _FAIL),
        "registry-signature-invalid": (_FAIL, _FAIL),
        "publisher-changed": (_FAIL, _FAIL),
        "provenance-lost": (_FAIL, _FAIL),
        "source-changed": (_FAIL, _FAIL),
        "source-redirected": (_FAIL, _FAIL),
        "policy-violation": (_FAIL, _FAIL),
        "impostor-commit": (_FAIL, _FAIL),
        "ref-moved": (_FAIL, _FAIL),
        "repo-id-changed": (_FAIL, _FAIL),
        "recalled": (_FAIL, _FAIL),
        "quarantined": (_FAIL, _FAIL),
        "owner-transferred": (_WARN, _FAIL),
        "provenance-lost-in-history": (_WARN, _FAIL),
        "trusted-publisher-lost": (_WARN, _FAIL),
        "provenance-partial": (_WARN, _FAIL),
        "provenance-inconsistent": (_WARN, _FAIL),
        "builder-weakened": (_WARN, _FAIL),
        "environment-lost": (_WARN, _FAIL),
        "self-hosted-runner": (_WARN, _FAIL),
        "first-provenance-elsewhere": (_WARN, _FAIL),
        "source-not-registry": (_WARN, _FAIL),
        "lockfile-removed": (_WARN, _FAIL),
        "pin-lost": (_WARN, _FAIL),
        "publishing-run-failed": (_WARN, _FAIL),
        "policy-changed-in-pr": (_WARN, _FAIL),
        "risky-trigger": (_WARN, _WARN),
        "yanked": (_WARN, _WARN),
        "workflow-changed": (_NOTE, _FAIL),
        "evidence-unavailable": (_NOTE, _FAIL),
        "index-without-attestations": (_NOTE, _FAIL),
        "unsupported-format": (_NOTE, _FAIL),
        "ref-kind-changed": (_NOTE, _WARN),
        "commit-off-branch": (_NOTE, _WARN),
        "file-unread": (_NOTE, _WARN),
        "signatures-not-judged": (_NOTE, _WARN),
        "too-new": (_NOTE, _WARN),
        "unpinned": (_NOTE, _WARN),
        "no-provenance": (_NOTE, _NOTE),
        "gained-provenance": (_NOTE, _NOTE),
        "renamed": (_NOTE, _NOTE),
    }
)


_NO_LEVELS: Final[Mapping[str, Level]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A finding that people took, for one rule, until a day.

    ``package`` is ``ecosystem:name``; ``to`` the new version, ``repository_id`` the new publisher's: at least one is
    given, and each that is has to be the same. ``expires`` is an aware time.
    """

    package: str
    rule: str
    to: str = ""
    repository_id: str = ""
    reason: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyPolicy:
    """The profile, and what the repository's policy file says about dependencies.

    Attributes:
        profile: how strict the rules are.
        levels: levels of single rules, instead of the profile's.
        publishers: who has to publish what; ``package`` is a glob.
        require: globs over ``ecosystem:name`` of what needs verified provenance.
        acceptances: findings that people took.
        sources: addresses of registries that a dependency may move to.
        recalls: what the policy file says is bad, whoever signed it.
    """

    profile: Profile = Profile.RECOMMENDED
    levels: Mapping[str, Level] = field(default_factory=lambda: _NO_LEVELS)
    publishers: tuple[PinnedPublisher, ...] = ()
    require: tuple[str, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()
    sources: frozenset[str] = frozenset()
    recalls: tuple[Recall, ...] = ()

    def finding(self, rule: str, message: str, *, path: str = "", line: int = 1) -> Judged:
        """A finding with its level; the profile ``report`` never fails and never warns."""
        recommended, strict = LEVELS[rule]
        level = self.levels.get(rule, strict if self.profile is Profile.STRICT else recommended)
        level = Level.NOTE if self.profile is Profile.REPORT else level
        return Judged(rule=rule, level=level, message=message, path=path, line=line)
