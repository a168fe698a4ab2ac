"""proto3 JSON, strictly."""

from __future__ import annotations

import base64
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.refusals import code_of

from sigstep.errors import SigstepError
from sigstep.wire import strict_json
from sigstep.wire.members import Members, decode_base64, parse_time


def of(value: Any) -> Members:
    """Members of a document called d."""
    return Members(value, "d")


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_every_base64_of_the_bytes_is_read(data: bytes, url_safe: bool, padded: bool) -> None:
    """protojson reads both alphabets, with and without padding."""
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    assert decode_base64(text if padded else text.rstrip("="), "d.b", at_most=200) == data


def forms(data: bytes) -> set[str]:
    """Every text that says these bytes, line breaks aside."""
    found = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    return found | {one.rstrip("=") for one in found}


def test_every_short_text() -> None:
    """All texts of up to six characters over an alphabet of all kinds of them: read where some bytes are written so."""
    sextets = [0, 16, 62]
    octets = {(one << 2 | two >> 4) & 255 for one in sextets for two in sextets}
    octets |= {(one << 4 | two >> 2) & 255 for one in sextets for two in sextets}
    octets |= {(one << 6 | two) & 255 for one in sextets for two in sextets}
    known = {
        text: data for size in range(5) for data in map(bytes, product(octets, repeat=size)) for text in forms(data)
    }
    for size in range(7):
        for text in map("".join, product("AQ-=\n!", repeat=size)):
            expected = known.get(text.replace("\n", ""))
            if expected is None:
                assert code_of(partial(decode_base64, text, "d.b", at_most=100)) == "base64-malformed", text
            else:
                assert decode_base64(text, "d.b", at_most=100) == expected, text


@pytest.mark.parametrize("text", ["a", "ab=", "abc==", "!!!!", "YQ===", "YR==", "a b=", "=", "YQ==YQ=="])
def test_what_is_not_base64_is_refused(text: str) -> None:
    """Foreign characters, wrong padding and loose end bits could be two documents to two readers."""
    assert code_of(lambda: decode_base64(text, "d.b", at_most=100)) == "base64-malformed"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("-1", "json-integer"),
        ("01", "json-integer"),
        ("1.0e3", "json-integer"),
        (1.5, "json-integer"),
        (True, "json-integer"),
        (2**63, "json-integer"),
        ("9" * 40, "json-integer"),
        (None, "json-member-missing"),
    ],
)
def test_counts_are_non_negative_int64(value: Any, code: str) -> None:
    """int64 is a decimal string or an integral number."""
    assert code_of(lambda: of({"n": value}).integer("n")) == code


def test_counts_are_read() -> None:
    """Both forms."""
    assert (of({"n": "7"}).integer("n"), of({"n": 7}).integer("n"), of({}).integer("n", 3)) == (7, 7, 3)


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda: of([]), "json-member-type"),
        (lambda: of({"log_index": 1, "logIndex": 2}), "json-duplicate-key"),
        (lambda: of({"x": 1}).done(), "json-unknown-member"),
        (lambda: of({}).need("x"), "json-member-missing"),
        (lambda: of({"x": 1}).text("x"), "json-member-type"),
        (lambda: of({}).text("x"), "json-member-missing"),
        (lambda: of({}).bytes("x", at_most=1), "json-member-missing"),
        (lambda: of({"x": 1}).bytes("x", at_most=1), "json-member-type"),
        (lambda: of({"x": "YWFhYWFhYWE="}).bytes("x", at_most=1), "json-too-large"),
        (lambda: of({"x": {}}).array("x", at_most=1), "json-member-type"),
        (lambda: of({"x": [1, 2]}).array("x", at_most=1), "json-too-many"),
        (lambda: of({"x": "yesterday"}).time("x"), "time-malformed"),
        (lambda: of({"x": "2026-13-01T00:00:00Z"}).time("x"), "time-malformed"),
    ],
)
def test_refusals(action: Any, code: str) -> None:
    """One refused vector for each line that can refuse."""
    assert code_of(action) == code


def test_null_counts_as_absent() -> None:
    """proto3 JSON: null is the default."""
    members = of({"a": None, "b": None})
    assert members.text("a", "") == ""
    members.done()


def test_times_keep_their_moment() -> None:
    """Nanoseconds are cut, zones become UTC."""
    assert parse_time("2026-01-31T12:00:00.123456789Z", "t") == parse_time("2026-01-31T13:00:00.123456+01:00", "t")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "json-too-deep"),
        (b'{"a":1,"a":2}', "json-duplicate-key"),
        (b"NaN", "json-malformed"),
        (b"[1,]", "json-malformed"),
        (b"{} {}", "json-malformed"),
        (b'"\\ud800"', "json-not-utf8"),
        (b"\xff", "json-not-utf8"),
        (b"1" * 5000, "json-malformed"),
        (b"1" * 200_000, "json-too-large"),
    ],
)
def test_json_that_strangers_write(data: bytes, code: str) -> None:
    """Bound, then parse."""
    assert code_of(lambda: strict_json.loads(data, at_most=100_000)) == code


@given(st.binary(max_size=300))
def test_no_other_exception_escapes(data: bytes) -> None:
    """Whatever the bytes, the answer is a value or sigstep's own error."""
    try:
        strict_json.loads(data, at_most=1000)
    except SigstepError as error:
        assert error.code.startswith("json-")


def test_brackets_in_text_are_not_depth() -> None:
    """Only structure counts, also behind escaped quotes."""
    assert strict_json.loads(b'["\\"' + b"[" * 500 + b'"]', at_most=1000) == ['"' + "[" * 500]
