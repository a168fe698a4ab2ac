"""Open policy files, with the keys that they name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sigstep.errors import UsageError
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model import limits
from sigstep.model.trust import TrustedKey, TrustedRoot, TrustMaterial
from sigstep.policy.demands import UNKNOWN, Circumstances
from sigstep.policy.document import Policy, load_policy, signers_of
from sigstep.policy.image_patterns import repository_pattern
from sigstep.policy.judging import signer_rules
from sigstep.policy.rule import AnyOf, Rule
from sigstep.policy.signer import repository
from sigstep.ports.world import World
from sigstep.proofs.keys import load_pem_key
from sigstep.wire.note import parse_witness_key

_TEMPLATE: Final = """\
schema: sigstep/policy/v1
signers:
  release:
    issuer: "https://token.actions.githubusercontent.com"
    subject: {subject}
rules:
- name: release
  {about}
  attestations:
  - type: https://slsa.dev/provenance/v1
    any-of: [release]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPolicy:
    """A policy with its signers' keys: to be trusted (``keys``) and to be told apart (``key_ids``, by signer).

    ``spki`` are the keys (DER) by signer; ``folder`` is where the files are that the policy names,
    ``circumstances`` is the run that asks.
    """

    policy: Policy
    keys: tuple[TrustedKey, ...]
    key_ids: Mapping[str, str]
    spki: Mapping[str, bytes]
    folder: Path
    circumstances: Circumstances = UNKNOWN

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
    policy = load_policy(read_named(path))
    keys = {}
    for name, signer in policy.signers.items():
        if signer.key:
            inline = signer.key.startswith("-----BEGIN ")
            keys[name] = load_pem_key(signer.key.encode() if inline else read_named(path.parent / signer.key)).spki
    return OpenedPolicy(
        policy=policy,
        keys=tuple(TrustedKey(key=key) for key in keys.values()),
        key_ids=MappingProxyType({name: hashlib.sha256(key).hexdigest() for name, key in keys.items()}),
        spki=MappingProxyType(keys),
        folder=path.parent,
    )


def with_own_trust(
    material: TrustMaterial, opened: OpenedPolicy, world: World, *, offline: bool = False
) -> TrustMaterial:
    """Trust material with the keys of a policy's signers, the instances that it brings itself, and its witnesses.

    Raises:
        SigstepError: an instance cannot be loaded (see `sigstep.flows.trust.load_trust`).
    """
    roots = []
    for one in opened.policy.trust.values():
        if one.trusted_root:
            request = TrustRequest(trusted_roots=(opened.folder / one.trusted_root,), offline=offline)
        else:
            request = TrustRequest(instances=(one.mirror,), tuf_root=opened.folder / one.root, offline=offline)
        roots += [replace(root, name=one.name) for root in load_trust(request, world).roots]
    seen = opened.policy.witnesses
    count, keys = (seen.count, seen.keys) if seen else (0, ())
    return replace(
        material,
        roots=tuple(_witnessed(one, count) for one in (*material.roots, *roots)),
        keys=(*material.keys, *opened.keys),
        certificates_too=True,
        witnesses=(*material.witnesses, *map(parse_witness_key, keys)),
    )


def _witnessed(root: TrustedRoot, count: int) -> TrustedRoot:
    return replace(root, thresholds=replace(root.thresholds, witnesses=max(count, root.thresholds.witnesses)))


def read_named(path: Path) -> bytes:
    """A policy file, or a file that one names, at most `limits.POLICY_BYTES` and one byte.

    Raises:
        UsageError: ``policy-unreadable``.
    """
    try:
        with path.open("rb") as file:
            return file.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="policy-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None


def check_policy(path: Path, today: date) -> tuple[str, ...]:
    """What there is to say about a policy file: its digests and rules, signers that no rule names, ended allowances.

    Raises:
        UsageError, FormatError: see `open_policy`.
    """
    policy = open_policy(path).policy
    used = {name for rule in policy.rules for name in signers_of(rule)}
    return (
        f"file       {policy.digest}",
        f"canonical  {policy.canonical}",
        *(f"rule       {rule.name} ({'enforce' if rule.enforce else 'warn'})" for rule in policy.rules),
        *(f"recall     {one.kind} {one.value}" for one in policy.recalls),
        *((f"recalls in {policy.recall_list.file}",) if policy.recall_list else ()),
        *(f"warning    no rule names the signer {name}" for name in policy.signers if name not in used),
        *(
            f"warning    the signer {name} is anybody whose run has these extensions; add a subject"
            for name, one in policy.signers.items()
            if one.identity is not None and not one.identity.names_somebody
        ),
        *(
            f"warning    {rule.name} asks {name} for a signature, and GitHub attests releases: ask under attestations"
            for rule in policy.rules
            for name in (rule.signature.names if rule.signature else ())
            if policy.signers[name].release is not None
        ),
        *(
            f"warning    the allowance of {rule.name} ended on {rule.until}"
            for rule in policy.rules
            if rule.until is not None and rule.until < today
        ),
        *(() if policy.rules else ("warning    there is no rule, so that everything is refused",)),
    )


def template(slug: str, *, workflow: str, branch: str = "main", tag: str = "", image: str = "") -> str:
    """A policy file that takes what one workflow of a GitHub repository signs.

    Args:
        slug: ``owner/name``.
        workflow: its file name below ``.github/workflows``.
        branch: the branch it runs on.
        tag: the tags it runs on instead, as a glob.
        image: the repository of images that the rule is about; empty for files.

    Raises:
        UsageError: ``image-pattern``; ``repository-malformed``, also where they make no readable policy file.
    """
    repository(slug)
    about = f'images: ["{repository_pattern(image)}"]' if image else 'blobs: ["**"]'
    path = f"https://github.com/{slug}/.github/workflows/{workflow}"
    subject = f'{{glob: "{path}@refs/tags/{tag}"}}' if tag else f'"{path}@refs/heads/{branch}"'
    text = _TEMPLATE.format(subject=subject, about=about)
    if any(not one.isprintable() or one in "\"\\ '" for one in slug + workflow + branch + tag + image):
        raise UsageError(
            code="repository-malformed",
            what="the repository, workflow or branch has characters that their names cannot have",
            fix="give the names as GitHub shows them",
        )
    load_policy(text.encode())
    return text
