"""Tokens of GitLab CI and Buildkite, and the certificates that Fulcio makes of them (fulcio, config/identity)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.sandbox import der
from sigstep.sandbox.exchange import Refused

GITLAB_ISSUER: Final = "https://gitlab.com"
BUILDKITE_ISSUER: Final = "https://agent.buildkite.com"
_ARC: Final = "1.3.6.1.4.1.57264.1"
_SHA: Final = "5f3c9a4de3b21d14a1b6a3f4f4dcb3c2f9c2a001"


def gitlab_claims(**changed: str) -> dict[str, str]:
    """The claims of a pipeline on the default branch of a public project."""
    project = changed.get("project_path", "acme/app")
    ref = changed.get("ref", "main")
    return {
        "sub": f"project_path:{project}:ref_type:branch:ref:{ref}",
        "namespace_id": "2002",
        "namespace_path": project.rpartition("/")[0],
        "project_id": "1001",
        "project_path": project,
        "project_visibility": "public",
        "pipeline_id": "4004",
        "pipeline_source": "push",
        "job_id": "5005",
        "ref": ref,
        "ref_type": "branch",
        "ref_protected": "true",
        "runner_environment": "gitlab-hosted",
        "sha": _SHA,
        "ci_config_ref_uri": f"gitlab.com/{project}//.gitlab-ci.yml@refs/heads/{ref}",
        "ci_config_sha": _SHA,
        **changed,
    }


def buildkite_claims(**changed: str) -> dict[str, str]:
    """The claims of a step of a pipeline."""
    return {
        "sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:5f3c9a4:step:sign",
        "organization_slug": "acme",
        "pipeline_slug": "app",
        "build_number": "6",
        "build_branch": "main",
        "build_commit": _SHA,
        "step_key": "sign",
        "job_id": "0190-0001",
        "runner_environment": "buildkite-hosted",
        **changed,
    }


def certified(claims: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """The name (a URI) and the extensions of the certificate for such a token.

    Raises:
        Refused: a claim is missing.
    """
    try:
        name, texts = _BY_ISSUER[claims["iss"]](claims)
    except KeyError as error:
        raise Refused(400, f"the token has no claim {error.args[0]}") from None
    issuer = str(claims["iss"])
    extensions = [(f"{_ARC}.1", issuer.encode()), (f"{_ARC}.8", der.utf8(issuer))]
    extensions += [(f"{_ARC}.{arc}", der.utf8(text)) for arc, text in texts.items()]
    return name, tuple(extensions)


def _gitlab(claims: Mapping[str, Any]) -> tuple[str, dict[int, str]]:
    project = f"{GITLAB_ISSUER}/{claims['project_path']}"
    config = f"https://{claims['ci_config_ref_uri']}"
    kind = {"branch": "heads", "tag": "tags"}[claims["ref_type"]]
    return config, {
        9: config,
        10: claims["ci_config_sha"],
        11: claims["runner_environment"],
        12: project,
        13: claims["sha"],
        14: f"refs/{kind}/{claims['ref']}",
        15: claims["project_id"],
        16: f"{GITLAB_ISSUER}/{claims['namespace_path']}",
        17: claims["namespace_id"],
        18: config,
        19: claims["ci_config_sha"],
        20: claims["pipeline_source"],
        21: f"{project}/-/jobs/{claims['job_id']}",
        22: claims["project_visibility"],
    }


def _buildkite(claims: Mapping[str, Any]) -> tuple[str, dict[int, str]]:
    pipeline = f"https://buildkite.com/{claims['organization_slug']}/{claims['pipeline_slug']}"
    return pipeline, {
        11: claims["runner_environment"],
        13: claims["build_commit"],
        21: f"{pipeline}/builds/{claims['build_number']}#{claims['job_id']}",
    }


_BY_ISSUER: Final = {GITLAB_ISSUER: _gitlab, BUILDKITE_ISSUER: _buildkite}
CLAIMS: Final = MappingProxyType[str, Callable[..., dict[str, str]]](
    {GITLAB_ISSUER: gitlab_claims, BUILDKITE_ISSUER: buildkite_claims}
)
