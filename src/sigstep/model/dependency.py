"""Locked dependencies, what changed, and what evidence a registry has about them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sigstep.model.digest import Digest
from sigstep.model.verdict import Finding

CACHE: Final = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A file that a lockfile allows: ``name`` is empty where the lockfile gives the hash alone.

    A name that begins with `CACHE` is a package manager's own archive, which no registry publishes.
    """

    name: str
    digests: tuple[Digest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPublisher:
    """Who has to publish a package; empty fields ask nothing.

    ``package`` is a glob over ``ecosystem:name``, empty where the lockfile itself pins it (PEP 751,
    ``attestation-identities``). ``repository`` is an address or ``owner/name``; ``workflow`` a file name.
    """

    package: str = ""
    issuer: str = ""
    subject: str = ""
    repository: str = ""
    repository_id: str = ""
    workflow: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One locked version.

    Attributes:
        ecosystem: the package-url type (``pypi``, ``npm``, ``cargo``, ``gem``, ``golang``, ``maven``, ``oci``,
            ``githubactions``; ``github`` for assets of releases).
        name: the canonical name in its ecosystem.
        version: the exact version.
        files: what it may be installed from; empty where the lockfile has no hashes.
        registry: base address that the lockfile states; empty where it states none.
        source: empty for a registry; otherwise the kind and place of another source (git, path, URL).
        path: the lockfile, relative to the repository.
        line: line of the version, from 1.
        ref: the tag or branch that stands beside a commit or image digest; empty where none does.
        commit: the Git commit (40 hexadecimal digits) of an action; empty where only a ref is locked.
        repository_id, owner_id: GitHub's numeric ids, where the lockfile states them.
        publishers: who has to publish it, as the lockfile states; any of them is enough.
    """

    ecosystem: str
    name: str
    version: str
    files: tuple[LockedFile, ...] = ()
    registry: str = ""
    source: str = ""
    path: str
    line: int
    ref: str = ""
    commit: str = ""
    repository_id: str = ""
    owner_id: str = ""
    publishers: tuple[PinnedPublisher, ...] = ()

    @property
    def label(self) -> str:
        """``ecosystem:name@version``."""
        return f"{self.ecosystem}:{self.name}@{self.version}"

    @property
    def pinned(self) -> bool:
        """Whether its content is locked, not only its name."""
        return bool(self.commit) or any(one.digests for one in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A locked version that is new or not what it was; ``old`` is what it replaces, None where it was added."""

    new: Locked
    old: Locked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """A file of the repository says where packages come from, instead of where they would.

    Attributes:
        setting: what is set, in words; ``npm``, ``npm @scope`` and ``pypi`` are registries that count for everything.
        to: the address, path, host or value, as it stands there (also with user name and password).
        path: the file, relative to the repository.
        line: its line, from 1.
    """

    setting: str
    to: str
    path: str
    line: int


class EvidenceState(enum.Enum):
    """What is known about a version's attestations. Only ``verified`` to ``absent`` is a downgrade.

    ``registry-asserted`` is the registry's unsigned word about who published.
    """

    VERIFIED = "verified"
    ASSERTED = "registry-asserted"
    INVALID = "invalid"
    ABSENT = "absent"
    ADVERTISED_UNAVAILABLE = "advertised-unavailable"
    NOT_SERVED = "not-served"
    UNSUPPORTED = "unsupported"
    ERROR = "error"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who published, as the certificate says; absent fields are empty.

    ``workflow`` and ``builder`` are URIs without ``@ref``.
    """

    issuer: str = ""
    subject: str = ""
    repository: str = ""
    repository_id: str = ""
    owner_id: str = ""
    workflow: str = ""
    builder: str = ""
    ref: str = ""
    trigger: str = ""
    runner: str = ""
    run: str = ""
    environment: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEvidence:
    """What a registry's evidence about one version proved.

    Attributes:
        state: the state of its attestations as a whole.
        publishers: distinct publishers of verified attestations.
        attested: locked files with a verified attestation.
        files: locked files that were asked about.
        problems: what does not hold, with its code: ``attestation-invalid``, ``digest-mismatch``, ``subject-mismatch``,
            ``registry-signature-invalid``, ``impostor-commit``, ``ref-moved``, ``repo-id-changed``.
        published: when the registry says it was published (aware, UTC).
        declared_repository: the source repository that the package's metadata names.
        status: ``quarantined``, ``yanked``, or empty.
        why: the cause of a state that is neither verified nor absent.
        trusted_publisher: whether the registry says a trusted publisher uploaded it; None where it says nothing.
        history_attested: an earlier version, of any line, has attestations.
        basis: what was proved or said, in words: ``provenance``, ``signature``, ``release attestation`` ….
        notes: what people should know about how it was proved.
        run_conclusion: how the publishing run ended, as the forge says; empty where it was not asked.
    """

    state: EvidenceState
    publishers: tuple[Publisher, ...] = ()
    attested: int = 0
    files: int = 0
    problems: tuple[Finding, ...] = ()
    published: datetime | None = None
    declared_repository: str = ""
    status: str = ""
    why: str = ""
    trusted_publisher: bool | None = None
    history_attested: bool = False
    basis: str = "provenance"
    notes: tuple[str, ...] = ()
    run_conclusion: str = ""


class Level(enum.Enum):
    """How much a finding weighs."""

    FAIL = "fail"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One rule's finding about one change; ``accept`` says how to take it.

    ``path`` and ``line`` (from 1) say where, for what is about a file and not about one locked version.
    """

    rule: str
    level: Level
    message: str
    accept: str = ""
    path: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyResult:
    """One change with the evidence on both sides and what the rules found."""

    change: Change
    new: PackageEvidence
    old: PackageEvidence | None
    findings: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyReport:
    """Every change between two states of a repository; ``notices`` are about files as a whole.

    Attributes:
        base, head: commits; ``base`` is empty for an audit.
        profile: the profile that was judged by.
        policy: path and digest of the policy file with the commit it was read from; empty where there is none.
        repository: the repository's name, for reports over many.
        shard: which part of how many this is; (1, 1) is the whole.
        unchanged: locked versions that did not change.
    """

    base: str
    head: str
    profile: str
    results: tuple[DependencyResult, ...]
    notices: tuple[Judged, ...] = ()
    unchanged: int = 0
    policy: str = ""
    repository: str = ""
    shard: tuple[int, int] = (1, 1)

    @property
    def exit_code(self) -> int:
        """1 where a rule fails, otherwise 0; that evidence could not be had is no refusal."""
        found = [*self.notices, *(one for result in self.results for one in result.findings)]
        return 1 if any(one.level is Level.FAIL for one in found) else 0
