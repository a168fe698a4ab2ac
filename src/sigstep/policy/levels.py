"""SLSA Build levels of a provenance, from what its certificate proves (slsa.dev/spec/v1.0/levels)."""

from __future__ import annotations

import re
from typing import Final

from sigstep.model.verified import Verified
from sigstep.policy.signer import GITHUB_ISSUER

GENERATOR: Final = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
BUILDERS: Final = (
    "generator_generic_slsa3.yml",
    "generator_container_slsa3.yml",
    "builder_go_slsa3.yml",
    "builder_container-based_slsa3.yml",
    "builder_nodejs_slsa3.yml",
    "builder_maven_slsa3.yml",
    "builder_gradle_slsa3.yml",
)
DELEGATORS: Final = ("delegator_generic_slsa3.yml", "delegator_lowperms-generic_slsa3.yml")
_RELEASED: Final = re.compile(r"refs/tags/v[0-9]+\.[0-9]+\.[0-9]+", re.ASCII)


def is_delegator(signer: str) -> bool:
    """Whether a signer is a released delegator of slsa-github-generator: then provenance names the builder it ran."""
    return _released(signer, DELEGATORS)


def build_level(proof: Verified, *, builder_named: bool = False) -> int:
    """The SLSA Build level that the signer of a provenance reaches; what is not proved does not count.

    1: there is provenance. 2: GitHub Actions on a hosted runner signed it. 3: it was signed by a reusable workflow that
    the repository of the build cannot change, and that is known to build apart from it: one of slsa-github-generator's
    by a release tag, or one that somebody named who knows it. Anybody can have a second repository with a workflow that
    signs what it is given, so that the certificate alone does not say it.

    Args:
        builder_named: the policy names this builder: then a delegator of slsa-github-generator counts, and any workflow
            whose certificate names a workflow of another repository as the caller.
    """
    identity = proof.identity
    if identity is None or identity.issuer != GITHUB_ISSUER:
        return 1
    signer = identity.extensions.get("build-signer-uri", "")
    if not signer or identity.extensions.get("runner-environment") != "github-hosted":
        return 1
    if _released(signer, BUILDERS):
        return 3
    caller = identity.extensions.get("build-config-uri", "")
    apart = is_delegator(signer) or (bool(caller) and _repository(signer) != _repository(caller))
    return 3 if apart and builder_named else 2


def _repository(workflow: str) -> str:
    return workflow.partition("/.github/")[0].lower()  # GitHub's names of repositories have no case


def _released(signer: str, names: tuple[str, ...]) -> bool:
    path, _, ref = signer.partition("@")
    return path.removeprefix(GENERATOR) in names and path.startswith(GENERATOR) and bool(_RELEASED.fullmatch(ref))
