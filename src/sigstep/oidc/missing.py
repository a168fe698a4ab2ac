"""Why there is no token, and what to paste."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, TokenError
from sigstep.ports.world import World
from sigstep.wire import strict_json

_EVENT_BYTES: Final = 32 * 1024 * 1024
_GITHUB_YAML: Final = "permissions:\n  id-token: write\n  contents: read"
_GITLAB_YAML: Final = "id_tokens:\n  SIGSTORE_ID_TOKEN:\n    aud: sigstore"


def missing_token(world: World) -> TokenError:
    """The error that says why nothing here gives a token: a fork, Dependabot, a permission, or no CI at all."""
    environ = world.environ
    if environ.get("GITHUB_ACTIONS") == "true":
        return _github(environ, github_event(world))
    if environ.get("GITLAB_CI"):
        return _error(
            "this GitLab job has no OIDC token", "the job does not ask for one", "add to the job:", _GITLAB_YAML
        )
    if environ.get("BUILDKITE"):
        return _error(
            "this Buildkite job has no OIDC token",
            "buildkite-agent gave none",
            "run sigstep where buildkite-agent is on PATH:",
            "steps:\n  - label: sign\n    command: sigstep sign --instance public-good dist/*",
        )
    if environ.get("CIRCLECI"):
        return _error(
            "this CircleCI job has no OIDC token",
            "the circleci command gave none",
            "give the job a context, and run sigstep where circleci is on PATH:",
            "workflows:\n  release:\n    jobs:\n      - sign:\n          context: signing",
        )
    return TokenError(
        code="token-none",
        what="there is no OIDC token here",
        why="this is not a CI job that hands one out",
        fix="run it in GitHub Actions, GitLab CI, Buildkite, CircleCI or Google Cloud, or give --token-file FILE",
    )


def github_event(world: World) -> Mapping[str, Any]:
    """The payload of the event that started this GitHub run; empty where it cannot be read. It is not proved."""
    path = world.environ.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            value = strict_json.loads(file.read(_EVENT_BYTES + 1), at_most=_EVENT_BYTES, name="event")
    except (OSError, FormatError, json.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _github(environ: Mapping[str, str], event: Mapping[str, Any]) -> TokenError:
    if environ.get("GITHUB_ACTOR") == "dependabot[bot]":
        return TokenError(
            code="token-dependabot",
            what="runs that Dependabot starts get no OIDC token",
            why="GitHub gives them a read-only token, whatever the workflow says",
            fix="sign after the merge:",
            paste="on:\n  push:\n    branches: [main]",
        )
    if _is_fork(event):
        return TokenError(
            code="token-fork",
            what="pull requests from forks get no OIDC token",
            why="GitHub keeps it from code of strangers, whatever the workflow says",
            fix="skip the step there:",
            paste="if: github.event.pull_request.head.repo.full_name == github.repository",
        )
    return TokenError(
        code="token-permission",
        what="this job may not ask for an OIDC token",
        why="ACTIONS_ID_TOKEN_REQUEST_URL is not set: the permission id-token is missing",
        fix="add to the job:",
        paste=_GITHUB_YAML,
    )


def _is_fork(event: Mapping[str, Any]) -> bool:
    pull = event.get("pull_request")
    if not isinstance(pull, dict):
        return False
    names = []
    for side in ("head", "base"):
        repository = pull[side].get("repo") if isinstance(pull.get(side), dict) else None
        names.append(repository.get("full_name") if isinstance(repository, dict) else None)
    return names[0] != names[1]


def _error(what: str, why: str, fix: str, paste: str) -> TokenError:
    return TokenError(code="token-permission", what=what, why=why, fix=fix, paste=paste)
