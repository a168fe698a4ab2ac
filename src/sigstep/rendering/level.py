"""Which SLSA Build level a run has, said plainly with the reason."""

from __future__ import annotations

from typing import Final

from sigstep.model.verified import Verified
from sigstep.policy.levels import build_level

_PROVENANCE: Final = "https://slsa.dev/provenance/"


def level_text(proof: Verified) -> str:
    """``SLSA Build L2: why`` of a provenance (`sigstep.policy.levels.build_level`); empty for what is none."""
    if proof.statement is None or not proof.statement.predicate_type.startswith(_PROVENANCE):
        return ""
    level = build_level(proof, builder_named=True)
    said = proof.identity.extensions if proof.identity is not None else {}
    if level == 3:
        why = (
            "signed by a reusable workflow that the calling workflow cannot change, given that it builds apart from it"
        )
    elif level == 2:
        why = "signed in the workflow that built it; steps of the same job could ask for the same certificate"
    elif said.get("runner-environment") == "self-hosted":
        why = "the runner is self-hosted, so that other jobs may have reached it"
    else:
        why = "the signer is not the identity of a hosted build, so that nothing says where it ran"
    return f"SLSA Build L{level}: {why}"
