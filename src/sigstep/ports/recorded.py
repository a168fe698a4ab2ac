"""The network from a folder: answers that were kept, and (asked to) the keeping of new ones."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, ServiceError, UsageError
from sigstep.ports.http import DEFAULT_TIMEOUT_SECONDS, Http, Response, Stream

_HEADERS: Final = ("content-type", "link", "etag", "docker-content-digest", "www-authenticate")
_SECRET: Final = frozenset({"token", "access_token", "refresh_token"})
_FILE_BYTES: Final = 64 * 1024 * 1024


class RecordedHttp:
    """A door to the network that answers from a folder.

    Each answer is one JSON file: method, address, form asked for, status, headers and body. Credentials are never
    kept: neither those of requests nor tokens in answers.

    Args:
        folder: where the answers are.
        live: the network, to keep its answers; None to answer from the folder alone.
    """

    def __init__(self, folder: Path, live: Http | None = None) -> None:
        if live is None and not folder.is_dir():
            raise UsageError(
                code="responses-folder",
                what=f"{folder} is no folder with recorded answers",
                fix="record some first: --responses DIR --record",
            )
        self._folder = folder
        self._live = live
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> Response:
        """See `Http.request`; ``network-failed`` where no answer was kept."""
        accept = (headers or {}).get("Accept", "")
        path = self._folder / _name(method, url, accept, body)
        if self._live is None:
            return self._kept(path, url, at_most)
        answer = self._live.request(
            method, url, at_most=at_most, headers=headers, body=body, timeout=timeout, redirects=redirects
        )
        self._keep(path, method, url, accept, answer)
        return answer

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> Iterator[Stream]:
        """See `Http.stream`: one kept answer, in one piece."""
        answer = self.request(method, url, at_most=at_most, headers=headers, timeout=timeout, redirects=redirects)
        yield _Whole(answer)

    def _kept(self, path: Path, url: str, at_most: int) -> Response:
        try:
            with path.open("rb") as file:
                value = json.loads(file.read(_FILE_BYTES))
            if value["url"] != url:
                raise ValueError("it is of another address")
            text = value["body"]
            body = text.encode() if isinstance(text, str) else base64.b64decode(text["base64"])
            answer = Response(status=int(value["status"]), headers=dict(value["headers"]), body=body, url=url)
        except FileNotFoundError:
            raise ServiceError(
                code="network-failed",
                what=f"no answer was recorded for {url[:200]}",
                why="only recorded answers are used",
                fix="record it: --responses DIR --record",
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise FormatError(
                code="responses-malformed",
                what=f"a recorded answer cannot be read: {path.name}",
                why=str(error)[:200],
                fix="record it again",
            ) from None
        if len(answer.body) > at_most:
            raise ServiceError(code="answer-too-large", what=f"the recorded answer has more than {at_most} bytes")
        return answer

    def _keep(self, path: Path, method: str, url: str, accept: str, answer: Response) -> None:
        try:
            text: Any = _without_secrets(answer.body).decode("utf-8")
        except UnicodeDecodeError:
            text = {"base64": base64.b64encode(answer.body).decode()}
        kept = {name: value for name, value in answer.headers.items() if name in _HEADERS}
        value = {"method": method, "url": url, "accept": accept, "status": answer.status, "headers": kept, "body": text}
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".part")
            temporary.write_text(json.dumps(value, indent=1), "utf-8")
            temporary.replace(path)


class _Whole:
    """A `Stream` of one piece."""

    def __init__(self, answer: Response) -> None:
        self.status, self.headers, self.url = answer.status, answer.headers, answer.url
        self._body = answer.body

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:  # noqa: ARG002 - the protocol's
        """See `Stream.chunks`."""
        yield self._body


def _name(method: str, url: str, accept: str, body: bytes | None) -> str:
    asked = f"{method}\n{url}\n{accept}\n".encode() + (body or b"")
    return f"{hashlib.sha256(asked).hexdigest()[:32]}.json"


def _without_secrets(body: bytes) -> bytes:
    """The body, with tokens of a token service replaced."""
    if not any(f'"{name}"'.encode() in body for name in _SECRET):
        return body
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(value, dict) or not _SECRET & value.keys():
        return body
    return json.dumps({name: "recorded" if name in _SECRET else one for name, one in value.items()}).encode()
