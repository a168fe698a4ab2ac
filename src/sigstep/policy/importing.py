"""What every import of an engine's policy needs: a draft of the policy file that is filled in, and its losses."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sigstep.errors import SigstepError
from sigstep.policy.conditions import Condition
from sigstep.policy.document import FORMATS, ROOTS, SCHEMA, Policy, load_policy
from sigstep.policy.engine import Loss
from sigstep.policy.exporting import Losses, manifest, pem, unanchored
from sigstep.policy.matcher import Matcher
from sigstep.policy.writing import condition_document, matcher_document

SHORT_TYPES: Final = {
    # cosign's names of predicate types, as policy-controller and cosign resolve them
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "link": "https://in-toto.io/Link/v1",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
    "custom": "https://cosign.sigstore.dev/attestation/v1",
}
_NAMES: Final = {value: key for key, value in ROOTS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """One demand of an engine's policy: by ``count`` of the named signers; ``type`` is empty for a signature."""

    type: str
    names: tuple[str, ...]
    count: int = 1
    where: tuple[Condition, ...] = ()
    every: bool = False


def found_anywhere(expression: str) -> Matcher:
    """A regular expression that an engine searches for, not anchored, as a matcher of the whole value."""
    closed = unanchored(expression)
    return closed or Matcher(f"(?s:.*)(?:{expression})(?s:.*)", "regex")


def either(exact: str, expression: str) -> Matcher | None:
    """What an engine compares with: its exact value, or its expression; None where it has neither."""
    if expression:
        return found_anywhere(expression)
    return Matcher(exact) if exact else None


@dataclass
class Draft:
    """A policy file in the making. Signers that are the same share one name."""

    losses: Losses = field(default_factory=Losses)
    name: str = ""
    no_match: str = "deny"
    require_digest: bool = False
    signers: dict[str, dict[str, Any]] = field(default_factory=dict)
    trust: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    recalls: list[dict[str, Any]] = field(default_factory=list)

    def signer(
        self,
        name: str,
        *,
        issuer: Matcher | None = None,
        subject: Matcher | None = None,
        extensions: Mapping[str, str] | None = None,
        root: str = "",
        log: str = "",
        key: bytes = b"",
    ) -> str:
        """The name under which a signer is written: ``name``, or that of the same one before.

        Args:
            key: SPKI (DER); then nothing else but ``log`` is said.
        """
        said: dict[str, Any] = {}
        if key:
            said["key"] = pem(key)
        else:
            for member, matcher in (("issuer", issuer), ("subject", subject)):
                if matcher is not None:
                    said[member] = matcher_document(matcher)
            if extensions:
                said["extensions"] = dict(extensions)
            if root:
                said["trust"] = _NAMES.get(root, root)
                if said["trust"] == root and root not in ROOTS:
                    self.trust[root] = {"trusted-root": f"./{root}.json"}
                    self.losses.warn(f"trust.{root}", f"write the instance's trusted root to {root}.json")
        if log:
            said["log"] = log
        for known, other in self.signers.items():
            if other == said:
                return known
        free = name
        while free in self.signers:
            free += "-2"
        self.signers[free] = said
        return free

    def rule(
        self,
        name: str,
        images: Sequence[str],
        asked: Sequence[AskedFor] = (),
        *,
        exclude: Sequence[str] = (),
        formats: Sequence[str] = FORMATS,
        enforce: bool = True,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a rule. ``more`` is ``allow`` or ``deny``."""
        made: dict[str, Any] = {"name": name, "images": list(images)}
        if exclude:
            made["exclude"] = list(exclude)
        if asked and tuple(formats) != FORMATS:
            made["formats"] = list(formats)
        if not enforce:
            made["mode"] = "warn"
        for one in asked:
            quorum = _quorum(one)
            if not one.type and "signature" not in made:
                made["signature"] = quorum
                continue
            if not one.type:
                self.losses.refuse(f"rules.{name}", "two demands on signatures cannot be said in one rule")
            attested: dict[str, Any] = {"type": one.type, **quorum}
            if one.every:
                attested["each"] = "every"
            if one.where:
                attested["where"] = [condition_document(each) for each in one.where]
            made.setdefault("attestations", []).append(attested)
        self.rules.append({**made, **(more or {})})

    def policy(self) -> tuple[Policy | None, tuple[Loss, ...]]:
        """The policy; None where a loss is refused."""
        if self.losses.refused or not self.rules:
            if not self.rules:
                self.losses.refuse("rules", "nothing is left that could be judged")
            return None, self.losses.all
        document: dict[str, Any] = {"schema": SCHEMA}
        if self.name:
            document["name"] = self.name
        defaults: dict[str, Any] = {}
        if self.no_match != "deny":
            defaults["no-match"] = self.no_match
        if self.require_digest:
            defaults["require-digest"] = True
        parts = {
            "defaults": defaults,
            "trust": self.trust,
            "signers": self.signers,
            "rules": self.rules,
            "recalls": self.recalls,
        }
        document |= {member: value for member, value in parts.items() if value}
        try:
            return load_policy(manifest([document])), self.losses.all
        except SigstepError as error:
            self.losses.refuse("rules", f"{error.what}: {error.why}")
            return None, self.losses.all


def key_bytes(text: str) -> bytes:
    """The DER of a PEM.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode("".join(text.strip().splitlines()[1:-1]), validate=True)


def _quorum(one: AskedFor) -> dict[str, Any]:
    names = list(dict.fromkeys(one.names))
    if one.count == 1:
        return {"any-of": names}
    if one.count == len(names):
        return {"all-of": names}
    return {"at-least": one.count, "of": names}
