"""Which SLSA Build level a run reached, from the certificate alone (SLSA v1.1, Build track)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sigstep.model.verified import Verified

_PROVENANCE: Final = "https://slsa.dev/provenance/"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLevel:
    """A level (0: none) and why it is this one, in a sentence."""

    level: int
    why: str


def build_level(verified: Verified) -> BuildLevel | None:
    """The level of provenance that a GitHub Actions job signed; None for what is no provenance.

    L2: the provenance is signed by the build platform's identity. L3 needs that the build's own steps cannot reach the
    signing: a reusable workflow (``job_workflow_ref`` is not ``workflow_ref``) on a runner that GitHub hosts.
    """
    if verified.statement is None or not verified.statement.predicate_type.startswith(_PROVENANCE):
        return None
    said = verified.identity.extensions if verified.identity is not None else {}
    signer, config = said.get("build-signer-uri", ""), said.get("build-config-uri", "")
    if not signer or not config:
        return BuildLevel(level=0, why="the signer is not the identity of a build, so that nothing says where it ran")
    if said.get("runner-environment") != "github-hosted":
        return BuildLevel(level=2, why="the runner is self-hosted, so that other jobs may have reached it")
    if signer == config:
        why = "signed in the workflow that built it; steps of the same job could ask for the same certificate"
        return BuildLevel(level=2, why=why)
    why = (
        "signed by a reusable workflow that the calling workflow cannot change, given that it builds apart from signing"
    )
    return BuildLevel(level=3, why=why)
