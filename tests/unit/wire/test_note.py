"""Signed notes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.refusals import code_of

from sigstep.errors import FormatError
from sigstep.wire.note import parse_checkpoint

ROOT = base64.b64encode(b"r" * 32).decode()
SIGNATURE = base64.b64encode(b"hint" + b"s" * 64).decode()
GOOD = f"log.example\n12\n{ROOT}\n\n\u2014 log.example {SIGNATURE}\n"


def test_a_checkpoint_is_read() -> None:
    """Origin, size, root, the signed bytes, and each line."""
    found = parse_checkpoint(GOOD)
    assert (found.origin, found.tree_size, found.root_hash) == ("log.example", 12, b"r" * 32)
    assert found.signed == f"log.example\n12\n{ROOT}\n".encode()
    assert (found.signatures[0].name, found.signatures[0].hint) == ("log.example", b"hint")


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD.replace("\n12\n", "\n012\n"),
        GOOD.replace("\n12\n", "\n-1\n"),
        GOOD.replace("\n12\n", "\n"),
        GOOD.replace(ROOT, ROOT[:-4]),
        GOOD.replace(ROOT, "!"),
        GOOD.replace("\u2014 ", "- "),
        GOOD.replace(SIGNATURE, "aGludA=="),
        GOOD.replace(SIGNATURE, "???"),
        GOOD + "\n\n",
        GOOD.replace("log.example\n12", "\n12"),
        GOOD + f"\u2014 w {SIGNATURE}\n" * 200,
        GOOD.replace("log.example\n12", "\ud800\n12"),
        "x" * 100_000,
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    """C2SP signed-note: exactly one empty line, decimal size without zeros in front, 32-byte root."""
    assert code_of(lambda: parse_checkpoint(text)) == "checkpoint-malformed"


@given(st.text(max_size=300))
def test_no_other_exception_escapes(text: str) -> None:
    """Whatever the text."""
    try:
        parse_checkpoint(text)
    except FormatError as error:
        assert error.code == "checkpoint-malformed"
