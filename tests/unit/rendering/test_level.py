"""Which level a run is said to have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sigstep.model.verified import Verified
from sigstep.policy.signer import GITHUB_ISSUER
from sigstep.rendering.level import level_text

PROVENANCE = "https://slsa.dev/provenance/v1"
SAME = {"build-signer-uri": "w", "build-config-uri": "w", "runner-environment": "github-hosted"}


def proof(kind: str, said: dict[str, str] | None) -> Verified:
    """The members that count; only the pipeline builds a whole one."""
    identity = SimpleNamespace(extensions=said, issuer=GITHUB_ISSUER) if said is not None else None
    value: Any = SimpleNamespace(statement=SimpleNamespace(predicate_type=kind), identity=identity)
    return cast("Verified", value)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        (SAME, 2),
        ({**SAME, "build-signer-uri": "reusable"}, 3),
        ({**SAME, "build-signer-uri": "reusable", "runner-environment": "self-hosted"}, 1),
        ({}, 1),
        (None, 1),
    ],
)
def test_level(said: dict[str, str] | None, level: int) -> None:
    """L3 needs a workflow apart from the caller's on a runner of GitHub; a key or a person says nothing about a build."""
    assert level_text(proof(PROVENANCE, said)).startswith(f"SLSA Build L{level}: ")


def test_what_is_no_provenance_has_none() -> None:
    """An SBOM says nothing about how it was built."""
    assert level_text(proof("https://spdx.dev/Document", SAME)) == ""
