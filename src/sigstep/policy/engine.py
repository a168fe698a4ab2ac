"""The protocol of the engine family: what an admission engine reads, what it would say, and how to write for it.

A member is one folder ``engines/<name>`` whose module ``engine`` defines ``ENGINE``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import Thresholds, TrustedKey, TrustedRoot
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
    ``unjudged`` names the member of `UNJUDGED` for which an unknown decision is unknown.
    """

    decision: Decision
    policy: str
    rule: str
    pointer: str
    reason: str
    seen: bool = True
    unjudged: str = ""


UNJUDGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "key-elsewhere": "a key in a KMS or in a secret that is not in the files",
        "algorithm": "a key of a kind whose signatures may have another digest than the policy says",
        "authority-elsewhere": "certificates of an authority in a secret that is not in the files",
        "trust-root": "a trust root that is neither in the files nor named with --trust",
        "text-elsewhere": "a policy's text in a ConfigMap that is not in the files, or behind an address",
        "cluster": "objects of the cluster, or answers of another service",
        "notary": "signatures of Notary or Notation",
        "language": "an expression with a construct or function that is not evaluated here",
        "rego": "no usable evaluator of Rego is installed",
        "engine-version": "versions of the engine answer differently",
        "evidence": "the image or what is attached to it could not be read",
    }
)
"""Everything for which a ruling may be unknown; nothing else is left unjudged."""


class Unjudged(Exception):
    """Something cannot be judged: ``name`` is a member of `UNJUDGED`, ``why`` says what it is about."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{UNJUDGED[name]}: {why}")
        self.name = name


class Prover(Protocol):
    """Proves attachments with an engine's own keys, roots and thresholds; the same question is answered once."""

    def prove(
        self,
        attachment: Attachment,
        *,
        key: TrustedKey | None = None,
        roots: Sequence[TrustedRoot] | None = None,
        thresholds: Thresholds | None = None,
        log: bool = True,
        stamps: bool = True,
    ) -> Verified | Finding:
        """The proof, or the finding that ended it. Without any verified time a certificate has to be valid now.

        Args:
            key: the engine's key; then no certificate counts.
            roots: instead of those at hand.
            thresholds: instead of those of the signer's instance.
            log: whether log entries are looked at.
            stamps: whether time stamps are looked at.
        """
        ...


class Languages(Protocol):
    """Languages in which engines take demands; each is evaluated outside this process, within limits."""

    def rego(self, modules: Sequence[str], query: str, value: Any, *, version: int = 0) -> Any:
        """What a query such as ``data.sigstore.isCompliant`` gives for an input; None where it is undefined.

        Raises:
            Undecided: ``rego-unavailable``, ``rego-failed``.
        """
        ...

    def cel(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the policies of one request say (see `sigstep.engines.kyverno.cel_child`).

        Raises:
            Undecided: ``cel-failed``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a judgement depends on beside the policies, the workload and its images.

    Attributes:
        now: aware.
        roots: the instances at hand.
        trust: instances that the caller names, for policies that refer to a trust root by its name.
        prover, languages: see there.
        default: what decides where no policy of the engine matches (``deny``, ``warn``, ``allow``), for engines that
            let it be set; empty for the engine's own default.
    """

    now: datetime
    roots: tuple[TrustedRoot, ...]
    prover: Prover
    languages: Languages
    trust: Mapping[str, TrustedRoot] = field(default_factory=lambda: MappingProxyType({}))
    default: str = ""

    @property
    def public(self) -> tuple[TrustedRoot, ...]:
        """The instances of engines that know the public one only: GitHub's own is left out."""
        return tuple(one for one in self.roots if one.name != "github")


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
    """A file to write: ``name`` is its base name, ``what`` says what it is for.

    ``beside`` for what is not applied to the engine: input of its test tools.
    """

    name: str
    data: bytes
    what: str
    beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an engine gets: files (the policy itself first), or none where a loss is refused."""

    files: tuple[ExportedFile, ...]
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a policy is exported with.

    Attributes:
        policy: the policy.
        keys: SPKI (DER) of each signer that is a key, by its name.
        roots: trusted roots by the name that signers use, for engines that have to be told them.
        image: an image with its digest that the policy should admit, for the engines' own test tools; may be empty.
    """

    policy: Policy
    keys: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    roots: Mapping[str, TrustedRoot] = field(default_factory=lambda: MappingProxyType({}))
    image: str = ""


class EngineRules(Protocol):
    """Policies of one engine, read."""

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """Public keys that they name."""
        ...

    @property
    def needs_config(self) -> bool:
        """Whether they look at the configuration of images."""
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
        self, rules: EngineRules, workload: Workload, images: Mapping[str, ImageEvidence], surroundings: Surroundings
    ) -> tuple[Ruling, ...]:
        """What the engine would say when the workload is admitted: at least one ruling for each of its images.

        Args:
            images: evidence by the reference as written; an image that is not in it is unknown.
            surroundings: see there.
        """
        ...

    def project(self, rules: EngineRules) -> tuple[Policy | None, tuple[Loss, ...]]:
        """The same demands as a policy of this project, and what it cannot say; None where a loss is refused."""
        ...

    def export(self, wanted: Wanted) -> Export:
        """The engine's own files that ask for the same, or none where a loss is refused."""
        ...
