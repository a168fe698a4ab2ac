"""What Kyverno's policies about images say, as values: ClusterPolicy ``verifyImages`` and ImageValidatingPolicy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigstep.model.trust import TrustedKey, TrustedRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestor:
    """Who may sign. Exactly one of ``keys`` (or ``key_text``), ``identities`` and ``nested`` says something.

    Attributes:
        name: in an ImageValidatingPolicy.
        keys: public keys; of a certificate its key.
        key_text: a key that has variables in it, as written.
        algorithm: the digest algorithm of the key's signatures.
        elsewhere: the KMS, secret or expression with the key.
        notary: it is one of Notary, which is not judged here.
        keyless: a certificate of Fulcio by one of ``identities``; none of them means anybody.
        roots, rekor_key, ct_key, tsa_chain: PEMs of an instance of its own.
        trusted_root: a trusted root of its own; ``trust_elsewhere`` says where it is if not in the files.
        ignore_log, ignore_sct: what is not asked for.
        extensions: of the certificate, by Kyverno's names; wildcards.
        annotations: that the signature has to have.
        repository: where the signatures are instead.
    """

    name: str = ""
    keys: tuple[TrustedKey, ...] = ()
    key_text: str = ""
    algorithm: str = "sha256"
    elsewhere: str = ""
    notary: bool = False
    keyless: bool = False
    identities: tuple[Mapping[str, str], ...] = ()
    roots: str = ""
    rekor_key: str = ""
    ct_key: str = ""
    tsa_chain: str = ""
    trusted_root: TrustedRoot | None = None
    trust_elsewhere: str = ""
    ignore_log: bool = False
    ignore_sct: bool = False
    extensions: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    repository: str = ""
    nested: AttestorSet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestorSet:
    """Of ``entries`` at least ``count`` have to verify; None for all."""

    count: int | None
    entries: tuple[Attestor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationDemand:
    """Attestations of a type by attestors, all of which satisfy every block of conditions."""

    type: str
    name: str
    attestors: tuple[AttestorSet, ...]
    conditions: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """One member of ``verifyImages``; ``kind`` is ``Cosign``, ``SigstoreBundle`` or ``Notary``."""

    kind: str
    references: tuple[str, ...]
    skipped: tuple[str, ...]
    attestors: tuple[AttestorSet, ...]
    attestations: tuple[AttestationDemand, ...]
    deny: Mapping[str, Any]
    message: str
    mutate_digest: bool
    verify_digest: bool
    required: bool
    enforce: bool
    repository: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """One rule with ``verifyImages``. ``match``, ``exclude``, ``context`` and ``preconditions`` are as written."""

    name: str
    match: Mapping[str, Any]
    exclude: Mapping[str, Any]
    context: Sequence[Mapping[str, Any]]
    preconditions: Any
    verify: tuple[Verify, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPolicy:
    """A ClusterPolicy or Policy; ``namespace`` limits a Policy. ``autogen`` names kinds, None for all."""

    name: str
    namespace: str
    rules: tuple[ImageRule, ...]
    autogen: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageValidatingPolicy:
    """An ImageValidatingPolicy, or one of a namespace. Expressions are CEL, as written.

    ``actions`` are Deny, Audit and Warn; ``ignore`` for failurePolicy Ignore; ``controllers`` are those for which rules
    about pods are made too.
    """

    name: str
    namespace: str
    actions: tuple[str, ...]
    ignore: bool
    admission: bool
    constraints: Mapping[str, Any]
    conditions: tuple[str, ...]
    references: tuple[tuple[str, str], ...]
    mutate_digest: bool
    verify_digest: bool
    required: bool
    attestors: tuple[Attestor, ...]
    attestations: tuple[tuple[str, str, str], ...]
    variables: tuple[tuple[str, str], ...]
    validations: tuple[tuple[str, str], ...]
    extractors: tuple[tuple[str, str], ...]
    controllers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyException:
    """Objects to which policies do not apply, by CEL conditions."""

    policies: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KyvernoPolicies:
    """All policies of the files; ``config_maps`` by namespace and name."""

    cluster_policies: tuple[ClusterPolicy, ...]
    image_policies: tuple[ImageValidatingPolicy, ...]
    exceptions: tuple[PolicyException, ...] = ()
    config_maps: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    @property
    def needs_config(self) -> bool:
        """Whether they look at the configuration of images."""
        return False

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """Public keys that the policies name."""
        found = [key for policy in self.image_policies for one in policy.attestors for key in one.keys]
        for verify in (one for policy in self.cluster_policies for rule in policy.rules for one in rule.verify):
            sets = [*verify.attestors, *(one for demand in verify.attestations for one in demand.attestors)]
            found += [key for one in sets for key in _keys(one)]
        return tuple(dict.fromkeys(found))


def _keys(attestors: AttestorSet) -> list[TrustedKey]:
    found: list[TrustedKey] = []
    for one in attestors.entries:
        found += one.keys
        if one.nested is not None:
            found += _keys(one.nested)
    return found
