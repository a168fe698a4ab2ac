"""Provenance as slsa-github-generator, its delegators and npm write it."""

from __future__ import annotations

from typing import Any

GENERATOR = "slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0"
BUILDER = f"https://github.com/{GENERATOR}"
SOURCE = "git+https://github.com/acme/app@refs/tags/v1.2.3"
TAG = {"ref": "refs/tags/v1.2.3", "sub": "repo:acme/app:ref:refs/tags/v1.2.3"}
EVENT = {"base_ref": "refs/heads/main", "inputs": {"level": "3"}}


def generator(builder: str, commit: str) -> dict[str, Any]:
    """SLSA v0.2 of the generic, Go and container generators."""
    digest = {"sha1": commit}
    return {
        "builder": {"id": builder},
        "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
        "invocation": {
            "configSource": {"uri": SOURCE, "digest": digest, "entryPoint": ".github/workflows/release.yml"},
            "parameters": {"event_inputs": {"level": "3"}},
            "environment": {"github_ref": "refs/tags/v1.2.3", "github_ref_type": "tag", "github_event_payload": EVENT},
        },
        "metadata": {"buildInvocationID": "1-1", "completeness": {"parameters": True}, "reproducible": False},
        "materials": [{"uri": SOURCE, "digest": digest}],
    }


def delegated(builder: str, commit: str) -> dict[str, Any]:
    """SLSA v1 of builders that are run by a delegator (BYOB, Node.js, Maven, Gradle)."""
    return {
        "buildDefinition": {
            "buildType": "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0",
            "externalParameters": {"inputs": {"level": "3"}, "vars": {}},
            "internalParameters": {"GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_EVENT_PAYLOAD": EVENT},
            "resolvedDependencies": [{"uri": SOURCE, "digest": {"gitCommit": commit}}],
        },
        "runDetails": {
            "builder": {"id": builder},
            "metadata": {"invocationId": "https://github.com/acme/app/actions/runs/1/attempts/1"},
        },
    }
