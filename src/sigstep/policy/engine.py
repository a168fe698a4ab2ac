"""The protocol of the engine family: what an admission engine reads, what it would say, and how to write for it.

A member is one folder ``engines/<name>`` whose module ``engine`` defines ``ENGINE``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustedKey
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.model.workload import Workload
from sigstep.policy.document import Policy
from sigstep.policy.judging import Decision


class Storage(enum.Enum):
    """How a signature or attestation is attached to an image."""

    LEGACY_SIGNATURE = "legacy signature"
    LEGACY_ATTESTATION = "legacy attestation"
    REFERRER = "bundle by referrers"
    FALLBACK_TAG = "bundle by fallback tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One thing attached to an image, and what was proved of it by the instances and keys at hand.

    Attributes:
        storage: where it is kept.
        artifact_type: what its descriptor says it is; engines filter by it. Empty for legacy tags.
        source: where it was found, for people.
        bundle, subject, original: what `sigstep.verification.pipeline.establish` takes, for an engine that has its own
            keys, roots or thresholds; None where the bytes are no bundle.
        verified: the proof; None where none could be given, then ``finding`` says why.
    """

    storage: Storage
    artifact_type: str
    source: str
    bundle: Bundle | None
    subject: Subject
    original: bytes | None = None
    verified: Verified | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEvidence:
    """All that was found about one image, whoever signed.

    Attributes:
        written: the reference as written; the tag is resolved to ``digest`` once.
        attachments: proved against the instances at hand and every key that a policy names.
        config: OCI config file by platform (``linux/amd64``), where it was read.
        findings: what could not be looked at; where it is not empty, a denial may be only missing knowledge.
    """

    written: str
    digest: Digest
    attachments: tuple[Attachment, ...]
    config: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What one policy of an engine says about an image of a workload, or about the whole of it.

    ``pointer`` is that of the image (`WorkloadImage.pointer`), empty for the whole; ``policy`` and ``rule`` are names
    in the engine's own document, empty where no policy matches and the engine's default decides.
    ``seen`` is False where the engine does not look at that image (the ruling then says so, and counts for nothing).
    """

    decision: Decision
    policy: str
    rule: str
    pointer: str
    reason: str
    seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a policy says and the other form cannot: ``place`` in the policy, and what becomes of it.

    ``refused`` where nothing is written for it; otherwise it is a warning.
    """

    place: str
    what: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """A file to write: ``name`` is its base name, ``what`` says what it is for."""

    name: str
    data: bytes
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an engine gets: files (the policy itself first), or none where a loss is refused."""

    files: tuple[ExportedFile, ...]
    losses: tuple[Loss, ...]


class EngineRules(Protocol):
    """Policies of one engine, read."""

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """Public keys that they name."""
        ...


class Engine(Protocol):
    """One admission engine, at the version that its page of the documentation names."""

    @property
    def name(self) -> str:
        """The engine's name in options and reports."""
        ...

    def read(self, documents: Sequence[bytes]) -> EngineRules:
        """The policies and settings of an engine's own files.

        Raises:
            FormatError: ``engine-policy``: the engine refuses it, with its meaning; or it is no policy of this engine.
        """
        ...

    def judge(
        self, rules: EngineRules, workload: Workload, images: Mapping[str, ImageEvidence], now: datetime
    ) -> tuple[Ruling, ...]:
        """What the engine would say when the workload is admitted: at least one ruling for each of its images.

        Args:
            images: evidence by the reference as written; an image that is not in it is unknown.
            now: aware.
        """
        ...

    def project(self, rules: EngineRules) -> tuple[Policy | None, tuple[Loss, ...]]:
        """The same demands as a policy of this project, and what it cannot say; None where a loss is refused."""
        ...

    def export(self, policy: Policy, keys: Mapping[str, bytes]) -> Export:
        """The engine's own files that ask for the same.

        Args:
            keys: SPKI (DER) of each signer that is a key, by its name.
        """
        ...
