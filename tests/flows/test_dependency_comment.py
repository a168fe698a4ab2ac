"""One comment at a pull request, updated by later runs; npm's keys of the TUF repository's delegation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.worlds import Sent, answer, world

from sigstep.errors import ServiceError, SigstepError, UsageError
from sigstep.flows.dependency_comment import write_comment
from sigstep.ports.http import Response

MARKER = "<!-- marker -->"
HERE = {"GITHUB_REPOSITORY": "acme/app", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_API_URL": "https://hub.example"}


class Comments:
    """The comments of a pull request."""

    def __init__(self, *comments: dict[str, Any], status: int = 200) -> None:
        self.comments = list(comments)
        self.status = status
        self.written: list[tuple[str, str, str]] = []

    def __call__(self, sent: Sent) -> Response:
        """Answer one request."""
        if sent.method == "GET":
            return answer(200, json.dumps(self.comments).encode())
        self.written.append((sent.method, sent.url, json.loads(sent.body)["body"]))
        made = {"html_url": "https://github.com/acme/app/pull/7#1"} if self.status < 400 else {"message": "no"}
        return answer(201 if sent.method == "POST" and self.status == 200 else self.status, json.dumps(made).encode())


def comment(number: int, body: str, kind: str = "Bot") -> dict[str, Any]:
    """A comment."""
    return {"id": number, "body": body, "user": {"type": kind}}


def test_the_first_comment_is_written() -> None:
    """A person's comment with the marker is not taken for ours."""
    comments = Comments(comment(1, f"{MARKER} mine", "User"), comment(2, "other"))
    assert write_comment(f"{MARKER}\nx", MARKER, world(comments, environ=HERE)).startswith("https://github.com/")
    assert comments.written == [("POST", "https://hub.example/repos/acme/app/issues/7/comments", f"{MARKER}\nx")]


def test_a_later_run_updates_it() -> None:
    """One comment, however often it runs."""
    comments = Comments(comment(2, f"{MARKER}\nold"))
    write_comment(f"{MARKER}\nnew", MARKER, world(comments, environ=HERE), number=9)
    assert comments.written == [("PATCH", "https://hub.example/repos/acme/app/issues/comments/2", f"{MARKER}\nnew")]


def test_a_token_that_may_not_write() -> None:
    """A fork's token: GitHub's refusal says which permission is missing."""
    with pytest.raises(ServiceError) as refused:
        write_comment("x", MARKER, world(Comments(status=403), environ=HERE))
    assert "pull-requests: write" in refused.value.paste


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"GITHUB_REF": "refs/heads/main"}, "comment-where"), ({"GITHUB_REPOSITORY": ""}, "github-repository")],
)
def test_nowhere_to_comment(changed: dict[str, str], code: str) -> None:
    """Outside a pull request's job the place has to be named."""
    with pytest.raises(UsageError) as refused:
        write_comment("x", MARKER, world(Comments(), environ={**HERE, **changed}))
    assert refused.value.code == code


def test_an_answer_without_an_address() -> None:
    """GitHub's answer is read strictly."""

    def odd(sent: Sent) -> Response:
        return answer(200, b"[]") if sent.method == "GET" else answer(201, b"{}")

    with pytest.raises(SigstepError) as refused:
        write_comment("x", MARKER, world(odd, environ=HERE))
    assert refused.value.code == "github-answer"
