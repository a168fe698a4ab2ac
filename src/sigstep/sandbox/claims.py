"""GitHub's token claims, and the certificate extensions that Fulcio makes of them (fulcio, docs/oid-info.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sigstep.sandbox import der
from sigstep.sandbox.exchange import Refused

GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"
EMAIL_ISSUER: Final = "https://oauth2.sigstore.dev/auth"
SERVER: Final = "https://github.com"
_ARC: Final = "1.3.6.1.4.1.57264.1"
_SHA: Final = "5f3c9a4de3b21d14a1b6a3f4f4dcb3c2f9c2a001"
_NEEDED: Final = (
    "sub", "job_workflow_ref", "job_workflow_sha", "sha", "ref", "event_name", "repository", "repository_id",
    "repository_owner", "repository_owner_id", "repository_visibility", "workflow", "workflow_ref", "workflow_sha",
    "run_id", "run_attempt", "runner_environment",
)  # fmt: skip


def github_claims(**changed: str) -> dict[str, str]:
    """The claims of a push to the default branch of a public repository; ``changed`` ones replace them.

    ``sub``, ``workflow_ref`` and ``job_workflow_ref`` follow ``repository`` and ``ref`` unless they are given.
    """
    repository = changed.get("repository", "acme/app")
    ref = changed.get("ref", "refs/heads/main")
    workflow = changed.get("workflow_ref", f"{repository}/.github/workflows/release.yml@{ref}")
    sha = changed.get("sha", _SHA)
    subject = f"environment:{changed['environment']}" if changed.get("environment") else f"ref:{ref}"
    return {
        "sub": f"repo:{repository}:{subject}",
        "ref": ref,
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "ref_protected": "true",
        "base_ref": "",
        "head_ref": "",
        "sha": sha,
        "repository": repository,
        "repository_id": "1001",
        "repository_owner": repository.partition("/")[0],
        "repository_owner_id": "2002",
        "repository_visibility": "public",
        "actor": "maintainer",
        "actor_id": "3003",
        "workflow": "release",
        "workflow_ref": workflow,
        "workflow_sha": sha,
        "job_workflow_ref": workflow,
        "job_workflow_sha": sha,
        "event_name": "push",
        "run_id": "4004",
        "run_number": "5",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        **changed,
    }


def github_extensions(claims: Mapping[str, Any]) -> tuple[tuple[str, bytes], ...]:
    """The extensions .1-.6 (raw) and .8-.24 (UTF8String): pairs of dotted OID and value.

    Raises:
        Refused: a claim is missing.
    """
    missing = [name for name in _NEEDED if not isinstance(claims.get(name), str) or not claims[name]]
    if missing:
        raise Refused(400, f"the token has no claim {missing[0]}")
    repository = f"{SERVER}/{claims['repository']}"
    raw = {
        1: claims["iss"],
        2: claims["event_name"],
        3: claims["sha"],
        4: claims["workflow"],
        5: claims["repository"],
        6: claims["ref"],
    }
    texts = {
        8: claims["iss"],
        9: f"{SERVER}/{claims['job_workflow_ref']}",
        10: claims["job_workflow_sha"],
        11: claims["runner_environment"],
        12: repository,
        13: claims["sha"],
        14: claims["ref"],
        15: claims["repository_id"],
        16: f"{SERVER}/{claims['repository_owner']}",
        17: claims["repository_owner_id"],
        18: f"{SERVER}/{claims['workflow_ref']}",
        19: claims["workflow_sha"],
        20: claims["event_name"],
        21: f"{repository}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}",
        22: claims["repository_visibility"],
        23: claims.get("environment", ""),
        24: claims["sub"],
    }
    return tuple(
        [(f"{_ARC}.{arc}", text.encode()) for arc, text in raw.items()]
        + [(f"{_ARC}.{arc}", der.utf8(text)) for arc, text in texts.items() if text]
    )


def email_extensions(issuer: str) -> tuple[tuple[str, bytes], ...]:
    """The extensions of a person's certificate: the issuer in both forms."""
    return ((f"{_ARC}.1", issuer.encode()), (f"{_ARC}.8", der.utf8(issuer)))


def runner_environment(claims: Mapping[str, str]) -> dict[str, str]:
    """The GITHUB_* variables of a runner step that belong to a token's claims."""
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": SERVER,
        "GITHUB_REPOSITORY": claims["repository"],
        "GITHUB_REPOSITORY_ID": claims["repository_id"],
        "GITHUB_REPOSITORY_OWNER": claims["repository_owner"],
        "GITHUB_REPOSITORY_OWNER_ID": claims["repository_owner_id"],
        "GITHUB_REF": claims["ref"],
        "GITHUB_REF_NAME": claims["ref"].split("/", 2)[-1],
        "GITHUB_REF_TYPE": claims["ref_type"],
        "GITHUB_SHA": claims["sha"],
        "GITHUB_EVENT_NAME": claims["event_name"],
        "GITHUB_ACTOR": claims["actor"],
        "GITHUB_ACTOR_ID": claims["actor_id"],
        "GITHUB_WORKFLOW": claims["workflow"],
        "GITHUB_WORKFLOW_REF": claims["workflow_ref"],
        "GITHUB_WORKFLOW_SHA": claims["workflow_sha"],
        "GITHUB_RUN_ID": claims["run_id"],
        "GITHUB_RUN_NUMBER": claims["run_number"],
        "GITHUB_RUN_ATTEMPT": claims["run_attempt"],
        "RUNNER_ENVIRONMENT": claims["runner_environment"],
    }
