"""What ClusterImagePolicies say (policy.sigstore.dev v1alpha1 and v1beta1), as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigstep.model.trust import TrustedKey, TrustedRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text in CUE or Rego. ``elsewhere`` says where it is when it is not in the files; ``data`` is then empty.

    The four flags ask for more input, at the level of the policy only.
    """

    language: str
    data: str
    elsewhere: str = ""
    fetch_config: bool = False
    include_spec: bool = False
    include_metadata: bool = False
    include_types: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A signer; each pair has exactly one that is not empty. Regular expressions are not anchored."""

    issuer: str = ""
    issuer_regexp: str = ""
    subject: str = ""
    subject_regexp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyless:
    """Certificates. ``authority`` is a PEM, or empty; ``elsewhere`` names a secret or KMS with it that is not here."""

    identities: tuple[Identity, ...]
    authority: str = ""
    elsewhere: str = ""
    trust_root: str = ""
    ignore_sct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key. ``elsewhere`` names the KMS or secret where it is when it is not in the files."""

    key: TrustedKey | None
    hash_algorithm: str = "sha256"
    elsewhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationDemand:
    """An attestation that has to be there, and what it has to satisfy. Short names stay as written."""

    name: str
    predicate_type: str
    text: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityDemand:
    """One authority: exactly one of ``keyless``, ``key`` and ``static`` (``pass``, ``fail``).

    ``log`` is None without ``ctlog``, else the name of its trust root (empty for the public one).
    ``timestamps`` is the name of the trust root of time stamp authorities; empty without.
    ``source`` is another repository with the signatures and the prefix of its tags.
    """

    name: str
    keyless: Keyless | None = None
    key: Key | None = None
    static: str = ""
    message: str = ""
    log: str | None = None
    timestamps: str = ""
    bundle: bool = False
    source: tuple[str, str] | None = None
    attestations: tuple[AttestationDemand, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which objects a policy is about."""

    group: str
    version: str
    resource: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePolicy:
    """One ClusterImagePolicy; ``warn`` for mode warn."""

    name: str
    globs: tuple[str, ...]
    match: tuple[Match, ...]
    authorities: tuple[AuthorityDemand, ...]
    text: Text | None
    warn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterImagePolicies:
    """All policies and settings of the files.

    Attributes:
        policies: in their order.
        trust_roots: TrustRoot objects; None where one refers to somewhere else.
        no_match: what decides where no policy matches: ``deny``, ``warn`` or ``allow``.
    """

    policies: tuple[ImagePolicy, ...]
    trust_roots: Mapping[str, TrustedRoot | None] = field(default_factory=dict)
    no_match: str = "deny"

    @property
    def needs_config(self) -> bool:
        """Whether they look at the configuration of images."""
        return any(one.text is not None and one.text.fetch_config for one in self.policies)

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """Public keys that the policies name."""
        found = (one.key.key for policy in self.policies for one in policy.authorities if one.key is not None)
        return tuple(dict.fromkeys(key for key in found if key is not None))
