"""Open policy files, with the keys that they name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from sigstep.errors import UsageError
from sigstep.model import limits
from sigstep.model.trust import TrustedKey
from sigstep.policy.document import Policy, load_policy
from sigstep.policy.judging import signer_rules
from sigstep.policy.rule import AnyOf, Rule
from sigstep.proofs.keys import load_pem_key


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPolicy:
    """A policy with its signers' keys: to be trusted (``keys``) and to be told apart (``key_ids``, by signer)."""

    policy: Policy
    keys: tuple[TrustedKey, ...]
    key_ids: Mapping[str, str]

    @property
    def rule(self) -> Rule:
        """Takes a proof that any signer of the file made; which signers are enough is judged over all proofs."""
        return AnyOf(tuple(signer_rules(self.policy, self.key_ids).values()))


def open_policy(path: Path) -> OpenedPolicy:
    """Read a policy file and the keys it names, relative to its folder.

    Raises:
        UsageError: ``policy-unreadable``; or a pattern of the file is unusable.
        FormatError: the file or a key is not what it should be.
    """
    policy = load_policy(_read(path))
    keys = {}
    for name, signer in policy.signers.items():
        if signer.key:
            inline = signer.key.startswith("-----BEGIN ")
            keys[name] = load_pem_key(signer.key.encode() if inline else _read(path.parent / signer.key)).spki
    return OpenedPolicy(
        policy=policy,
        keys=tuple(TrustedKey(key=key) for key in keys.values()),
        key_ids=MappingProxyType({name: hashlib.sha256(key).hexdigest() for name, key in keys.items()}),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="policy-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None
