"""One comment at a pull request, written once and updated by every later run."""

from __future__ import annotations

import re
from typing import Any, Final

from sigstep.errors import ServiceError, UsageError
from sigstep.ports.world import World
from sigstep.services.github import check_slug, github_of

PERMISSION: Final = "pull-requests: write"
_REF: Final = re.compile(r"refs/pull/([0-9]{1,12})/merge")
_PAGES: Final = 10


def write_comment(
    body: str, marker: str, world: World, *, repository: str = "", number: int = 0, token: str = ""
) -> str:
    """Write or update the comment that begins with ``marker``; only a bot's own comment is taken for it.

    Args:
        body: Markdown that begins with the marker.
        repository: ``owner/name``; that of the running job by default.
        number: of the pull request; that of the running job by default.
        token: instead of the one in the environment.

    Returns:
        The comment's address.

    Raises:
        UsageError: ``comment-where``, ``github-repository``.
        ServiceError: GitHub refuses or cannot be asked; see `GitHub.call`.
    """
    slug = check_slug(repository or world.environ.get("GITHUB_REPOSITORY", ""))
    number = number or _number(world)
    github = github_of(world, token=token)
    path = f"repos/{slug}/issues/{number}/comments"
    pages = github.pages(f"{path}?per_page=100", world, at_most=_PAGES, permission=PERMISSION)
    listed = [one for page in pages for one in page.get("items", []) if isinstance(one, dict)]
    mine = next((one for one in listed if _is_ours(one, marker)), None)
    if mine is None:
        answer = github.json("POST", path, world, body={"body": body}, permission=PERMISSION)
    else:
        place = f"repos/{slug}/issues/comments/{int(mine['id'])}"
        answer = github.json("PATCH", place, world, body={"body": body}, permission=PERMISSION)
    address = answer.get("html_url") if isinstance(answer, dict) else None
    if not isinstance(address, str):
        raise ServiceError(
            code="github-answer",
            what="GitHub took the comment and did not say where it is",
            why="the answer has no html_url",
            fix="look at the pull request",
        )
    return address


def _is_ours(comment: dict[str, Any], marker: str) -> bool:
    user = comment.get("user")
    by_bot = isinstance(user, dict) and user.get("type") == "Bot"
    return by_bot and str(comment.get("body", "")).startswith(marker) and isinstance(comment.get("id"), int)


def _number(world: World) -> int:
    """The pull request of the running job: from its ref, which no text of the pull request can change."""
    match = _REF.fullmatch(world.environ.get("GITHUB_REF", ""))
    if match is None:
        raise UsageError(
            code="comment-where",
            what="there is no pull request to comment on",
            why="GITHUB_REF is not refs/pull/NUMBER/merge",
            fix="give --pull-request NUMBER, or run it on the event pull_request",
        )
    return int(match[1])
