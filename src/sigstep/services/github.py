"""GitHub's REST API: one bounded call, and what its errors mean for the job that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sigstep.errors import ServiceError, UsageError
from sigstep.model import limits
from sigstep.ports.http import Response
from sigstep.ports.retry import Budget, retry_after, retrying
from sigstep.ports.world import World
from sigstep.services.call import failed, is_transient, json_object, server_message, unreadable
from sigstep.wire import strict_json
from sigstep.wire.github import is_slug
from sigstep.wire.links import next_address

API: Final = "https://api.github.com"
VERSION: Final = "2022-11-28"
_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub:
    """GitHub's API at one address.

    Attributes:
        api: the base address, as ``GITHUB_API_URL`` gives it.
        token: sent to that address alone; empty for public data.
        retry_seconds: how long a call may be tried again.
    """

    api: str = API
    token: str = ""
    retry_seconds: float = 60.0

    def __repr__(self) -> str:
        return f"GitHub(api={self.api!r})"

    def json(
        self,
        method: str,
        path: str,
        world: World,
        *,
        body: Mapping[str, Any] | None = None,
        allowed: tuple[int, ...] = (200, 201),
        permission: str = "",
    ) -> Any:
        """The JSON object of an answer; None where its status is allowed and is 204 or 404.

        Args:
            path: below the base address, or a whole address at it (a next page).
            permission: what the job needs for this, as its workflow writes it, for the message.

        Raises:
            ServiceError: the codes of `call`, ``service-answer-unreadable``.
        """
        data = json.dumps(body).encode() if body is not None else None
        answer = self.call(method, path, world, body=data, allowed=allowed, permission=permission)
        return None if answer.status in (204, 404) else json_object(answer, "GitHub")

    def json_of_upload(self, url: str, data: bytes, world: World, *, permission: str) -> Any:
        """The JSON object of the answer to raw bytes.

        Raises:
            ServiceError: as `json`.
        """
        answer = self.call(
            "POST",
            url,
            world,
            body=data,
            allowed=(201,),
            permission=permission,
            content_type="application/octet-stream",
        )
        return json_object(answer, "GitHub")

    def pages(self, path: str, world: World, *, at_most: int, permission: str = "") -> list[dict[str, Any]]:
        """The answers of a listing, page by page (``Link: rel=next``); none where there is nothing (404).

        Raises:
            ServiceError: the codes of `call`; ``github-link`` where a page leads elsewhere.
        """
        found: list[dict[str, Any]] = []
        for _ in range(at_most):
            allowed = (200,) if found else (200, 404)  # what ends in the middle is no listing
            answer = self.call("GET", path, world, allowed=allowed, permission=permission)
            if answer.status == 404:
                break
            found.append(json_object(answer, "GitHub") if answer.body[:1] != b"[" else {"items": _items(answer)})
            following = next_address(answer.headers.get("link", ""))
            if not following:
                break
            path = following
        return found

    def call(
        self,
        method: str,
        path: str,
        world: World,
        *,
        body: bytes | None = None,
        allowed: tuple[int, ...] = (200, 201),
        permission: str = "",
        accept: str = "application/vnd.github+json",
        content_type: str = "application/json",
        redirects: int = 0,
    ) -> Response:
        """One call, tried again while GitHub is out of order; any status that is not ``allowed`` is an error.

        Raises:
            ServiceError: ``github-link``, ``github-token``, ``github-permission``, ``github-rate``,
                ``github-plan``, ``github-missing``, ``github-refused``; and ``service-unavailable``.
        """
        url = self._url(path)
        headers = {"Accept": accept, "X-GitHub-Api-Version": VERSION}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = content_type

        def once() -> Response:
            answer = world.http.request(
                method,
                url,
                at_most=limits.GITHUB_ANSWER_BYTES,
                headers=headers,
                body=body,
                timeout=_TIMEOUT_SECONDS,
                redirects=redirects,
            )
            if answer.status in allowed:
                return answer
            raise self._refused(answer, permission, world)

        budget = Budget.starting_now(self.retry_seconds, world)
        return retrying(once, service=f"GitHub ({urlsplit(self.api).netloc})", budget=budget, world=world)

    def _url(self, path: str) -> str:
        """An address below the base; whatever leads elsewhere would carry the token there."""
        if "://" not in path:
            return f"{self.api.rstrip('/')}/{path.lstrip('/')}"
        base, given = urlsplit(self.api), urlsplit(path)
        if (base.scheme, base.netloc) != (given.scheme, given.netloc):
            raise ServiceError(
                code="github-link",
                what="GitHub's answer leads to another server",
                why=f"{given.netloc[:100]} is not {base.netloc}",
                fix="check GITHUB_API_URL; a proxy may have answered in GitHub's place",
            )
        return path

    def _refused(self, answer: Response, permission: str, world: World) -> ServiceError:
        """What an error means (GitHub documentation, REST API, Troubleshooting)."""
        status, said = answer.status, server_message(answer.body)
        needed = "give the job the permission" if permission else "check the token"
        paste = f"permissions:\n  {permission}" if permission and status in (403, 404) else ""
        wait = retry_after(answer, world)
        if status == 401:
            code, what, fix = "github-token", "GitHub does not take the token", "hand over github-token, or GH_TOKEN"
        elif status in (403, 429) and (answer.headers.get("x-ratelimit-remaining") == "0" or wait is not None):
            code, what = "github-rate", "GitHub's limit of requests is reached"
            fix = "wait, or hand over a token: without one there are 60 requests an hour"
        elif "feature not available" in said.lower():
            code, what = "github-plan", "this repository cannot have attestations at GitHub"
            fix = "make the repository public or organisation-owned, or leave GitHub out: `publish-to: none`"
        elif status == 403:
            code, what, fix = "github-permission", "the token may not do this at GitHub", needed
        elif status == 404:
            code, what = "github-missing", "GitHub does not know this, or the token may not see it"
            fix = f"check the name; if it is right, {needed}"
        elif is_transient(status):
            return failed(answer, "GitHub", world, more="https://www.githubstatus.com")
        else:
            code, what, fix = "github-refused", f"GitHub refused the request with status {status}", "see what it says"
        if code not in ("github-permission", "github-missing"):
            paste = ""
        return ServiceError(code=code, what=what, why=f"status {status}: {said}", fix=fix, paste=paste, status=status)


def github_of(world: World, *, token: str = "", retry_seconds: float = 60.0) -> GitHub:
    """The API of the server that runs this job, else of GH_HOST, else github.com; the token given, or GH_TOKEN or
    GITHUB_TOKEN."""
    environ = world.environ
    host = environ.get("GH_HOST", "")
    api = environ.get("GITHUB_API_URL") or (f"https://api.{host}" if host.endswith(".ghe.com") else API)
    return GitHub(
        api=api,
        token=token or environ.get("GH_TOKEN") or environ.get("GITHUB_TOKEN") or "",
        retry_seconds=retry_seconds,
    )


def check_slug(slug: str) -> str:
    """``owner/name``, to be put into an address.

    Raises:
        UsageError: ``github-repository``.
    """
    if not is_slug(slug):
        raise UsageError(
            code="github-repository",
            what=f"{slug[:100]!r} is no repository at GitHub",
            why="it is not owner/name",
            fix="write owner/name",
        )
    return slug


def _items(answer: Response) -> list[Any]:
    value = strict_json.loads(answer.body, at_most=limits.GITHUB_ANSWER_BYTES, name="answer of GitHub")
    if not isinstance(value, list):
        raise unreadable("GitHub", "it is not a JSON array")
    return value
