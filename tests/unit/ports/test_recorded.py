"""Recorded answers: what is kept, what is not, and what is no recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.worlds import ScriptedHttp, answer

from sigstep.errors import FormatError, ServiceError, UsageError
from sigstep.ports.http import Response
from sigstep.ports.recorded import RecordedHttp

URL = "https://x.example/a"


def recorded(folder: Path, *answers: Response) -> RecordedHttp:
    """A folder with one answer for each address ``URL``, ``URL1`` …."""
    left = list(answers)
    live = RecordedHttp(folder, ScriptedHttp(lambda sent: left.pop(0)))
    for at in range(len(answers)):
        live.request("GET", f"{URL}{at or ''}", at_most=1000, headers={"Authorization": "Bearer s3cr3t"})
    return RecordedHttp(folder)


def test_text_bytes_and_streams(tmp_path: Path) -> None:
    """Bodies come back byte for byte, with the headers that matter."""
    kept = recorded(tmp_path, answer(200, b"\xff\x00", {"etag": "e", "set-cookie": "s3cr3t"}), answer(404, b"no"))
    found = kept.request("GET", URL, at_most=10)
    assert (found.status, found.body, dict(found.headers)) == (200, b"\xff\x00", {"etag": "e"})
    with kept.stream("GET", f"{URL}1", at_most=10) as stream:
        assert (stream.status, b"".join(stream.chunks())) == (404, b"no")
    assert "s3cr3t" not in "".join(one.read_text() for one in tmp_path.iterdir())
    with pytest.raises(ServiceError) as large:
        kept.request("GET", URL, at_most=1)
    assert large.value.code == "answer-too-large"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"token": "s3cr3t", "a": 1}', {"token": "recorded", "a": 1}),
        (b'[{"token": 1}]', [{"token": 1}]),
    ],
)
def test_tokens_are_not_kept(tmp_path: Path, body: bytes, kept: object) -> None:
    """The answer of a token service is kept without its token."""
    assert json.loads(recorded(tmp_path, answer(200, body)).request("GET", URL, at_most=99).body) == kept
    broken = recorded(tmp_path / "b", answer(200, b'{"token": '))
    assert broken.request("GET", URL, at_most=99).body == b'{"token": '


def test_what_was_not_recorded(tmp_path: Path) -> None:
    """It is as if the network were not there; another method or form is another answer."""
    kept = recorded(tmp_path, answer(200))
    for method, url, accept in (("GET", f"{URL}2", ""), ("POST", URL, ""), ("GET", URL, "text/html")):
        with pytest.raises(ServiceError) as missing:
            kept.request(method, url, at_most=10, headers={"Accept": accept} if accept else None)
        assert missing.value.code == "network-failed"


@pytest.mark.parametrize("change", ["url", "status", "body"])
def test_a_changed_recording(tmp_path: Path, change: str) -> None:
    """A file under another address, or without a member, is no answer."""
    kept = recorded(tmp_path, answer(200))
    (path,) = tmp_path.iterdir()
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, change: {}} if change != "status" else {"url": URL}))
    with pytest.raises(FormatError) as malformed:
        kept.request("GET", URL, at_most=10)
    assert malformed.value.code == "responses-malformed"


def test_no_folder(tmp_path: Path) -> None:
    """Replaying from nothing is usage."""
    with pytest.raises(UsageError) as refused:
        RecordedHttp(tmp_path / "gone")
    assert refused.value.code == "responses-folder"
