"""What a configuration of Connaisseur says (version 3), as values."""

from __future__ import annotations

from dataclasses import dataclass

from sigstep.model.trust import TrustedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A trust root: a key, or a certificate's signer. ``elsewhere`` names a KMS or secret with the key.

    ``unusable`` is the error of a key that the engine cannot load when it is asked.
    """

    name: str
    key: TrustedKey | None = None
    elsewhere: str = ""
    unusable: str = ""
    issuer: str = ""
    issuer_regexp: str = ""
    subject: str = ""
    subject_regexp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """Who decides: ``static`` with ``approve``, ``cosign`` with signers, or one that is not judged here.

    The four texts are PEMs of an instance of its own; empty for the public one.
    """

    name: str
    kind: str
    approve: bool = False
    signers: tuple[Signer, ...] = ()
    rekor_key: str = ""
    fulcio_certificate: str = ""
    ct_log_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRule:
    """One line of the policy. ``validator`` and ``trust_root`` are as written; empty stands for ``default``."""

    pattern: str
    validator: str
    trust_root: str
    log: bool
    scts: bool
    threshold: int
    required: tuple[str, ...]
    mutate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The whole configuration.

    ``detection_only`` admits with a warning; ``pods_only`` looks at Pods alone; ``namespaces`` where an annotation of
    each namespace decides whether it is looked at.
    """

    validators: tuple[Validator, ...]
    rules: tuple[PatternRule, ...]
    detection_only: bool = False
    pods_only: bool = False
    namespaces: bool = False

    @property
    def needs_config(self) -> bool:
        """Whether they look at the configuration of images."""
        return False

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """Public keys that the validators name."""
        found = (one.key for validator in self.validators for one in validator.signers)
        return tuple(dict.fromkeys(key for key in found if key is not None))
