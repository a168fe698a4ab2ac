"""Strict YAML: plain values with lines, and a code for every line that refuses."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sigstep.errors import FormatError
from sigstep.wire import strict_json, strict_yaml

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 'y', \"1\"]", {"a": 1, "b": ["x", "y", "1"]}),
        ("on: yes\n1: off", {"on": "yes", "1": "off"}),
        (
            "[~, null, true, False, 0x10, 0o17, -3, 1.5, 1e3, .5]",
            [None, None, True, False, 16, 15, -3, 1.5, 1000.0, 0.5],
        ),
        ("date: 2026-01-01", {"date": "2026-01-01"}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}}),
        ("b: {<<: [{k: 1}, {k: 2, m: 4}]}", {"b": {"k": 1, "m": 4}}),
        ("!!str 5", "5"),
        ("a:", {"a": None}),
        ("9" * 500, "9" * 500),
    ],
)
def test_reads(text: str, value: Any) -> None:
    """YAML 1.2, 10.3.2, core schema; keys are text."""
    assert strict_yaml.loads(text.encode()) == value


def test_lines_and_documents() -> None:
    """Every value knows its line; a stream has several documents."""
    first, second = strict_yaml.documents(b"a: 1\nb:\n  - x\n  - y\n---\nc: 2\n")
    assert [child.line for child in first.value["b"].value] == [3, 4]
    assert second.value["c"].line == 6
    assert strict_yaml.loads_all(b"a: 1\n---\nb: 2\n") == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"a: 1\na: 2", "yaml-duplicate-key"),
        (b"a: !foo 1", "yaml-tag"),
        (b"a: !foo [1]", "yaml-tag"),
        (b"a: !!python/object/apply:os.system [x]", "yaml-tag"),
        (b"a: !!int 1", "yaml-tag"),
        (b"? [a]\n: 1", "yaml-malformed"),
        (b"a: *none", "yaml-malformed"),
        (b"a: &a [*a]", "yaml-malformed"),
        (b"a: {<<: 5}", "yaml-malformed"),
        (b"a: [", "yaml-malformed"),
        (b"\xff", "yaml-malformed"),
        (b"a\n---\nb", "yaml-malformed"),
        (b"", "yaml-malformed"),
        (BOMB.encode(), "yaml-too-large"),
        (b"[" * 150 + b"]" * 150, "yaml-too-deep"),
        (b"[" * 5000, "yaml-too-deep"),
        (b'{"a": ' * 5000, "yaml-too-deep"),
        (b"- " * 5000, "yaml-too-deep"),
        (b"a: [exceeded maximum nesting depth", "yaml-malformed"),
        (b"a: &a " + b"[" * 60 + b"]" * 60 + b"\nb: " + b"[" * 60 + b"*a" + b"]" * 60, "yaml-too-deep"),
        (b"x" * 70, "yaml-too-large"),
    ],
)
def test_refuses(text: bytes, code: str) -> None:
    """Each refusing line has its vector."""
    with pytest.raises(FormatError) as caught:
        strict_yaml.loads(text, at_most=64 if text == b"x" * 70 else 1 << 20)
    assert caught.value.code == code


def test_what_is_malformed_is_named_with_its_line() -> None:
    """The name that the caller gave, and the line that the parser stopped at."""
    with pytest.raises(FormatError) as caught:
        strict_yaml.loads(b"a: 1\nb: [\n", name="deploy.yaml")
    assert caught.value.what == "deploy.yaml is not acceptable YAML"
    assert caught.value.why.startswith("line 3: ")


def test_a_caller_that_leaves_no_stack() -> None:
    """What nests within our bounds and not within the caller's is told as too deep, never as malformed."""
    document = b"[" * 90 + b"]" * 90
    whole = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 80)
    try:
        found = [_code_or_none(read, document) for read in (_yaml, _json)]
    finally:
        sys.setrecursionlimit(whole)
    assert found[0] == "yaml-too-deep"
    assert found[1] in {None, "json-too-deep"}  # from Python 3.12 its reader has a bound of its own
    assert _code_or_none(_yaml, document) is None


def _yaml(document: bytes) -> Any:
    return strict_yaml.loads(document)


def _json(document: bytes) -> Any:
    return strict_json.loads(document, at_most=1000)


def _code_or_none(read: Callable[[bytes], Any], document: bytes) -> str | None:
    try:
        read(document)
    except FormatError as error:
        return error.code
    return None
