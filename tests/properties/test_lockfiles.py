"""A fuzz target for each reader of lockfiles and manifests: damaged samples, and bytes of strangers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lockfiles import SAMPLES
from tests.properties.test_readers import MANY
from tests.unit.ecosystems.test_readers import CASES

from sigstep.errors import SigstepError
from sigstep.flows.lockfiles import parse

TARGETS = [(path, text) for path, text, _ in [*SAMPLES, *CASES]]
PIECES = (
    "",
    '"',
    "{",
    "[",
    "\n",
    "  ",
    "\t",
    "\x00",
    "\ufeff",
    "&a [*a]",
    "::error::x",
    "<!--",
    "@",
    "sha256:",
    "9" * 50,
)


@pytest.mark.parametrize(("path", "text"), TARGETS, ids=[f"{one[0]}-{at}" for at, one in enumerate(TARGETS)])
@MANY
@given(st.data())
def test_damaged_lockfiles(path: str, text: str, data: st.DataObject) -> None:
    """Read or refused with a code; every line that is told lies in the file."""
    at = data.draw(st.integers(0, len(text)))
    inserted = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)))
    damaged = (text[:at] + inserted + text[at + data.draw(st.integers(0, 12)) :]).encode("utf-8", "surrogatepass")
    check(path, damaged)


@pytest.mark.parametrize("path", sorted({path for path, _ in TARGETS}))
@MANY
@given(st.binary(max_size=300))
def test_bytes_of_strangers(path: str, data: bytes) -> None:
    """Nothing but values and our own errors."""
    check(path, data)


def check(path: str, data: bytes) -> None:
    """Read it."""
    try:
        found = parse(data, path)
    except SigstepError as error:
        assert error.code
        return
    last = max(1, len(data.decode("utf-8", "replace").splitlines()), data.count(b"\n") + 1)
    assert all(1 <= one.line <= last for one in found), [(one.line, last) for one in found]
