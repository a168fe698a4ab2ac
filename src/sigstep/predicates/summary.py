"""SLSA verification summaries v1 (slsa.dev/spec/v1.0/verification_summary)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Final

from sigstep.model.digest import Digest
from sigstep.wire.fields import malformed, moment, objects, optional, required, texts

URI: Final = "https://slsa.dev/verification_summary/v1"


def make(
    *,
    verifier_id: str,
    version: str,
    time_verified: datetime,
    resource_uri: str,
    policy_uri: str,
    policy_digest: str,
    inputs: Sequence[Digest],
    passed: bool,
    levels: Sequence[str],
) -> dict[str, Any]:
    """The predicate that tells of one verification.

    Args:
        verifier_id: URI that names who verified; consumers pair it with the signer.
        version: version of sigstep.
        time_verified: aware.
        resource_uri: what was verified, as consumers ask for it.
        policy_uri: where the policy stands; ``policy_digest`` is its SHA-256, hexadecimal, or empty.
        inputs: digests of the signed payloads of the attestations that were taken.
        passed: the verdict.
        levels: verified levels, e.g. ``SLSA_BUILD_LEVEL_3``; none are written unless it passed.
    """
    policy: dict[str, Any] = {"uri": policy_uri}
    if policy_digest:
        policy["digest"] = {"sha256": policy_digest}
    return {
        "verifier": {"id": verifier_id, "version": {"sigstep": version}},
        "timeVerified": time_verified.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resourceUri": resource_uri,
        "policy": policy,
        "inputAttestations": [{"digest": {one.algorithm.value: one.hex}} for one in inputs],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": list(levels) if passed else ["FAILED"],
        "slsaVersion": "1.0",
    }


def verified_at(predicate: Mapping[str, Any]) -> datetime:
    """When it was verified, as the verifier says (aware).

    Raises:
        FormatError: ``predicate-malformed``.
    """
    time = moment(required(predicate, "timeVerified", str))
    if time is None:
        raise malformed("timeVerified is no time as RFC 3339 writes it")
    return time


def policy_digest(predicate: Mapping[str, Any]) -> str:
    """Hexadecimal SHA-256 of the policy that was verified by, or empty."""
    return (optional(predicate, "policy.digest.sha256", str) or "").lower()


class Summary:
    """The kind of verification summaries (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "vsa"
    uris: tuple[str, ...] = (URI,)
    aliases: Mapping[str, str] = MappingProxyType({"vsa": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a summary without verifier, time, resource, policy, result or levels.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        for path in ("verifier.id", "resourceUri", "policy.uri"):
            required(predicate, path, str)
        verified_at(predicate)
        if required(predicate, "verificationResult", str) not in ("PASSED", "FAILED"):
            raise malformed("verificationResult is neither PASSED nor FAILED")
        required(predicate, "verifiedLevels", list)
        texts(predicate, "verifiedLevels")
        objects(predicate, "inputAttestations")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Who verified what, when, by which policy, with which result."""
        return (
            f"{optional(predicate, 'verificationResult', str)}: {optional(predicate, 'resourceUri', str)}",
            f"verified by {optional(predicate, 'verifier.id', str)} at {optional(predicate, 'timeVerified', str)}",
            f"by policy {optional(predicate, 'policy.uri', str)}",
            f"levels: {', '.join(texts(predicate, 'verifiedLevels')) or 'none'}",
        )
